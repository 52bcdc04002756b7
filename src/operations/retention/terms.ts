import type { PlannedVersion } from "../../catalog/retention/plan.ts";
import type { RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { feedTypeInfo } from "../../formats/feed-types.ts";
import { counted } from "../../lib/text/format-size.ts";

/** The words for what a rule examines, by type of feed and kind of rule. */
export interface RetentionTerms {
  /** One item: "version" or "file". */
  item: string;
  /** What name patterns match: "packages" or "paths". */
  names: string;
  /** One of `names`, in "its name is like ...". */
  name: string;
  /** The event from which age counts. */
  published: string;
  /** Subject and verb of a quota: "the feed holds". */
  holder: string;
}

/** The word for one item of a feed: "version" or "file". */
export function itemOf(feedType: string): string {
  return feedType === "asset" ? "file" : "version";
}

export function termsOf(
  feedType: string,
  { deleteHistory, sizeExclusive }: Pick<RetentionCriteria, "deleteHistory" | "sizeExclusive">,
): RetentionTerms {
  if (feedType !== "asset")
    return {
      item: "version",
      names: "packages",
      name: "name",
      published: "published",
      holder: sizeExclusive ? "the matching versions hold" : "the feed holds",
    };
  const paths = { item: "file", names: "paths", name: "path" };
  if (deleteHistory)
    return {
      ...paths,
      published: "replaced or deleted",
      holder: sizeExclusive ? "the matching earlier content holds" : "the earlier content holds",
    };
  return {
    ...paths,
    published: "uploaded",
    holder: sizeExclusive ? "the matching files hold" : "the directory holds",
  };
}

/** A name pattern in the catalog's form: `group/name` without the ecosystem's own separators, or a path for assets. */
export function packagePattern(feedType: string, pattern: string): string {
  if (feedType === "asset") return pattern.replace(/^\/+/, "");
  const { groupSeparator = "/" } = feedTypeInfo(feedType);
  return pattern.replace(/^@/, "").replaceAll(groupSeparator, "/");
}

/** The event from which the item's age counts. */
export function publishedWord({ path, kept }: Pick<PlannedVersion, "path" | "kept">): string {
  if (path === null) return "published";
  return kept === null ? "uploaded" : kept === "overwritten" ? "replaced" : "deleted";
}

type Used = Pick<PlannedVersion, "path" | "kept" | "publishedAt" | "lastUsedAt">;

export function usedWords(item: Used, now: Date): string {
  const { lastUsedAt, publishedAt } = item;
  const published = `${publishedWord(item)} ${ago(publishedAt, now)}`;
  if (lastUsedAt === null) return `never used, ${published}`;
  return `last used ${ago(lastUsedAt, now)}${isRecentlyAdded(item) ? `, ${published}` : ""}`;
}

/** Whether an asset was uploaded after its last use: the upload counts as use. */
export function isRecentlyAdded({ path, publishedAt, lastUsedAt }: Used): boolean {
  return path !== null && lastUsedAt !== null && publishedAt > lastUsedAt;
}

export function ago(date: Date, now: Date): string {
  return `${counted(Math.floor((now.getTime() - date.getTime()) / 86_400_000), "day")} ago`;
}

/** The first pattern, as typed, that matches one of the texts; undefined when none does. */
export function firstMatch(
  feedType: string,
  patterns: readonly string[],
  texts: readonly string[],
): string | undefined {
  return patterns.find((pattern) => texts.some((text) => matchesPattern(packagePattern(feedType, pattern), text)));
}

/** Matches like the SQL query does: `*` matches any text, and ASCII letter case is ignored. */
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
