import type { PlannedVersion } from "../../catalog/retention/plan.ts";
import { counted } from "../../lib/format-size.ts";
import { packagePattern } from "./terms.ts";

/** What happened when its age began. */
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

/** An asset that was uploaded after its last use: the upload counts as use. */
export function isRecentlyAdded({ path, publishedAt, lastUsedAt }: Used): boolean {
  return path !== null && lastUsedAt !== null && publishedAt > lastUsedAt;
}

export function ago(date: Date, now: Date): string {
  return `${counted(Math.floor((now.getTime() - date.getTime()) / 86_400_000), "day")} ago`;
}

/** The first of the patterns, as it was typed, that one of the texts matches. */
export function firstMatch(
  feedType: string,
  patterns: readonly string[],
  texts: readonly string[],
): string | undefined {
  return patterns.find((pattern) => texts.some((text) => matchesPattern(packagePattern(feedType, pattern), text)));
}

/** As in SQL: `*` is any text, and the letter case of ASCII does not count. */
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
