import type { PlannedVersion } from "../../../catalog/retention/plan.ts";
import { counted } from "../../../lib/text/format-size.ts";
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
    why: "earlier content has no downloads and is in no folder",
  },
  excludesNothing: never,
  query: sameValue,
  describe: () => "only earlier content",
  reason: () => "earlier content",
  unmet: (_, { item }) => wrongKind(item),
};

/** Why the rule does not examine the item: it is for the other kind, files or earlier content. */
export function wrongKind({ kept }: Pick<PlannedVersion, "kept">): string {
  return kept === null ? "it is not earlier content" : "the rule is for files, not for earlier content";
}

/** Criteria that test one property of a version. */
type StateName =
  | "deleteCached"
  | "deletePrereleaseVersions"
  | "deleteUnlisted"
  | "deleteDeprecated"
  | "deleteSuperseded";

/** `Criterion` is invariant in its name; these members have the same types for all state names. */
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
    excludesNothing: never,
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
    unmet: "it is not a prerelease",
  },
  // the reason of deleteSuperseded already names it a prerelease
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
    unmet: "it is not a prerelease with a newer stable version",
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
  excludesNothing: hasStar,
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
  excludesNothing: always,
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
  excludesNothing: hasStar,
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
  excludesNothing: always,
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
  excludesNothing: never,
  query: (value, { range }) => range(value),
  describe: (value) => `only versions within ${value}`,
  reason: (value) => `its version is within ${value}`,
  unmet: (value) => `its version is not within ${value}`,
};

export const olderThanDays: Criterion<"olderThanDays"> = {
  flag: "older-than-days",
  value: wholeNumber,
  placeholder: "days",
  help: "only what was published at least this long ago",
  of: "both",
  role: "selects",
  excludesNothing: isZero,
  query: (value, { daysAgo }) => daysAgo(value),
  describe: (value, { terms }) => `${terms.published} at least ${counted(value, "day")} ago`,
  reason: (value, { item, now }) => `${publishedWord(item)} ${ago(item.publishedAt, now)} (limit: ${value})`,
  unmet: (value, { item, now }) => `it was ${publishedWord(item)} ${ago(item.publishedAt, now)}, not ${value} or more`,
};

export const keepUsedWithinDays: Criterion<"keepUsedWithinDays"> = {
  flag: "keep-used-within-days",
  value: wholeNumber,
  placeholder: "days",
  help: "keep what was used within this time",
  of: "both",
  role: "selects",
  needsUsage: true,
  excludesNothing: isZero,
  query: (value, { daysAgo }) => daysAgo(value),
  describe: (value) => `not used within ${counted(value, "day")}`,
  reason: (value, { item, now }) => `${usedWords(item, now)} (limit: ${value})`,
  unmet(value, { item, now }) {
    const { lastUsedAt, publishedAt } = item;
    if (lastUsedAt !== null && !isRecentlyAdded(item)) return `it was used ${ago(lastUsedAt, now)} (limit: ${value})`;
    const used = lastUsedAt === null ? "never used" : "not used recently";
    return `it was ${used}, but ${publishedWord(item)} only ${ago(publishedAt, now)} (limit: ${value})`;
  },
};

export const triggerDownloadCount: Criterion<"triggerDownloadCount"> = {
  flag: "trigger-download-count",
  value: wholeNumber,
  placeholder: "count",
  help: "only what was downloaded at most this often",
  of: "both",
  role: "selects",
  needsUsage: true,
  excludesNothing: never,
  query: sameValue,
  describe: (value) => `at most ${counted(value, "download")}`,
  reason: (value, { item }) => `${counted(item.downloads, "download")} (limit: ${value})`,
  unmet: (value, { item }) => `it has ${counted(item.downloads, "download")}, more than ${value}`,
};
