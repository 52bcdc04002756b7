import type { Division } from "../../../catalog/retention/rule-query.ts";
import type { KeepPer, RetentionCriteria } from "../../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../../errors.ts";
import { feedTypeInfo } from "../../../formats/feed-types.ts";
import { counted, formatSize } from "../../../lib/text/format-size.ts";
import { inWords } from "../../../lib/text/in-words.ts";
import type { Criterion } from "./criterion.ts";
import { always, flag, isKeepPer, isZero, line, never, nothing, sameValue, size, wholeNumber } from "./values.ts";

function wordsOf(keepVersionsPer: string): KeepPer[] {
  return keepVersionsPer.split(",").filter(isKeepPer);
}

/** What the newest versions are counted in: "package", "minor line", "package, distribution and architecture". */
function lineOf({ keepVersionsPer = "package" }: RetentionCriteria): string {
  const words = wordsOf(keepVersionsPer);
  const number = words.find((word) => word === "major" || word === "minor");
  const others = words.filter((word) => !["package", "major", "minor"].includes(word));
  return inWords([number === undefined ? "package" : `${number} line`, ...others]);
}

/** How the versions of a feed's type are divided. Throws `usage` when its files do not have such a property. */
function divisionOf(word: KeepPer, feedType: string): Division[] {
  if (word === "package") return [];
  if (word === "major" || word === "minor") return [word];
  // the release of an RPM package names the distribution: 4.el9
  if (feedType === "rpm" && (word === "suffix" || word === "distribution")) return ["tag"];
  if (word === "suffix") return [word];
  if (feedType === "pypi" && word === "platform") return ["wheel"];
  const { apart, title } = feedTypeInfo(feedType);
  const member = apart?.[word];
  if (member === undefined)
    throw new FeedctlError("usage", `--keep-versions-per ${word} does not apply: ${title} have no ${word}`);
  return [{ member }];
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
  shortFlag: "per",
  value: line,
  placeholder: "what",
  help: "count them apart: package, major, minor, distribution, architecture, platform, suffix",
  of: "versions",
  role: "option",
  needs: ["keepVersionsCount"],
  excludesNothing: always,
  query: (value, { feedType }) => wordsOf(value).flatMap((word) => divisionOf(word, feedType)),
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
