import type { RetentionCriteria } from "../../../catalog/schema/retention-criteria.ts";
import { counted, formatSize } from "../../../lib/format-size.ts";
import type { Criterion } from "./criterion.ts";
import { always, flag, isZero, line, never, nothing, sameValue, size, wholeNumber } from "./values.ts";

function lineOf({ keepVersionsPer = "package" }: RetentionCriteria): string {
  return keepVersionsPer === "package" ? "package" : `${keepVersionsPer} line`;
}

export const keepVersionsCount: Criterion<"keepVersionsCount"> = {
  flag: "keep-versions-count",
  value: wholeNumber,
  placeholder: "count",
  help: "keep the newest of each package",
  of: "versions",
  role: "keeps",
  excludesNothing: isZero,
  query: sameValue,
  describe: (value, { criteria }) => `keeps the newest ${value} of each ${lineOf(criteria)}`,
  reason: (value, { criteria, item }) =>
    `number ${item.place} of its ${lineOf(criteria)}, the newest ${value} are kept`,
  unmet: (value, { criteria, item }) =>
    `it is number ${item.place} of its ${lineOf(criteria)}, and the newest ${value} are kept`,
};

export const keepVersionsPer: Criterion<"keepVersionsPer"> = {
  flag: "keep-versions-per",
  value: line,
  placeholder: "line",
  help: "count them per package, major or minor line",
  of: "versions",
  role: "option",
  needs: ["keepVersionsCount"],
  excludesNothing: always,
  query: sameValue,
  describe: nothing,
  reason: nothing,
  unmet: nothing,
};

export const keepLastStable: Criterion<"keepLastStable"> = {
  flag: "keep-last-stable",
  value: flag,
  placeholder: "",
  help: "keep the newest stable version of each package",
  of: "versions",
  role: "keeps",
  excludesNothing: never,
  query: sameValue,
  describe: () => "keeps the newest stable version",
  reason: nothing,
  unmet: () => "it is the newest stable version of its package",
};

export const keepStableNewer: Criterion<"keepStableNewer"> = {
  flag: "keep-stable-newer",
  value: flag,
  placeholder: "",
  help: "keep stable versions newer than the newest prerelease",
  of: "versions",
  role: "keeps",
  excludesNothing: never,
  query: sameValue,
  describe: () => "keeps stable versions newer than the newest prerelease",
  reason: nothing,
  unmet: () => "it is stable and newer than the newest prerelease",
};

export const sizeTrigger: Criterion<"sizeTrigger"> = {
  flag: "size-trigger",
  value: size,
  placeholder: "size",
  help: "only while the feed holds more than this, as 500M",
  of: "both",
  role: "quota",
  alias: { name: "sizeTriggerKb", unit: "K" },
  excludesNothing: isZero,
  query: sameValue,
  describe: (value, { terms }) => `while ${terms.holder} more than ${formatSize(value)}`,
  reason(value, { terms, item: { bytesBefore } }) {
    if (bytesBefore === null) return undefined;
    return `${terms.holder} ${formatSize(bytesBefore)} (limit: ${formatSize(value)})`;
  },
  unmet(value, { terms, item: { bytesBefore } }) {
    if (bytesBefore === null) return undefined;
    return `${terms.holder} no more than ${formatSize(bytesBefore)} when its turn comes (limit: ${formatSize(value)})`;
  },
};

export const countTrigger: Criterion<"countTrigger"> = {
  flag: "count-trigger",
  value: wholeNumber,
  placeholder: "count",
  help: "only while the feed holds more versions, or files, than this",
  of: "both",
  role: "quota",
  excludesNothing: isZero,
  query: sameValue,
  describe: (value, { terms }) => `while ${terms.holder} more than ${counted(value, terms.item)}`,
  reason(value, { terms, item: { countBefore } }) {
    if (countBefore === null) return undefined;
    return `${terms.holder} ${counted(countBefore, terms.item)} (limit: ${value})`;
  },
  unmet(value, { terms, item: { countBefore } }) {
    if (countBefore === null) return undefined;
    return `${terms.holder} no more than ${counted(countBefore, terms.item)} when its turn comes (limit: ${value})`;
  },
};

export const sizeExclusive: Criterion<"sizeExclusive"> = {
  flag: "size-exclusive",
  value: flag,
  placeholder: "",
  help: "the triggers look at the versions that match, not at the whole feed",
  of: "both",
  role: "option",
  needs: ["sizeTrigger", "countTrigger"],
  excludesNothing: never,
  query: sameValue,
  describe: nothing,
  reason: nothing,
  unmet: nothing,
};

export const removeEmptyFolders: Criterion<"removeEmptyFolders"> = {
  flag: "remove-empty-folders",
  value: flag,
  placeholder: "",
  help: "asset directories: remove folders that the rule has emptied",
  of: "assets",
  role: "option",
  excludesNothing: always,
  query: sameValue,
  describe: () => "removes the folders that it empties",
  reason: nothing,
  unmet: nothing,
};
