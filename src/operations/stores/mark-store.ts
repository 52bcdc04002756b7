import { insertAuditEvents } from "../../catalog/runs.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { findStore, listStoresOfFeed, type StoreRow } from "../../catalog/stores.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { locationOf } from "../../stores/location.ts";
import { lockWrites } from "../commit/lock-feed.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { requireRecordedPlace, requireStore, storeConfig } from "../feed-store/open-feed-store.ts";
import { traitsOf } from "../feed-store/store-traits.ts";
import { countFound, markPlace, requireFreePlace } from "../feed-store/prove-place.ts";

export interface MarkInput {
  feed: string;
  /** Mark the store before the current one instead, which `migrate retire` is to empty. */
  earlier?: boolean | undefined;
  /** Mark a place that has none of the feed's files, or that was the place of another of its stores. */
  force?: boolean | undefined;
}

export interface StoreMark {
  feed: string;
  location: string;
  /** How many of the recorded files that were looked up are there. */
  found: number;
  /** How many were looked up. */
  of: number;
}

/**
 * Writes the marker of a feed's store: after its files were moved without feedctl, or when they are lost for good.
 * Throws `refused` where `force` is needed, and `conflict` for the place of another feed.
 */
export async function markStore(context: Context, { feed: name, earlier, force }: MarkInput): Promise<StoreMark> {
  const catalog = await context.catalog();
  const { db } = catalog;
  const feed = await requireLiveFeed(db, name);
  await using lock = await lockWrites(context, catalog, feed, "try again when the import is over");
  const row = earlier ? await requireEarlier(db, feed) : await requireStore(db, feed);
  const config = await storeConfig(context, db, feed, row);
  requireRecordedPlace(feed, row, config);
  await using store = await context.openStore(config, { known: traitsOf(row) });
  const marker = await requireFreePlace(context, db, { feed, store });
  const { found, of } = await countFound(context, db, { feed, store });
  if (!force) {
    if (found === 0 && of > 0)
      throw refused(`${store.name} has none of ${of} files of feed "${feed.name}" that were looked up`);
    const other = marker === undefined || marker.store === row.id ? undefined : await findStore(db, marker.store);
    if (other !== undefined && other.retired_at === null)
      throw refused(`${store.name} is marked as another store of feed "${feed.name}"`);
  }
  await lock.assertHeld();
  await markPlace(context, db, { feed, row, location: locationOf(config), store }, true);
  await insertAuditEvents(db, { runId: null, actor: context.actor, feedId: feed.id, now: context.now() }, [
    { action: "store marked", object: feed.name, detail: { location: store.name, found, of } },
  ]);
  return { feed: feed.name, location: store.name, found, of };
}

function refused(message: string): FeedctlError {
  return new FeedctlError("refused", message, { hint: "is the disk mounted? to mark it all the same: --yes" });
}

async function requireEarlier(db: Db, feed: FeedRow): Promise<StoreRow> {
  const rows = await listStoresOfFeed(db, feed.id);
  const [last] = rows
    .filter((row) => row.role === "previous" && row.retired_at === null)
    .toSorted((a, b) => (b.replaced_at?.getTime() ?? 0) - (a.replaced_at?.getTime() ?? 0));
  if (last !== undefined) return last;
  throw new FeedctlError("not-found", `feed "${feed.name}" has no earlier store that is not retired`, {
    hint: `see: feedctl feed show ${feed.name}`,
  });
}
