import { deleteFeedRow, updateFeed } from "../../catalog/feeds.ts";
import { deleteFileRowBatch } from "../../catalog/files.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import { markRetired, replaceStore, listStoresOfFeed } from "../../catalog/stores.ts";
import { locationName } from "../../stores/location.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { explicitPlace, openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { deleteMarker } from "../feed-store/marker.ts";
import { lockWholeFeed } from "../commit/lock-feed.ts";
import { reportKept, type KeptBlobs } from "../feed-store/store-traits.ts";
import { startRun } from "../commit/recorded-run.ts";
import { finishPending, reportUndeleted } from "../commit/settle.ts";

export interface PurgeResult {
  feed: string;
  purged: true;
  /** How many files were deleted. */
  deleted: number;
  /** How many blobs stay because they have no row. */
  left: number;
  location: string;
  /** Locations of earlier stores that were never retired: their files stay. */
  earlier: string[];
  keptByProvider: KeptBlobs | null;
}

const BATCH = 1000;

/**
 * Deletes a feed and its files. Per batch, rows are deleted and pending deletes recorded in one transaction, then the
 * blobs are deleted. The feed's own row goes last, so that an interrupted purge can be run again.
 */
export async function purgeFeed(context: Context, name: string): Promise<PurgeResult> {
  const catalog = await context.catalog();
  const found = await requireFeed(catalog.db, name);
  await using lock = await lockWholeFeed(context, catalog, found);
  const feed = await requireFeed(catalog.db, found);
  const row = await requireStore(catalog.db, feed);
  await using run = await startRun(context, "feed delete", feed.id);
  await using store = await openProvenStore(context, catalog.db, feed, { row, intent: "write" });
  const deleting = { active: false, deleting_at: context.now() };
  await commit(catalog.db, [lock, run], (db) => updateFeed(db, feed.id, deleting));
  const place = { feed, storeId: row.id, store, run };
  let deleted = 0;
  for (;;) {
    const taken = await commit(catalog.db, [lock, run], async (db) => {
      const keys = await deleteFileRowBatch(db, feed.id, BATCH);
      await recordDeletes(db, { storeId: row.id, runId: run.id, now: context.now() }, keys);
      return keys.length;
    });
    const finished = await finishPending(context, place, { wait: context.lockWait, all: taken === 0 });
    reportUndeleted(context, feed.name, finished, "all");
    deleted += finished.deleted;
    if (taken === 0) break;
  }
  const keptByProvider = await reportKept(context, catalog.db, place, deleted);
  const earlier = (await listStoresOfFeed(catalog.db, feed.id))
    .filter((other) => other.id !== row.id && other.retired_at === null)
    .flatMap(({ location }) => (location === null ? [] : [locationName(location)]));
  let left = 0;
  const onForeign = (_: string, problem?: string) => problem && left++;
  for await (const _ of store.list("", { signal: context.signal, onForeign })) left++;
  await commit(catalog.db, [lock, run], async (db) => {
    await run.audit(db, [
      { action: "feed deleted", object: feed.name, detail: { purged: true, files: deleted, left } },
    ]);
    await replaceStore(db, row.id, await explicitPlace(context, db, feed, row), context.now());
    if (left === 0) await markRetired(db, row.id, context.now());
    await deleteFeedRow(db, feed.id);
  });
  if (left === 0) await deleteMarker(context, store, row);
  const location = store.name;
  const result: PurgeResult = { feed: feed.name, purged: true, deleted, left, location, earlier, keptByProvider };
  await run.finish(result);
  return result;
}
