import { FeedctlError } from "../../errors.ts";
import { bytesOf } from "../../lib/parse-size.ts";

/** What a rule asks of a version, or of a file of an asset directory. Within a rule all must hold; what is absent asks nothing. Names are ProGet's. */
export interface RetentionCriteria {
  deleteCached?: true;
  deletePrereleaseVersions?: true;
  deleteUnlisted?: true;
  deleteDeprecated?: true;
  deleteSuperseded?: true;
  deletePackageIds?: string[];
  keepPackageIds?: string[];
  deleteVersions?: string[];
  keepVersions?: string[];
  versionsRange?: string;
  keepVersionsCount?: number;
  keepVersionsPer?: "package" | "major" | "minor";
  keepLastStable?: true;
  keepStableNewer?: true;
  olderThanDays?: number;
  keepUsedWithinDays?: number;
  triggerDownloadCount?: number;
  /** Bytes. */
  sizeTrigger?: number;
  countTrigger?: number;
  sizeExclusive?: true;
  /** Of an asset directory: only what versioning has kept, instead of the files that are there. */
  deleteHistory?: true;
  /** Of an asset directory: folders that are emptied by the rule go too. No criterion: it selects nothing. */
  removeEmptyFolders?: true;
}

export type CriterionName = keyof RetentionCriteria;

export interface CriterionInfo {
  name: CriterionName;
  /** Of the command line, without the dashes. */
  flag: string;
  kind: "flag" | "number" | "patterns" | "size" | "range" | "line";
  /** What the value is called in help texts. */
  value: string;
  help: string;
  /** What it can be said of. */
  of: "versions" | "assets" | "both";
}

const flag = (name: CriterionName, option: string, help: string): CriterionInfo => ({
  name,
  flag: option,
  kind: "flag",
  value: "",
  help,
  of: "versions",
});
const valued = (
  name: CriterionName,
  option: string,
  kind: CriterionInfo["kind"],
  value: string,
  help: string,
  of: CriterionInfo["of"] = "versions",
): CriterionInfo => ({ name, flag: option, kind, value, help, of });

/** The only list of criteria: command line, rule files, messages and completions are made from it. */
export const criterionInfos: readonly CriterionInfo[] = [
  flag("deleteCached", "delete-cached", "only versions that came from an upstream connector"),
  flag("deletePrereleaseVersions", "delete-prerelease-versions", "only prereleases"),
  flag("deleteUnlisted", "delete-unlisted", "only unlisted versions"),
  flag("deleteDeprecated", "delete-deprecated", "only deprecated versions"),
  flag("deleteSuperseded", "delete-superseded", "only prereleases with a newer stable version in their package"),
  valued(
    "deletePackageIds",
    "delete-package-ids",
    "patterns",
    "patterns",
    "only packages of these names, or paths; * is any text",
    "both",
  ),
  valued("keepPackageIds", "keep-package-ids", "patterns", "patterns", "no packages of these names, or paths", "both"),
  valued("deleteVersions", "delete-versions", "patterns", "patterns", "only versions like these"),
  valued("keepVersions", "keep-versions", "patterns", "patterns", "no versions like these"),
  valued("versionsRange", "versions-range", "range", "range", "only versions in this range, as the type writes it"),
  valued("keepVersionsCount", "keep-versions-count", "number", "count", "keep the newest of each package"),
  valued("keepVersionsPer", "keep-versions-per", "line", "line", "count them per package, major or minor line"),
  flag("keepLastStable", "keep-last-stable", "keep the newest stable version of each package"),
  flag("keepStableNewer", "keep-stable-newer", "keep stable versions newer than the newest prerelease"),
  valued("olderThanDays", "older-than-days", "number", "days", "only what was published so long ago", "both"),
  valued("keepUsedWithinDays", "keep-used-within-days", "number", "days", "keep what was used within so long", "both"),
  valued(
    "triggerDownloadCount",
    "trigger-download-count",
    "number",
    "count",
    "only what was downloaded so often, or less",
    "both",
  ),
  valued("sizeTrigger", "size-trigger", "size", "size", "only while the feed holds more than this, as 500M", "both"),
  valued(
    "countTrigger",
    "count-trigger",
    "number",
    "count",
    "only while the feed holds more versions, or files, than this",
    "both",
  ),
  {
    ...flag("sizeExclusive", "size-exclusive", "the triggers look at the versions that match, not at the whole feed"),
    of: "both",
  },
  {
    ...flag(
      "deleteHistory",
      "delete-history",
      "asset directories: only earlier content, by when it was replaced or deleted",
    ),
    of: "assets",
  },
  {
    ...flag(
      "removeEmptyFolders",
      "remove-empty-folders",
      "asset directories: remove folders that the rule has emptied",
    ),
    of: "assets",
  },
];

export function criterionInfo(name: string): CriterionInfo | undefined {
  return criterionInfos.find((info) => info.name === name);
}

/** A value as it is typed or written in a file; undefined: the criterion is to be taken away. */
export function parseCriterion(info: CriterionInfo, given: unknown): RetentionCriteria[CriterionName] | undefined {
  const wrong = (what: string) => new FeedctlError("usage", `--${info.flag} is ${what}, not ${JSON.stringify(given)}`);
  if (given === "" || given === null || given === undefined) return undefined;
  if (info.kind === "patterns") return patternsOf(given, wrong);
  if (typeof given !== "string" && typeof given !== "number" && typeof given !== "boolean") throw wrong("one value");
  const text = String(given).trim();
  switch (info.kind) {
    case "flag":
      if (!/^(true|false)$/i.test(text)) throw wrong("true or false");
      return /^true$/i.test(text) ? true : undefined;
    case "number":
      if (!/^[0-9]{1,9}$/.test(text)) throw wrong("a whole number");
      return Number(text);
    case "size": {
      const bytes = bytesOf(text);
      if (bytes === undefined || !Number.isSafeInteger(bytes)) throw wrong("a size such as 500M or 20GiB");
      return bytes;
    }
    case "line":
      if (text !== "package" && text !== "major" && text !== "minor") throw wrong("package, major or minor");
      return text;
    case "range":
      return text;
  }
}

function patternsOf(given: unknown, wrong: (what: string) => FeedctlError): string[] | undefined {
  const list = Array.isArray(given) ? given : String(given).split(",");
  const patterns = list.map((each) => (typeof each === "string" ? each.trim() : "")).filter((each) => each !== "");
  if (Array.isArray(given) && patterns.length < given.length) throw wrong("a list of patterns");
  return patterns.length === 0 ? undefined : [...new Set(patterns)];
}

/** Why these criteria make no rule; undefined when they do. */
export function criteriaProblem(criteria: RetentionCriteria, feedType: string): string | undefined {
  const given = (Object.keys(criteria) as CriterionName[]).filter((name) => criteria[name] !== undefined);
  const alone = new Set<CriterionName>(["sizeExclusive", "keepVersionsPer", "removeEmptyFolders"]);
  if (given.every((name) => alone.has(name))) return "a rule without criteria would delete the whole feed";
  const isAssets = feedType === "asset";
  const foreign = given
    .map((name) => criterionInfo(name))
    .find((info) => info?.of === (isAssets ? "versions" : "assets"));
  if (foreign !== undefined)
    return isAssets
      ? `an asset directory has no versions: --${foreign.flag} says nothing of it`
      : `--${foreign.flag} is for asset directories only`;
  if (criteria.sizeExclusive && criteria.sizeTrigger === undefined && criteria.countTrigger === undefined)
    return "--size-exclusive says nothing without --size-trigger or --count-trigger";
  if (criteria.keepVersionsPer !== undefined && criteria.keepVersionsCount === undefined)
    return "--keep-versions-per says nothing without --keep-versions-count";
  if (!criteria.deleteHistory) return undefined;
  const useless = (["keepUsedWithinDays", "triggerDownloadCount", "removeEmptyFolders"] as const).find((name) =>
    given.includes(name),
  );
  if (useless === undefined) return undefined;
  return `--${criterionInfo(useless)?.flag} says nothing with --delete-history: nobody uses earlier content, and no folder holds it`;
}

/** Whether a rule takes whatever its patterns do not keep: that is seldom what `keep-...` was meant to say. */
export function takesTheRest(criteria: RetentionCriteria): boolean {
  const idle = new Set(["keepPackageIds", "keepVersions", "keepVersionsPer", "removeEmptyFolders"]);
  return Object.entries(criteria).every(([name, value]) => {
    if (idle.has(name)) return true;
    if (Array.isArray(value)) return value.some((pattern) => /^\*+$/.test(pattern));
    return value === 0 && name !== "triggerDownloadCount";
  });
}

/** Patterns that seem to be globs or regular expressions, of which only `*` means something here. */
export function oddPatterns({
  deletePackageIds,
  keepPackageIds,
  deleteVersions,
  keepVersions,
}: RetentionCriteria): string[] {
  const lists = [deletePackageIds, keepPackageIds, deleteVersions, keepVersions];
  return lists.flatMap((list) => list ?? []).filter((pattern) => /[?[\]{}|\\%]|^!/.test(pattern));
}

/** As feedctl shows names: `scope/name`, with the `@` of npm and the `:` of Maven read as they are meant; of assets, paths. */
export function packagePattern(feedType: string, pattern: string): string {
  if (feedType === "asset") return pattern.replace(/^\/+/, "");
  const bare = pattern.replace(/^@/, "");
  return feedType === "maven" ? bare.replaceAll(":", "/") : bare;
}
