import type { FeedRow } from "../../catalog/feeds.ts";
import { countEmptied, countKinds } from "../../catalog/retention/assets.ts";
import {
  analyzeKept,
  countFuture,
  keepAcross,
  sumPlan,
  selectByRule,
  type PlannedVersion,
  type PlanSums,
  type PlanTotals,
} from "../../catalog/retention/plan.ts";
import { setHiddenApart, type JudgedVersions } from "../../catalog/retention/quarantine.ts";
import { subjectOf } from "../../catalog/retention/subject.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { counted } from "../../lib/format-size.ts";
import type { Context } from "../context.ts";
import { throwIfInterrupted } from "../../stores/shared/signal.ts";
import { requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { compileRule } from "./compile-rule.ts";
import type { RetentionRule } from "./criteria.ts";
import { findKnownUse, type UseOfPlan } from "./known-use.ts";
import { readRules } from "./rules.ts";
import { itemOf } from "./terms.ts";
import { planWarnings } from "./warnings.ts";
import { reasonOf } from "./words.ts";

/** A version, or a file of an asset directory, that a rule selects for deletion. */
export interface PlannedDeletion {
  /** For an asset: its folder. */
  group: string;
  /** For an asset: its name within the folder. */
  name: string;
  /** For an asset: empty, or the number of the earlier content. */
  version: string;
  /** Full path; only for an asset. */
  path?: string;
  /** Position of the rule that selects it. */
  rule: number;
  ruleName: string | null;
  /** In words, criterion by criterion. */
  reason: string;
  bytes: number;
}

/**
 * A plan in the temporary tables of one repeatable-read transaction. Disposing it rolls back unless it was committed.
 */
export interface RetentionPlan extends AsyncDisposable {
  feed: FeedRow;
  rules: RetentionRule[];
  /** What is known of the use of its files; undefined when no enabled rule depends on it. */
  use: UseOfPlan | undefined;
  sums: PlanSums;
  total: PlanTotals;
  /** What happens to the versions that earlier runs have hidden: they are not among the others. */
  hidden: JudgedVersions;
  /** Planned deletions and the total: one entry, or two for an asset directory (files, earlier content). */
  shares: { history: boolean; planned: number; all: number }[];
  /** How many folders are deleted because their last file is. */
  folders: number;
  /** Ordered by rule; under a quota in the order of deletion. */
  versions(): AsyncGenerator<PlannedDeletion>;
  /** The plan's transaction. */
  db: Db;
  /** Commits the transaction, with what was written in it. */
  commit(): Promise<void>;
}

/**
 * Plans what the rules of a feed would delete now. Changes nothing. `beforeRule` is called before each rule is applied.
 */
export async function planRetention(
  context: Context,
  ref: FeedRef,
  beforeRule?: (db: Db, feed: FeedRow, rule: RetentionRule) => Promise<unknown>,
): Promise<RetentionPlan> {
  const { db: catalog } = await context.catalog();
  const db = await catalog.startTransaction().setIsolationLevel("repeatable read").execute();
  try {
    const feed = await requireLiveFeed(db, ref);
    const subject = subjectOf(feed.type);
    const rules = await readRules(db, feed.id);
    const now = context.now();
    const enabled = rules.filter((rule) => rule.enabled);
    const queries = await Promise.all(enabled.map((rule) => compileRule(feed.type, rule, now)));
    const use = await findKnownUse(context, db, feed, enabled);
    await subject.prepare(db, feed.id);
    await warnOfFutureDates(context, db, feed, now);
    await subject.keepProtected(db, feed.id);
    for (const query of queries) if (query.protectAcross) await keepAcross(db, feed.id, query);
    await analyzeKept(db);
    for (const warning of await planWarnings(db, feed, rules, queries)) context.notice(warning);
    let taken = 0;
    for (const query of queries) {
      context.signal.throwIfAborted();
      await beforeRule?.(db, feed, rules[query.position - 1] as RetentionRule);
      taken += await selectByRule(db, feed.id, query, taken);
    }
    const hidden = await setHiddenApart(db, now);
    const sums = await sumPlan(db);
    const total = totalOf(sums.rules);
    const removing = queries.filter(({ position }) => rules[position - 1]?.criteria.removeEmptyFolders);
    return {
      feed,
      rules,
      use,
      sums,
      db,
      total,
      hidden,
      shares:
        feed.type === "asset"
          ? await countKinds(db)
          : [{ history: false, planned: total.versions, all: sums.feed.versions }],
      folders: await countEmptied(
        db,
        feed.id,
        removing.map(({ position }) => position),
      ),
      async *versions() {
        for await (const version of subject.list(db)) {
          throwIfInterrupted(context.signal);
          yield plannedDeletion(rules, feed.type, version, now);
        }
      },
      commit: () => db.commit().execute(),
      async [Symbol.asyncDispose]() {
        if (!db.isCommitted && !db.isRolledBack) await rollback();
      },
    };
  } catch (error) {
    await rollback();
    throw error;
  }

  /** Ignores errors: on a broken connection there is nothing to roll back, and the caller throws the first error. */
  async function rollback(): Promise<void> {
    await db
      .rollback()
      .execute()
      .catch(() => {});
  }
}

/** Warns of publish dates after `now`, of a machine whose clock was wrong: no rule deletes these items by age. */
async function warnOfFutureDates(context: Context, db: Db, feed: FeedRow, now: Date): Promise<void> {
  const { count, latest } = await countFuture(db, new Date(now.getTime() + FUTURE));
  if (count === 0) return;
  context.notice(
    `${counted(count, itemOf(feed.type))} of feed ${feed.name} ${count === 1 ? "has a publish date" : "have publish dates"} in the future, up to ${latest?.toISOString()}; no rule considers ${count === 1 ? "it" : "them"} old`,
  );
}

/** Milliseconds that a publish date may be in the future: clocks differ a little. */
const FUTURE = 5 * 60_000;

export function plannedDeletion(
  rules: readonly RetentionRule[],
  feedType: string,
  version: PlannedVersion,
  now: Date,
): PlannedDeletion {
  const rule = rules[version.rule - 1] as RetentionRule;
  const { group, name, path, bytes } = version;
  return {
    group,
    name,
    version: version.version,
    ...(path !== null && { path }),
    rule: rule.position,
    ruleName: rule.name,
    reason: reasonOf(feedType, rule.criteria, version, now),
    bytes,
  };
}

function totalOf(rules: readonly PlanTotals[]): PlanTotals {
  const sum = (of: keyof PlanTotals) => rules.reduce((total, rule) => total + rule[of], 0);
  return { versions: sum("versions"), files: sum("files"), bytes: sum("bytes") };
}
