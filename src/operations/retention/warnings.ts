import type { FeedRow } from "../../catalog/feeds.ts";
import { findIdleProtections, findUnmatched, type NamingTest } from "../../catalog/retention/matches.ts";
import { countProtected, type NewProtection } from "../../catalog/retention/rules.ts";
import type { RuleQuery } from "../../catalog/retention/rule-query.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { counted } from "../../lib/text/format-size.ts";
import { compileRule } from "./compile-rule.ts";
import { criteria, deletesTheRest, oddPatterns, ruleName, type RetentionRule } from "./criteria.ts";
import { protectionName } from "./protection-name.ts";
import { itemOf } from "./terms.ts";

/** Likely mistakes in a rule that was added or changed, one sentence each. */
export async function ruleWarnings(db: Db, feed: FeedRow, rule: RetentionRule, now: Date): Promise<string[]> {
  const odd = oddPatterns(rule.criteria);
  const plan = `see: feedctl retention plan ${feed.name}`;
  return [
    ...(odd.length > 0 ? [`only * is a wildcard in ${odd.join(" and ")}; ${plan}`] : []),
    ...(deletesTheRest(rule.criteria)
      ? [`the rule deletes every ${itemOf(feed.type)} that it does not keep; ${plan}`]
      : []),
    ...(await idleWords(db, feed, { rule, query: await compileRule(feed.type, rule, now), within: "feed" })),
  ];
}

/** What a new protection does not protect; undefined when it matches something. */
export async function protectionWarning(
  db: Db,
  feed: FeedRow,
  protection: Pick<NewProtection, "package" | "version">,
): Promise<string | undefined> {
  if ((await countProtected(db, feed, protection)) > 0) return undefined;
  const name = protectionName(feed.type, protection);
  return `protection ${name} protects nothing: feed ${feed.name} has no such ${itemOf(feed.type)}`;
}

const SHOWN = 5;

/**
 * In a plan's transaction, before the rules are applied: rules with names that match nothing, and protections that
 * protect nothing. One sentence for each rule and criterion, and one for the protections.
 */
export async function planWarnings(
  db: Db,
  feed: FeedRow,
  rules: readonly RetentionRule[],
  queries: readonly RuleQuery[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const query of queries) {
    const rule = rules[query.position - 1] as RetentionRule;
    const words = await idleWords(db, feed, { rule, query, within: "plan" });
    warnings.push(...words.map((each) => `${ruleName(rule)}: ${each}`));
  }
  const idle = await findIdleProtections(db, feed.id, SHOWN);
  const [first] = idle;
  if (first === undefined) return warnings;
  const names = listed(
    idle.map((each) => protectionName(feed.type, each)),
    first.all,
  );
  const subject = first.all === 1 ? "a protection" : counted(first.all, "protection");
  return [
    ...warnings,
    `${subject} of feed ${feed.name} ${first.all === 1 ? "protects" : "protect"} nothing: ${names}; see: feedctl package protected ${feed.name}`,
  ];
}

const verbs: Record<NamingTest, string> = {
  deletePackageIds: "selects",
  keepPackageIds: "keeps",
  deleteVersions: "selects",
  keepVersions: "keeps",
  versionsRange: "selects",
};

/** One sentence for each criterion of which a text matches nothing. */
async function idleWords(
  db: Db,
  feed: FeedRow,
  { rule, query, within }: { rule: RetentionRule; query: RuleQuery; within: "plan" | "feed" },
): Promise<string[]> {
  const unmatched = await findUnmatched(db, feed.id, query, within);
  return [...new Set(unmatched.map(({ name }) => name))].map((name) => {
    const value = rule.criteria[name];
    const texts = unmatched.flatMap((each) =>
      each.name === name ? ((typeof value === "string" ? value : value?.[each.index]) ?? []) : [],
    );
    const names = listed(
      texts.slice(0, SHOWN).map((text) => `"${text}"`),
      texts.length,
    );
    const item = name === "deletePackageIds" || name === "keepPackageIds" ? packageOrPath(feed.type) : "version";
    const where = verbs[name] === "keeps" ? "among what the rule selects" : `in feed ${feed.name}`;
    const test = name === "versionsRange" ? "" : `; see: feedctl retention rule test ${feed.name} PATTERN`;
    return `--${criteria[name].flag} ${names} ${verbs[name]} nothing: no such ${item} ${where}${test}`;
  });
}

function packageOrPath(feedType: string): string {
  return feedType === "asset" ? "path" : "package";
}

function listed(shown: readonly string[], all: number): string {
  return all > shown.length ? `${shown.join(", ")} and ${all - shown.length} more` : shown.join(", ");
}
