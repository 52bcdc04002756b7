import type { FeedRow } from "../../catalog/feeds.ts";
import { countEmptied, countKinds } from "../../catalog/retention/assets.ts";
import {
  analyzeKept,
  keepAcross,
  sumPlan,
  selectByRule,
  type PlannedVersion,
  type PlanSums,
  type PlanTotals,
} from "../../catalog/retention/plan.ts";
import type { RuleQuery } from "../../catalog/retention/rule-query.ts";
import { subjectOf } from "../../catalog/retention/subject.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { compileRule } from "./compile-rule.ts";
import { criteria, givenNames, ruleName, type RetentionRule } from "./criteria.ts";
import { readRules } from "./rules.ts";
import { reasonOf } from "./words.ts";

/** A version that is to go, or a file of an asset directory. */
export interface DoomedVersion {
  /** Of an asset its folder, and the next its name in there. */
  group: string;
  name: string;
  /** Of an asset empty, or the number of the earlier content that is meant. */
  version: string;
  /** Whole, and only of an asset. */
  path?: string;
  /** Position of the rule that takes it. */
  rule: number;
  ruleName: string | null;
  /** In words, criterion by criterion. */
  reason: string;
  bytes: number;
}

/** A plan as the database holds it, in one snapshot of the catalog, until it is disposed. */
export interface RetentionPlan extends AsyncDisposable {
  feed: FeedRow;
  rules: RetentionRule[];
  sums: PlanSums;
  total: PlanTotals;
  /** What there is and what goes; of an asset directory twice, for files and for earlier content. */
  shares: { history: boolean; planned: number; all: number }[];
  /** Folders that go with their last file. */
  folders: number;
  /** By rule; under a quota in the order of deletion. */
  versions(): AsyncGenerator<DoomedVersion>;
  /** In the snapshot. */
  db: Db;
  /** Ends the snapshot and keeps what was written. */
  commit(): Promise<void>;
}

/** What the rules of a feed would delete now. Nothing is changed. */
export async function planRetention(
  context: Context,
  feedName: string,
  beforeRule?: (db: Db, feed: FeedRow, rule: RetentionRule) => Promise<unknown>,
): Promise<RetentionPlan> {
  const { db: catalog } = await context.catalog();
  const db = await catalog.startTransaction().setIsolationLevel("repeatable read").execute();
  try {
    const feed = await requireLiveFeed(db, feedName);
    const subject = subjectOf(feed.type);
    const rules = await readRules(db, feed.id);
    const now = context.now();
    const enabled = rules.filter((rule) => rule.enabled);
    const queries = await Promise.all(enabled.map((rule) => compileRule(feed.type, rule, now)));
    await tellUnknownUse(context, db, feed, { rules, queries });
    await subject.prepare(db, feed.id);
    await subject.keepProtected(db, feed.id);
    for (const query of queries) if (query.protectAcross) await keepAcross(db, feed.id, query);
    await analyzeKept(db);
    let taken = 0;
    for (const query of queries) {
      context.signal.throwIfAborted();
      await beforeRule?.(db, feed, rules[query.position - 1] as RetentionRule);
      taken += await selectByRule(db, feed.id, query, taken);
    }
    const sums = await sumPlan(db);
    const total = totalOf(sums.rules);
    const removing = queries.filter(({ position }) => rules[position - 1]?.criteria.removeEmptyFolders);
    return {
      feed,
      rules,
      sums,
      db,
      total,
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
        for await (const version of subject.list(db)) yield doomedVersion(rules, feed.type, version, now);
      },
      commit: () => db.commit().execute(),
      async [Symbol.asyncDispose]() {
        if (!db.isCommitted && !db.isRolledBack) await giveUp();
      },
    };
  } catch (error) {
    await giveUp();
    throw error;
  }

  /** Of a connection that broke nothing is left to be rolled back, and why it broke is being told. */
  async function giveUp(): Promise<void> {
    await db
      .rollback()
      .execute()
      .catch(() => {});
  }
}

/** Where logs are not imported, or not any more, what is in use looks as if nobody needed it. */
async function tellUnknownUse(
  context: Context,
  db: Db,
  feed: FeedRow,
  { rules, queries }: { rules: readonly RetentionRule[]; queries: readonly RuleQuery[] },
): Promise<void> {
  const trusting = queries.find(({ position }) => needsUsage(rules[position - 1] as RetentionRule));
  if (trusting === undefined) return;
  const usedSince = trusting.criteria.keepUsedWithinDays;
  const newest = await subjectOf(feed.type).newestUse(db, feed.id);
  if (newest !== null && (usedSince === undefined || newest >= usedSince)) return;
  const known = newest === null ? "no use" : `no use since ${newest.toISOString().slice(0, 10)}`;
  context.notice(
    `${known} of feed ${feed.name} is known, and ${ruleName(rules[trusting.position - 1] as RetentionRule)} goes by that; see: feedctl usage import`,
  );
}

function needsUsage(rule: RetentionRule): boolean {
  return givenNames(rule.criteria).some((name) => criteria[name].needsUsage);
}

export function doomedVersion(
  rules: readonly RetentionRule[],
  feedType: string,
  version: PlannedVersion,
  now: Date,
): DoomedVersion {
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
