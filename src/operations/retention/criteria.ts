import type { CriterionName, RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import type { Criterion, Value } from "./criteria/criterion.ts";
import {
  countTrigger,
  keepLastStable,
  keepStableNewer,
  keepVersionsCount,
  keepVersionsPer,
  removeEmptyFolders,
  sizeExclusive,
  sizeTrigger,
} from "./criteria/limiting.ts";
import {
  deleteCached,
  deleteDeprecated,
  deleteHistory,
  deletePackageIds,
  deletePrereleaseVersions,
  deleteSuperseded,
  deleteUnlisted,
  deleteVersions,
  keepPackageIds,
  keepUsedWithinDays,
  keepVersions,
  olderThanDays,
  triggerDownloadCount,
  versionsRange,
} from "./criteria/selecting.ts";

/**
 * All criteria, in the order of help texts. Their SQL is in `catalog/retention/criteria-sql.ts`; either list does not
 * compile without a criterion that `RetentionCriteria` has.
 */
export const criteria: { readonly [Name in CriterionName]: Criterion<Name> } = {
  deleteCached,
  deletePrereleaseVersions,
  deleteUnlisted,
  deleteDeprecated,
  deleteSuperseded,
  deletePackageIds,
  keepPackageIds,
  deleteVersions,
  keepVersions,
  versionsRange,
  keepVersionsCount,
  keepVersionsPer,
  keepLastStable,
  keepStableNewer,
  olderThanDays,
  keepUsedWithinDays,
  triggerDownloadCount,
  sizeTrigger,
  countTrigger,
  sizeExclusive,
  deleteHistory,
  removeEmptyFolders,
};

export const criterionNames = Object.keys(criteria) as CriterionName[];

export function isCriterionName(name: string): name is CriterionName {
  return Object.hasOwn(criteria, name);
}

/** One rule of a feed. Rules run in order of position, each on the versions that the earlier ones left. */
export interface RetentionRule {
  /** From 1. */
  position: number;
  name: string | null;
  enabled: boolean;
  /** The versions that its criteria keep are kept from every other rule too. */
  protectAcrossRules: boolean;
  criteria: RetentionCriteria;
}

export type RuleBody = Omit<RetentionRule, "position">;

/** The rule's name in messages: its own, or `rule <position>`. */
export function ruleName({ name, position }: Pick<RetentionRule, "name" | "position">): string {
  return name ?? `rule ${position}`;
}

/** The names of the criteria that a rule has, in the order of `criteria`. */
export function givenNames(rule: RetentionCriteria): CriterionName[] {
  return criterionNames.filter((name) => rule[name] !== undefined);
}

/**
 * Calls `use` with a criterion's descriptor and the rule's value. Undefined when the rule does not have the criterion.
 */
export function withCriterion<Name extends CriterionName, Answer>(
  name: Name,
  rule: RetentionCriteria,
  use: (criterion: Criterion<Name>, value: Value<Name>) => Answer,
): Answer | undefined {
  const value = rule[name];
  return value === undefined ? undefined : use(criteria[name], value);
}

/**
 * Parses a value from the command line or a rule file. An empty value returns undefined, which removes the criterion.
 * Throws `usage`.
 */
export function parseCriterion<Name extends CriterionName>(name: Name, given: unknown): Value<Name> | undefined {
  if (given === "" || given === null || given === undefined) return undefined;
  const criterion: Criterion<Name> = criteria[name];
  return criterion.value.parse(
    given,
    (expected) => new FeedctlError("usage", `--${criterion.flag} must be ${expected}, not ${JSON.stringify(given)}`),
  );
}

/** Why these criteria are not a valid rule for the feed type; undefined when they are. */
export function criteriaProblem(rule: RetentionCriteria, feedType: string): string | undefined {
  const given = givenNames(rule);
  if (given.every((name) => criteria[name].role === "option"))
    return "a rule without criteria would delete the whole feed";
  const isAssets = feedType === "asset";
  const foreign = given.find((name) => criteria[name].of === (isAssets ? "versions" : "assets"));
  if (foreign !== undefined)
    return isAssets
      ? `an asset directory has no versions: --${criteria[foreign].flag} does not apply`
      : `--${criteria[foreign].flag} is for asset directories only`;
  const flags = (names: readonly CriterionName[]) => names.map((name) => `--${criteria[name].flag}`).join(" or ");
  for (const name of given) {
    const { flag, needs = [], excludes } = criteria[name];
    if (needs.length > 0 && !needs.some((each) => given.includes(each)))
      return `--${flag} has no effect without ${flags(needs)}`;
    const useless = excludes?.names.find((each) => given.includes(each));
    if (useless !== undefined) return `${flags([useless])} has no effect with --${flag}: ${excludes?.why}`;
  }
  return undefined;
}

/** Whether a rule deletes everything that it does not keep. A rule of `keep-...` criteria alone is often a mistake. */
export function deletesTheRest(rule: RetentionCriteria): boolean {
  return givenNames(rule).every((name) =>
    withCriterion(name, rule, (criterion, value) => criterion.excludesNothing(value)),
  );
}

/** The patterns that look like globs or regular expressions. Only `*` is a wildcard. */
export function oddPatterns(rule: RetentionCriteria): string[] {
  return givenNames(rule)
    .filter((name) => criteria[name].value.kind === "patterns")
    .flatMap((name) => rule[name] as string[])
    .filter((pattern) => /[?[\]{}|\\%]|^!/.test(pattern));
}
