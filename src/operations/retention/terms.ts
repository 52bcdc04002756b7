import { feedTypeInfo, type FeedType } from "../../formats/feed-types.ts";
import type { RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";

/** What a rule calls the things that it looks at. */
export interface RetentionTerms {
  /** One of them. */
  item: string;
  /** What patterns of names match, and what one of them is. */
  names: string;
  name: string;
  /** Where age counts from. */
  published: string;
  /** What is full when a quota is exceeded. */
  holder: string;
}

/** What a feed holds, one of them. */
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

/** As feedctl shows names: `group/name`, whatever the ecosystem writes around a group; of assets, paths. */
export function packagePattern(feedType: string, pattern: string): string {
  if (feedType === "asset") return pattern.replace(/^\/+/, "");
  const { groupSeparator = "/" } = feedTypeInfo(feedType as FeedType);
  return pattern.replace(/^@/, "").replaceAll(groupSeparator, "/");
}
