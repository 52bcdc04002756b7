import { FeedctlError } from "../../errors.ts";
import { isFeedType } from "../../formats/feed-types.ts";
import type { Context } from "../context.ts";
import { requireActiveFeed } from "../feed-store/find-feed.ts";

/** The feeds of a map such as `npm=web`. Throws `usage` for a feed of another type, or two feeds of one type. */
export async function feedsOfMap(context: Context, map: readonly string[]): Promise<string[]> {
  const { db } = await context.catalog();
  const feeds = new Map<string, string>();
  for (const entry of map.flatMap((text) => text.split(","))) {
    const [type = "", name = "", ...rest] = entry.split("=");
    if (!isFeedType(type) || name === "" || rest.length > 0)
      throw new FeedctlError("usage", `"${entry}" is not type=feed, such as npm=internal`, {
        hint: "the types: feedctl feed create --help",
      });
    const feed = await requireActiveFeed(db, name);
    if (feed.type !== type) throw new FeedctlError("usage", `feed "${feed.name}" is of type ${feed.type}, not ${type}`);
    const other = feeds.get(type);
    if (other !== undefined && other !== feed.name)
      throw new FeedctlError("usage", `two feeds for ${type} packages: "${other}" and "${feed.name}"`);
    feeds.set(type, feed.name);
  }
  return [...feeds.values()];
}
