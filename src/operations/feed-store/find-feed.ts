import type { Db } from "../../catalog/schema/core.ts";
import { findFeed, findFeedById, listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { nearest } from "../../lib/nearest.ts";

/**
 * A feed's name; or the feed that was found by it, which is held by its id from then on: while a command works, the feed
 * may be renamed, and its name be given to another one.
 */
export type FeedRef = string | { readonly id: number; readonly name: string };

export function nameOf(ref: FeedRef): string {
  return typeof ref === "string" ? ref : ref.name;
}

/** The feed. Throws `not-found`, with the nearest name as hint. */
export async function requireFeed(db: Db, ref: FeedRef): Promise<FeedRow> {
  if (typeof ref !== "string") {
    const held = await findFeedById(db, ref.id);
    if (held !== undefined) return held;
    throw new FeedctlError("not-found", `feed "${ref.name}" was deleted meanwhile`, { hint: "see: feedctl feed list" });
  }
  const name = ref;
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
export async function requireLiveFeed(db: Db, ref: FeedRef): Promise<FeedRow> {
  const feed = await requireFeed(db, ref);
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
export async function lockLiveFeed(db: Db, ref: FeedRef): Promise<FeedRow> {
  const found = await requireLiveFeed(db, ref);
  await lockRows(db, found.id, "exclusive");
  // read again: it may have been renamed or deleted before it was locked
  return requireLiveFeed(db, found);
}

/** As `requireLiveFeed`, for commands that add packages. Throws `refused` when the feed is disabled. */
export async function requireActiveFeed(db: Db, ref: FeedRef): Promise<FeedRow> {
  const feed = await requireLiveFeed(db, ref);
  if (!feed.active)
    throw new FeedctlError("refused", `feed "${feed.name}" is disabled and accepts no packages`, {
      hint: `feedctl feed enable ${feed.name}`,
    });
  return feed;
}
