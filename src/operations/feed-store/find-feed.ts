import type { Db } from "../../catalog/schema/core.ts";
import { findFeed, listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { nearest } from "../../lib/text/nearest.ts";

/** The feed of that name. Throws `not-found` with the nearest name as hint. */
export async function requireFeed(db: Db, name: string): Promise<FeedRow> {
  const feed = await findFeed(db, name);
  if (feed !== undefined) return feed;
  const near = nearest(
    name,
    (await listFeeds(db)).map((other) => other.name),
  );
  throw new FeedctlError("not-found", `feed "${name}" does not exist`, {
    hint: near === undefined ? "see: feedctl feed list" : `did you mean "${near}"?`,
  });
}

/** As `requireFeed`, for commands that change the feed. Throws `conflict` when it is being deleted. */
export async function requireLiveFeed(db: Db, name: string): Promise<FeedRow> {
  const feed = await requireFeed(db, name);
  if (feed.deleting_at !== null)
    throw new FeedctlError("conflict", `feed "${feed.name}" is being deleted`, {
      hint: `finish it: feedctl feed delete ${feed.name} --purge-files`,
    });
  return feed;
}

/**
 * As `requireLiveFeed`, for a transaction that changes only rows: until it ends the feed is neither deleted nor
 * changed by others.
 */
export async function lockLiveFeed(db: Db, name: string): Promise<FeedRow> {
  const { id } = await requireLiveFeed(db, name);
  await lockRows(db, id, "exclusive");
  // read again: it may have been renamed or deleted before it was locked
  const feed = await requireLiveFeed(db, name);
  if (feed.id !== id) throw feedReplaced(name);
  return feed;
}

/** The error for a feed whose name was given to another feed while the command waited for the lock. */
export function feedReplaced(name: string): FeedctlError {
  return new FeedctlError("conflict", `"${name}" is now the name of another feed`, {
    hint: "see: feedctl feed list",
  });
}

/** As `requireLiveFeed`, for commands that add packages. Throws `refused` when the feed is disabled. */
export async function requireActiveFeed(db: Db, name: string): Promise<FeedRow> {
  const feed = await requireLiveFeed(db, name);
  if (!feed.active)
    throw new FeedctlError("refused", `feed "${feed.name}" is disabled and accepts no packages`, {
      hint: `feedctl feed enable ${feed.name}`,
    });
  return feed;
}
