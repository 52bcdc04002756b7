import { feedTotals, type FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { StoreRow } from "../../catalog/stores.ts";
import { isFeedctlError } from "../../errors.ts";
import { requireProvider } from "../../stores/providers.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { storeConfig } from "../feed-store/open-feed-store.ts";
import { deleteMarker } from "../feed-store/marker.ts";

/**
 * Whether a store holds no file of its feed, such as one with a mistyped path: it has no marker yet, or is an empty disk.
 * Clouds with a marker are not asked, because the feed may leave one that does not respond.
 */
export async function isUnused(context: Context, db: Db, feed: FeedRow, row: StoreRow): Promise<boolean> {
  // an earlier version wrote without a marker
  if (row.marked_at === null) return (await feedTotals(db, feed.id)).files === 0;
  if (!requireProvider(row.type).isLocal) return false;
  return (await withDisk(context, db, { feed, row }, isEmpty)) ?? false;

  async function isEmpty(store: Store): Promise<boolean> {
    for await (const _ of store.list("", { signal: context.signal })) return false;
    return true;
  }
}

/** Deletes the marker of a disk that was left unused, so that the directory is as it was. */
export async function clearUnused(
  context: Context,
  db: Db,
  { feed, row }: { feed: FeedRow; row: StoreRow },
): Promise<void> {
  if (row.marked_at !== null) await withDisk(context, db, { feed, row }, (store) => deleteMarker(context, store, row));
}

/** Undefined: the disk cannot be read, such as one that is not mounted. */
async function withDisk<T>(
  context: Context,
  db: Db,
  { feed, row }: { feed: FeedRow; row: StoreRow },
  use: (store: Store) => Promise<T>,
): Promise<T | undefined> {
  try {
    await using store = await context.openStore(await storeConfig(context, db, feed, row));
    return await use(store);
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    return undefined;
  }
}
