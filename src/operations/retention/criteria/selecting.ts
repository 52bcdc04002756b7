import type { PlannedVersion } from "../../../catalog/retention/plan.ts";
import { counted } from "../../../lib/format-size.ts";
import { ago, firstMatch, isRecentlyAdded, publishedWord, usedWords } from "../terms.ts";
import type { Criterion } from "./criterion.ts";
import { always, flag, isZero, never, nothing, patterns, sameValue, text, wholeNumber } from "./values.ts";

export const deleteHistory: Criterion<"deleteHistory"> = {
  flag: "delete-history",
  value: flag,
  placeholder: "",
  help: "asset directories: only earlier content, by when it was replaced or deleted",
  of: "assets",
  role: "scope",
  excludes: {
    names: ["keepUsedWithinDays", "triggerDownloadCount", "removeEmptyFolders"],
    why: "nobody uses earlier content, and no folder holds it",
  },
  takesAll: never,
  query: sameValue,
  describe: () => "only earlier content",
  reason: () => "earlier content",
  unmet: (_, { item }) => wrongKind(item),
};

/** Why a rule for files does not look at the item, or a rule for earlier content. */
export function wrongKind({ kept }: Pick<PlannedVersion, "kept">): string {
  return kept === null ? "it is no earlier content" : "the rule is for files, not for earlier content";
}

/** Criteria that ask whether something is true of a version. */
type StateName =
  | "deleteCached"
  | "deletePrereleaseVersions"
  | "deleteUnlisted"
  | "deleteDeprecated"
  | "deleteSuperseded";

/** Their members are the same for every name. */
type StateCriterion = Pick<Criterion<StateName>, keyof Criterion<StateName>>;

function state(
  words: Pick<StateCriterion, "flag" | "help"> & { describe: string; unmet: string },
  reason: string | StateCriterion["reason"],
): StateCriterion {
  return {
    ...words,
    value: flag,
    placeholder: "",
    of: "versions",
    role: "selects",
    takesAll: never,
    query: sameValue,
    describe: () => words.describe,
    reason: typeof reason === "string" ? () => reason : reason,
    unmet: () => words.unmet,
  };
}

export const deleteCached = state(
  {
    flag: "delete-cached",
    help: "only versions that came from an upstream connector",
    describe: "only cached versions",
    unmet: "it is not cached",
  },
  "cached",
);

export const deletePrereleaseVersions = state(
  {
    flag: "delete-prerelease-versions",
    help: "only prereleases",
    describe: "only prereleases",
    unmet: "it is no prerelease",
  },
  // the reason of deleteSuperseded says it too
  (_, { criteria }) => (criteria.deleteSuperseded ? undefined : "prerelease"),
);

export const deleteUnlisted = state(
  {
    flag: "delete-unlisted",
    help: "only unlisted versions",
    describe: "only unlisted versions",
    unmet: "it is listed",
  },
  "unlisted",
);

export const deleteDeprecated = state(
  {
    flag: "delete-deprecated",
    help: "only deprecated versions",
    describe: "only deprecated versions",
    unmet: "it is not deprecated",
  },
  "deprecated",
);

export const deleteSuperseded = state(
  {
    flag: "delete-superseded",
    help: "only prereleases with a newer stable version in their package",
    describe: "only prereleases with a newer stable version",
    unmet: "it is no prerelease with a newer stable version",
  },
  "prerelease with a newer stable version",
);

const patternCriterion = { value: patterns, placeholder: "patterns", role: "selects" } as const;
const hasStar = (value: string[]) => value.some((pattern) => /^\*+$/.test(pattern));

export const deletePackageIds: Criterion<"deletePackageIds"> = {
  ...patternCriterion,
  flag: "delete-package-ids",
  help: "only packages of these names, or paths; * is any text",
  of: "both",
  takesAll: hasStar,
  query: (value, { names }) => names(value),
  describe: (value, { terms }) => `only ${terms.names} ${value.join(", ")}`,
  reason: (value, { feedType, terms, item: { group, name } }) =>
    `its ${terms.name} is like ${firstMatch(feedType, value, [group === "" ? name : `${group}/${name}`])}`,
  unmet: (value, { terms }) => `its ${terms.name} is not like ${value.join(", ")}`,
};

export const keepPackageIds: Criterion<"keepPackageIds"> = {
  ...patternCriterion,
  flag: "keep-package-ids",
  help: "no packages of these names, or paths",
  of: "both",
  takesAll: always,
  query: (value, { names }) => names(value),
  describe: (value, { terms }) => `not ${terms.names} ${value.join(", ")}`,
  reason: nothing,
  unmet: (value, { terms }) => `its ${terms.name} is like ${value.join(", ")}`,
};

export const deleteVersions: Criterion<"deleteVersions"> = {
  ...patternCriterion,
  flag: "delete-versions",
  help: "only versions like these",
  of: "versions",
  takesAll: hasStar,
  query: sameValue,
  describe: (value) => `only versions ${value.join(", ")}`,
  reason: (value, { feedType, item: { version, normalizedVersion } }) =>
    `its version is like ${firstMatch(feedType, value, [version, normalizedVersion])}`,
  unmet: (value) => `its version is not like ${value.join(", ")}`,
};

export const keepVersions: Criterion<"keepVersions"> = {
  ...patternCriterion,
  flag: "keep-versions",
  help: "no versions like these",
  of: "versions",
  takesAll: always,
  query: sameValue,
  describe: (value) => `not versions ${value.join(", ")}`,
  reason: nothing,
  unmet: (value) => `its version is like ${value.join(", ")}`,
};

export const versionsRange: Criterion<"versionsRange"> = {
  flag: "versions-range",
  value: text,
  placeholder: "range",
  help: "only versions in this range, as the type writes it",
  of: "versions",
  role: "selects",
  takesAll: never,
  query: (value, { range }) => range(value),
  describe: (value) => `only versions within ${value}`,
  reason: (value) => `its version is within ${value}`,
  unmet: (value) => `its version is not within ${value}`,
};

export const olderThanDays: Criterion<"olderThanDays"> = {
  flag: "older-than-days",
  value: wholeNumber,
  placeholder: "days",
  help: "only what was published so long ago",
  of: "both",
  role: "selects",
  takesAll: isZero,
  query: (value, { daysAgo }) => daysAgo(value),
  describe: (value, { terms }) => `${terms.published} at least ${counted(value, "day")} ago`,
  reason: (value, { item, now }) => `${publishedWord(item)} ${ago(item.publishedAt, now)} (limit: ${value})`,
  unmet: (value, { item, now }) => `it was ${publishedWord(item)} ${ago(item.publishedAt, now)}, not ${value} or more`,
};

export const keepUsedWithinDays: Criterion<"keepUsedWithinDays"> = {
  flag: "keep-used-within-days",
  value: wholeNumber,
  placeholder: "days",
  help: "keep what was used within so long",
  of: "both",
  role: "selects",
  needsUsage: true,
  takesAll: isZero,
  query: (value, { daysAgo }) => daysAgo(value),
  describe: (value) => `not used within ${counted(value, "day")}`,
  reason: (value, { item, now }) => `${usedWords(item, now)} (limit: ${value})`,
  unmet(value, { item, now }) {
    const { lastUsedAt, publishedAt } = item;
    if (lastUsedAt !== null && !isRecentlyAdded(item)) return `it was used ${ago(lastUsedAt, now)} (limit: ${value})`;
    const used = lastUsedAt === null ? "never" : "not lately";
    return `it was ${used} used, but ${publishedWord(item)} only ${ago(publishedAt, now)} (limit: ${value})`;
  },
};

export const triggerDownloadCount: Criterion<"triggerDownloadCount"> = {
  flag: "trigger-download-count",
  value: wholeNumber,
  placeholder: "count",
  help: "only what was downloaded so often, or less",
  of: "both",
  role: "selects",
  needsUsage: true,
  takesAll: never,
  query: sameValue,
  describe: (value) => `at most ${counted(value, "download")}`,
  reason: (value, { item }) => `${counted(item.downloads, "download")} (limit: ${value})`,
  unmet: (value, { item }) => `it has ${counted(item.downloads, "download")}, more than ${value}`,
};
