import { isDeepStrictEqual } from "node:util";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { updateFeed, type FeedRow } from "../../catalog/feeds.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import { addProtection, listProtections, lockRules, removeProtection } from "../../catalog/retention/rules.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { commitUnless } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { protectionName } from "./protection-name.ts";
import { parseProtection } from "./protections.ts";
import { lockLiveFeed } from "../feed-store/find-feed.ts";
import type { FeedGoals } from "./rule-file.ts";
import { ruleName, type RuleBody } from "./criteria.ts";
import { checkRule, readRules, replaceRules } from "./rules.ts";
import { protectionWarning, ruleWarnings } from "./warnings.ts";
import { describeCriteria } from "./words.ts";

/** One difference between a feed's rules and the file. `before` and `after` are null where there is none. */
export interface RetentionChange {
  feed: string;
  change: "added" | "removed" | "changed" | "moved";
  what: "rule" | "protection" | "enabled";
  name: string;
  before: string | null;
  after: string | null;
}

export interface AppliedRules {
  changes: RetentionChange[];
  /** Likely mistakes in added and changed rules and protections, one sentence each. */
  warnings: string[];
}

/**
 * Changes feeds to match a rule file, in one transaction. Feeds that the file does not name stay unchanged. Returns the
 * changes; `dryRun` rolls them back.
 */
export async function applyRetention(
  context: Context,
  goals: readonly FeedGoals[],
  { dryRun = false }: { dryRun?: boolean | undefined } = {},
): Promise<AppliedRules> {
  const { db } = await context.catalog();
  return commitUnless(dryRun, db, [], async (transaction) => {
    const all: AppliedRules = { changes: [], warnings: [] };
    for (const goal of goals) {
      const { changes, warnings } = await applyToFeed(context, transaction, goal);
      all.changes.push(...changes);
      all.warnings.push(...warnings);
    }
    return all;
  });
}

async function applyToFeed(context: Context, db: Db, goal: FeedGoals): Promise<AppliedRules> {
  const { places } = goal;
  const feed = await located(places.feed, () => lockLiveFeed(db, goal.feed));
  await lockRules(db, feed.id);
  const changes: RetentionChange[] = [];
  if (goal.rules !== undefined) {
    const before = await readRules(db, feed.id);
    const checked = { names: new Set<string>(), now: context.now() };
    for (const [index, rule] of goal.rules.entries())
      await located(places.rules[index], () => checkRule(feed, rule, checked));
    await replaceRules(db, feed, goal.rules, context.now());
    changes.push(...compareRules(feed, before, goal.rules));
  }
  if (goal.protect !== undefined) {
    for (const [index, { what }] of goal.protect.entries())
      await located(places.protect[index], async () => parseProtection(feed.type, what));
    changes.push(...(await applyProtections(context, db, feed, goal.protect)));
  }
  if (goal.enabled !== undefined && goal.enabled !== feed.retention_rules_enabled) {
    await updateFeed(db, feed.id, { retention_rules_enabled: goal.enabled });
    const state = (on: boolean) => (on ? "on" : "off");
    changes.push({
      feed: feed.name,
      change: "changed",
      what: "enabled",
      name: "retention",
      before: state(!goal.enabled),
      after: state(goal.enabled),
    });
  }
  const about = { runId: null, actor: context.actor, feedId: feed.id, now: context.now() };
  await insertAuditEvents(
    db,
    about,
    changes.map(({ change, what, name, before, after }) => ({
      action: `retention ${what} ${change}`,
      object: name,
      detail: { before, after },
    })),
  );
  return { changes, warnings: await warningsOf(context, db, feed, { goal, changes }) };
}

/** Runs `check`; the message of its error begins with the place in the rule file. */
async function located<T>(place: string | undefined, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (!isFeedctlError(error, "usage") && !isFeedctlError(error, "not-found")) throw error;
    throw new FeedctlError(error.code, `${place ?? ""}: ${error.message}`, { hint: error.hint, cause: error });
  }
}

async function warningsOf(
  context: Context,
  db: Db,
  feed: FeedRow,
  { goal, changes }: { goal: FeedGoals; changes: readonly RetentionChange[] },
): Promise<string[]> {
  const isNew = (what: RetentionChange["what"], name: string) =>
    changes.some((each) => each.what === what && each.name === name && /^(added|changed)$/.test(each.change));
  const warnings: string[] = [];
  for (const [index, body] of (goal.rules ?? []).entries()) {
    const rule = { ...body, position: index + 1 };
    if (!isNew("rule", rule.name ?? String(rule.position))) continue;
    const found = await ruleWarnings(db, feed, rule, context.now());
    warnings.push(...found.map((each) => `${feed.name}: ${ruleName(rule)}: ${each}`));
  }
  const protections = (goal.protect ?? []).map(({ what }) => parseProtection(feed.type, what));
  for (const [name, protection] of new Map(protections.map((each) => [protectionName(feed.type, each), each]))) {
    if (!isNew("protection", name)) continue;
    const found = await protectionWarning(db, feed, protection);
    if (found !== undefined) warnings.push(found);
  }
  return warnings;
}

/** Named rules are matched by name, unnamed ones by their description, whatever their position. */
function compareRules(
  { name: feed, type }: Pick<FeedRow, "name" | "type">,
  before: readonly RuleBody[],
  after: readonly RuleBody[],
): RetentionChange[] {
  const words = (rule: RuleBody) => wordsOf(type, rule);
  const identity = (rule: RuleBody) => rule.name ?? words(rule);
  const named = (rules: readonly RuleBody[]) => rules.map((rule, index) => ({ ...rule, position: index + 1 }));
  const [old, wanted] = [named(before), named(after)];
  const changes: RetentionChange[] = [];
  const left = new Set(old);
  for (const rule of wanted) {
    const same = [...left].find((each) =>
      rule.name === null ? each.name === null && words(each) === words(rule) : each.name === rule.name,
    );
    if (same !== undefined) left.delete(same);
    const about = {
      feed,
      what: "rule",
      name: rule.name ?? String(rule.position),
      before: same ? words(same) : null,
      after: words(rule),
    } as const;
    if (same === undefined) changes.push({ ...about, change: "added" });
    else if (words(same) !== words(rule) || !isDeepStrictEqual({ ...same.criteria }, { ...rule.criteria }))
      changes.push({ ...about, change: "changed" });
  }
  for (const rule of left)
    changes.push({
      feed,
      what: "rule",
      name: rule.name ?? String(rule.position),
      change: "removed",
      before: words(rule),
      after: null,
    });
  // the rules that are in both lists, in case their order differs
  const kept = old.filter((rule) => !left.has(rule)).map(identity);
  const order = wanted.map(identity).filter((each) => kept.includes(each));
  if (
    !isDeepStrictEqual(
      kept.filter((each) => order.includes(each)),
      order,
    )
  )
    changes.push({
      feed,
      what: "rule",
      name: "order",
      change: "moved",
      before: kept.join(", "),
      after: order.join(", "),
    });
  return changes;
}

function wordsOf(feedType: string, { criteria, enabled, protectAcrossRules }: RuleBody): string {
  return [
    ...(enabled ? [] : ["off"]),
    ...describeCriteria(feedType, criteria),
    ...(protectAcrossRules ? ["keeps across rules"] : []),
  ].join("; ");
}

async function applyProtections(
  context: Context,
  db: Db,
  feed: FeedRow,
  wanted: NonNullable<FeedGoals["protect"]>,
): Promise<RetentionChange[]> {
  const changes: RetentionChange[] = [];
  const by = { actor: context.actor, now: context.now() };
  const old = new Map((await listProtections(db, feed.id)).map((row) => [protectionName(feed.type, row), row]));
  const seen = new Set<string>();
  for (const { what, reason } of wanted) {
    const protection = parseProtection(feed.type, what);
    const name = protectionName(feed.type, protection);
    // merged lists name a package twice; the first entry counts
    if (seen.has(name)) continue;
    seen.add(name);
    const row = old.get(name);
    old.delete(name);
    if (row !== undefined && (reason === null || row.reason === reason)) continue;
    await addProtection(db, feed.id, { ...protection, reason }, by);
    const change = row === undefined ? "added" : "changed";
    changes.push({ feed: feed.name, what: "protection", name, change, before: row?.reason ?? null, after: reason });
  }
  for (const [name, row] of old) {
    await removeProtection(db, feed.id, row);
    changes.push({ feed: feed.name, what: "protection", name, change: "removed", before: row.reason, after: null });
  }
  return changes;
}
