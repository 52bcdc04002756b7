import { insertAuditEvents } from "../../catalog/runs.ts";
import { listRules, lockRules, saveRules, type NewRule } from "../../catalog/retention/rules.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireFeed, lockLiveFeed } from "../feed-store/find-feed.ts";
import { compileCriteria } from "./compile-rule.ts";
import { criteriaProblem, ruleName, type RetentionRule, type RuleBody } from "./criteria.ts";
import { ruleWarnings } from "./warnings.ts";

export async function readRules(db: Db, feedId: number): Promise<RetentionRule[]> {
  return (await listRules(db, feedId)).map((row) => ({
    position: row.position,
    name: row.name,
    enabled: row.enabled,
    protectAcrossRules: row.protect_across_rules,
    criteria: row.criteria,
  }));
}

export interface RulesOfFeed {
  feed: string;
  feedType: string;
  /** Whether runs apply the rules. */
  enabled: boolean;
  rules: RetentionRule[];
}

export async function listRetentionRules(context: Context, feedName: string): Promise<RulesOfFeed> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  return {
    feed: feed.name,
    feedType: feed.type,
    enabled: feed.retention_rules_enabled,
    rules: await readRules(db, feed.id),
  };
}

/** A rule and the type of its feed. */
export interface RuleOfFeed {
  feedType: string;
  rule: RetentionRule;
}

export interface ChangedRule extends RuleOfFeed {
  /** Likely mistakes, one sentence each; none for a removed rule. */
  warnings: string[];
}

export async function showRetentionRule(context: Context, feedName: string, which: string): Promise<RuleOfFeed> {
  const { feed, feedType, rules } = await listRetentionRules(context, feedName);
  return { feedType, rule: requireRule(feed, rules, which) };
}

export async function addRetentionRule(
  context: Context,
  feedName: string,
  rule: RuleBody,
  position?: number,
): Promise<ChangedRule> {
  return change(context, feedName, "retention rule added", (_feed, rules) => {
    const at = Math.min(position ?? rules.length + 1, rules.length + 1);
    return [[...rules.slice(0, at - 1), rule, ...rules.slice(at - 1)], at];
  });
}

/** A change of a rule. Only the criteria in `criteria` change; undefined removes one. */
export interface RuleChange extends Partial<Omit<RuleBody, "criteria">> {
  criteria: { [Name in keyof RetentionCriteria]?: RetentionCriteria[Name] | undefined };
}

export async function setRetentionRule(
  context: Context,
  feedName: string,
  which: string,
  { criteria, ...body }: RuleChange,
): Promise<ChangedRule> {
  return change(context, feedName, "retention rule changed", (feed, rules) => {
    const before = requireRule(feed.name, rules, which);
    const merged = Object.entries({ ...before.criteria, ...criteria }).filter(([, value]) => value !== undefined);
    const after = { ...before, ...body, criteria: Object.fromEntries(merged) as RetentionCriteria };
    return [rules.with(before.position - 1, after), before.position];
  });
}

export async function moveRetentionRule(
  context: Context,
  feedName: string,
  which: string,
  to: number,
): Promise<ChangedRule> {
  return change(context, feedName, "retention rule moved", (feed, rules) => {
    const rule = requireRule(feed.name, rules, which);
    const at = Math.min(to, rules.length);
    return [rules.toSpliced(rule.position - 1, 1).toSpliced(at - 1, 0, rule), at];
  });
}

export async function removeRetentionRule(context: Context, feedName: string, which: string): Promise<ChangedRule> {
  return change(context, feedName, "retention rule removed", (feed, rules) => {
    const rule = requireRule(feed.name, rules, which);
    return [rules.toSpliced(rule.position - 1, 1), rule];
  });
}

/** The rule by its name or its position. Throws `not-found`. */
function requireRule(feed: string, rules: readonly RetentionRule[], which: string): RetentionRule {
  const byName = rules.find(({ name }) => name?.toLowerCase() === which.toLowerCase());
  const found = byName ?? (/^[0-9]+$/.test(which) ? rules[Number(which) - 1] : undefined);
  if (found !== undefined) return found;
  throw new FeedctlError("not-found", `feed "${feed}" has no retention rule ${which}`, {
    hint: rules.length === 0 ? `feedctl retention rule add ${feed} --help` : `see: feedctl retention rule list ${feed}`,
  });
}

/** `edit` returns the new rules and the one that changed: its new position, or the removed rule itself. */
async function change(
  context: Context,
  feedName: string,
  action: string,
  edit: (feed: FeedRow, rules: RetentionRule[]) => [readonly RuleBody[], number | RetentionRule],
): Promise<ChangedRule> {
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    await lockRules(transaction, feed.id);
    const [after, about] = edit(feed, await readRules(transaction, feed.id));
    await replaceRules(transaction, feed, after, context.now());
    const rule = typeof about === "number" ? { ...(after[about - 1] as RuleBody), position: about } : about;
    const by = { runId: null, actor: context.actor, feedId: feed.id, now: context.now() };
    await insertAuditEvents(transaction, by, [{ action, object: ruleName(rule), detail: { ...rule } }]);
    const warnings = typeof about === "number" ? await ruleWarnings(transaction, feed, rule, context.now()) : [];
    return { feedType: feed.type, rule, warnings };
  });
}

/** Replaces all rules of a feed. Throws `usage` when one of them is invalid. */
export async function replaceRules(db: Db, feed: FeedRow, rules: readonly RuleBody[], now: Date): Promise<void> {
  const names = new Set<string>();
  for (const rule of rules) await checkRule(feed, rule, { names, now });
  await saveRules(
    db,
    feed.id,
    rules.map(({ name, enabled, protectAcrossRules, criteria }): NewRule => ({
      name,
      enabled,
      protectAcross: protectAcrossRules,
      criteria: { ...criteria },
    })),
  );
}

/** Throws `usage` when the rule is invalid. `names`: those of the rules before it, in lower case; its own is added. */
export async function checkRule(
  feed: FeedRow,
  rule: RuleBody,
  { names, now }: { names: Set<string>; now: Date },
): Promise<void> {
  const problem = ruleProblem(rule, feed.type, names);
  if (problem !== undefined)
    throw new FeedctlError("usage", problem, { hint: "see: feedctl retention rule add --help" });
  await compileCriteria(feed.type, rule.criteria, now);
}

function ruleProblem({ name, criteria }: RuleBody, feedType: string, names: Set<string>): string | undefined {
  if (name !== null && !/^(?![0-9]+$)[^\p{Cc}]{1,100}$/u.test(name))
    return `${JSON.stringify(name)} is not a valid rule name: it must have 1 to 100 characters and not be a number`;
  if (name !== null && names.has(name.toLowerCase())) return `there are two rules called "${name}"`;
  if (name !== null) names.add(name.toLowerCase());
  return criteriaProblem(criteria, feedType);
}
