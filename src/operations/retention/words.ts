import type { PlannedVersion } from "../../catalog/retention/plan.ts";
import { counted, formatSize } from "../../lib/format-size.ts";
import { packagePattern, type RetentionCriteria } from "./criteria.ts";
import type { RetentionRule } from "./rules.ts";
import { termsOf } from "./terms.ts";

/** What a rule does, a piece for each criterion. */
export function describeCriteria(feedType: string, criteria: RetentionCriteria): string[] {
  const { keepVersionsCount, keepVersionsPer = "package" } = criteria;
  const { item, names, published, holder } = termsOf(feedType, criteria);
  const list = (patterns: string[]) => patterns.join(", ");
  const pieces: (string | false | undefined)[] = [
    criteria.deleteHistory && "only earlier content",
    criteria.deleteCached && "only cached versions",
    criteria.deletePrereleaseVersions && "only prereleases",
    criteria.deleteSuperseded && "only prereleases with a newer stable version",
    criteria.deleteUnlisted && "only unlisted versions",
    criteria.deleteDeprecated && "only deprecated versions",
    criteria.deletePackageIds && `only ${names} ${list(criteria.deletePackageIds)}`,
    criteria.keepPackageIds && `not ${names} ${list(criteria.keepPackageIds)}`,
    criteria.deleteVersions && `only versions ${list(criteria.deleteVersions)}`,
    criteria.keepVersions && `not versions ${list(criteria.keepVersions)}`,
    criteria.versionsRange !== undefined && `only versions within ${criteria.versionsRange}`,
    criteria.olderThanDays !== undefined && `${published} at least ${counted(criteria.olderThanDays, "day")} ago`,
    criteria.keepUsedWithinDays !== undefined && `not used within ${counted(criteria.keepUsedWithinDays, "day")}`,
    criteria.triggerDownloadCount !== undefined && `at most ${counted(criteria.triggerDownloadCount, "download")}`,
    keepVersionsCount !== undefined &&
      `keeps the newest ${keepVersionsCount} of each ${keepVersionsPer === "package" ? "package" : `${keepVersionsPer} line`}`,
    criteria.keepLastStable && "keeps the newest stable version",
    criteria.keepStableNewer && "keeps stable versions newer than the newest prerelease",
    criteria.sizeTrigger !== undefined && `while ${holder} more than ${formatSize(criteria.sizeTrigger)}`,
    criteria.countTrigger !== undefined && `while ${holder} more than ${counted(criteria.countTrigger, item)}`,
    criteria.removeEmptyFolders && "removes the folders that it empties",
  ];
  return pieces.filter((piece) => typeof piece === "string");
}

/** Why the rule takes the version: what is true of it, criterion by criterion. */
export function reasonOf(
  { criteria }: RetentionRule,
  feedType: string,
  version: Omit<PlannedVersion, "rule" | "number">,
  now: Date,
): string {
  const shown = version.group === "" ? version.name : `${version.group}/${version.name}`;
  const { keepVersionsCount: kept, keepVersionsPer: line = "package" } = criteria;
  const { item, name, holder } = termsOf(feedType, criteria);
  const published = publishedWord(version);
  const matched = (patterns: string[], ...texts: string[]) =>
    patterns.find((pattern) => texts.some((text) => matchesPattern(packagePattern(feedType, pattern), text)));
  const pieces: (string | false | undefined)[] = [
    criteria.deleteHistory && "earlier content",
    criteria.deleteCached && "cached",
    criteria.deleteSuperseded
      ? "prerelease with a newer stable version"
      : criteria.deletePrereleaseVersions && "prerelease",
    criteria.deleteUnlisted && "unlisted",
    criteria.deleteDeprecated && "deprecated",
    criteria.deletePackageIds && `its ${name} is like ${matched(criteria.deletePackageIds, shown)}`,
    criteria.deleteVersions &&
      `its version is like ${matched(criteria.deleteVersions, version.version, version.normalizedVersion)}`,
    criteria.versionsRange !== undefined && `its version is within ${criteria.versionsRange}`,
    kept !== undefined &&
      `number ${version.place} of its ${line === "package" ? "package" : `${line} line`}, the newest ${kept} are kept`,
    criteria.olderThanDays !== undefined &&
      `${published} ${ago(version.publishedAt, now)} (limit: ${criteria.olderThanDays})`,
    criteria.keepUsedWithinDays !== undefined && `${usedWords(version, now)} (limit: ${criteria.keepUsedWithinDays})`,
    criteria.triggerDownloadCount !== undefined &&
      `${counted(version.downloads, "download")} (limit: ${criteria.triggerDownloadCount})`,
    criteria.sizeTrigger !== undefined &&
      version.bytesBefore !== null &&
      `${holder} ${formatSize(version.bytesBefore)} (limit: ${formatSize(criteria.sizeTrigger)})`,
    criteria.countTrigger !== undefined &&
      version.countBefore !== null &&
      `${holder} ${counted(version.countBefore, item)} (limit: ${criteria.countTrigger})`,
  ];
  const said = pieces.filter((piece) => typeof piece === "string");
  if (said.length > 0) return said.join("; ");
  const { removeEmptyFolders: _, ...keeps } = criteria;
  return `none of what the rule keeps: ${describeCriteria(feedType, keeps).join("; ")}`;
}

/** What happened when its age began. */
export function publishedWord({ path, kept }: Pick<PlannedVersion, "path" | "kept">): string {
  if (path === null) return "published";
  return kept === null ? "uploaded" : kept === "overwritten" ? "replaced" : "deleted";
}

function usedWords(version: Pick<PlannedVersion, "path" | "kept" | "publishedAt" | "lastUsedAt">, now: Date): string {
  const { lastUsedAt, publishedAt, path } = version;
  const published = `${publishedWord(version)} ${ago(publishedAt, now)}`;
  if (lastUsedAt === null) return `never used, ${published}`;
  // an upload counts as use
  const isNewer = path !== null && publishedAt > lastUsedAt;
  return `last used ${ago(lastUsedAt, now)}${isNewer ? `, ${published}` : ""}`;
}

export function ago(date: Date, now: Date): string {
  return `${counted(Math.floor((now.getTime() - date.getTime()) / 86_400_000), "day")} ago`;
}

/** As in SQL: `*` is any text, and the letter case of ASCII means nothing. */
function matchesPattern(pattern: string, text: string): boolean {
  const lower = (any: string) => any.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  const [first = "", ...rest] = lower(pattern).split("*");
  let left = lower(text);
  if (rest.length === 0) return left === first;
  if (!left.startsWith(first)) return false;
  left = left.slice(first.length);
  const last = rest.pop() ?? "";
  for (const part of rest) {
    const at = left.indexOf(part);
    if (at < 0) return false;
    left = left.slice(at + part.length);
  }
  return left.endsWith(last);
}
