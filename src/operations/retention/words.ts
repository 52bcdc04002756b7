import type { CriterionName, RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { withCriterion, criteria, criterionNames, givenNames } from "./criteria.ts";
import type { Criterion, ItemWords, RuleWords } from "./criteria/criterion.ts";
import { termsOf } from "./terms.ts";

/**
 * The order of criteria in a rule's description: kind of item, what selects items, what keeps them, limits, options.
 */
const ofRole = (...roles: Criterion<CriterionName>["role"][]) =>
  roles.flatMap((role) => criterionNames.filter((name) => criteria[name].role === role));
const described = ofRole("scope", "selects", "keeps", "quota", "option");
const explained = [...ofRole("scope"), ...criterionNames.filter((name) => criteria[name].role !== "scope")];

function ruleWords(feedType: string, rule: RetentionCriteria): RuleWords {
  return { feedType, criteria: rule, terms: termsOf(feedType, rule) };
}

/** Describes what a rule deletes, one phrase per criterion. */
export function describeCriteria(feedType: string, rule: RetentionCriteria): string[] {
  const words = ruleWords(feedType, rule);
  return described.flatMap(
    (name) => withCriterion(name, rule, (criterion, value) => criterion.describe(value, words)) ?? [],
  );
}

/** Why the rule deletes the item, criterion by criterion. */
export function reasonOf(feedType: string, rule: RetentionCriteria, item: ItemWords["item"], now: Date): string {
  const words = { ...ruleWords(feedType, rule), item, now };
  const reasons = explained.flatMap(
    (name) => withCriterion(name, rule, (criterion, value) => criterion.reason(value, words)) ?? [],
  );
  if (reasons.length > 0) return reasons.join("; ");
  const keeps = described.filter((name) => criteria[name].role !== "option");
  return `none of what the rule keeps: ${keeps.flatMap((name) => withCriterion(name, rule, (criterion, value) => criterion.describe(value, words)) ?? []).join("; ")}`;
}

/** Why these criteria do not let the rule delete the item. */
export function unmetReasons(
  feedType: string,
  rule: RetentionCriteria,
  names: readonly CriterionName[],
  { item, now }: Pick<ItemWords, "item" | "now">,
): string {
  const words = { ...ruleWords(feedType, rule), item, now };
  return names
    .flatMap((name) => withCriterion(name, rule, (criterion, value) => criterion.unmet(value, words)) ?? [])
    .join("; ");
}

/** The rule's criteria that limit totals (size or count). */
export function quotaNames(rule: RetentionCriteria): CriterionName[] {
  return givenNames(rule).filter((name) => criteria[name].role === "quota");
}
