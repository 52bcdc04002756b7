import type { Db } from "../../catalog/schema/core.ts";
import { findFeed, listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { nearest } from "../../lib/nearest.ts";

/** The feed of that name, or `not-found` with the nearest name as hint. */
export async function requireFeed(db: Db, name: string): Promise<FeedRow> {
  const feed = await findFeed(db, name);
  if (feed !== undefined) return feed;
  const near = nearest(
    name,
    (await listFeeds(db)).map((other) => other.name),
  );
  throw new FeedctlError("not-found", `there is no feed "${name}"`, {
    hint: near === undefined ? "see: feedctl feed list" : `did you mean "${near}"?`,
  });
}

/** As `requireFeed`, for commands that change it: a feed that is being deleted accepts nothing any more. */
export async function requireLiveFeed(db: Db, name: string): Promise<FeedRow> {
  const feed = await requireFeed(db, name);
  if (feed.deleting_at !== null)
    throw new FeedctlError("conflict", `feed "${feed.name}" is being deleted`, {
      hint: `finish it: feedctl feed delete ${feed.name} --purge-files`,
    });
  return feed;
}

/** While a command waited for the lock of the feed, its name went to another one. */
export function feedReplaced(name: string): FeedctlError {
  return new FeedctlError("conflict", `"${name}" has become another feed meanwhile`, {
    hint: "see: feedctl feed list",
  });
}

/** As `requireLiveFeed`, for commands that add packages: a disabled feed takes none. */
export async function requireActiveFeed(db: Db, name: string): Promise<FeedRow> {
  const feed = await requireLiveFeed(db, name);
  if (!feed.active)
    throw new FeedctlError("refused", `feed "${feed.name}" is disabled and accepts no packages`, {
      hint: `feedctl feed enable ${feed.name}`,
    });
  return feed;
}
