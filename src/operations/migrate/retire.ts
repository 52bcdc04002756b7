import {
  findOpenMigration,
  findSwitchedMigration,
  listStoresToRetire,
} from "../../catalog/migration/feed-migrations.ts";
import { findStore, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { locationName, overlap } from "../../stores/location.ts";
import type { Context } from "../context.ts";
import { explicitPlace, openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { placeOf } from "../feed-store/store-place.ts";
import { requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { lockMigration } from "../commit/lock-feed.ts";
import { startRun } from "../commit/recorded-run.ts";
import { compareCatalog, isSound, type VerifySummary } from "../verify/verify.ts";
import type { RetireEvent, RetirePlan, RetireSummary } from "./retire-events.ts";
import { retireOldFiles } from "./retire-old-files.ts";

/**
 * What would be deleted, for the confirmation: each store that the feed has left by a migration and that may still hold its
 * files, the oldest first. `place`: only the store there, as messages name it. Throws `refused` or `not-found` when
 * nothing can be retired.
 */
export async function planRetirement(context: Context, name: string, place?: string): Promise<RetirePlan[]> {
  const found = await requireRetirement(context, name, place);
  return found.old.map((old) => planOf(found, old));
}

/**
 * Deletes the old files of a migrated feed in all stores that it has left, or in the one at `place`, after reading every
 * blob of its store and comparing its hash. Yields a summary for each store. Throws `refused`, and deletes nothing, when any
 * blob differs or is missing.
 */
export async function* retireStores(context: Context, name: string, place?: string): AsyncGenerator<RetireEvent> {
  const catalog = await context.catalog();
  const ref = await requireLiveFeed(catalog.db, name);
  await using lock = await lockMigration(catalog, ref);
  // read under the lock: another migration may have ended before it was acquired
  const found = await requireRetirement(context, ref, place);
  const { feed, current } = found;
  const none = { deleted: 0, bytes: 0, kept: 0, failed: 0, keptByProvider: null };
  const summaries = found.old.map((old): RetireSummary => ({ type: "summary", ...planOf(found, old), ...none }));
  if (found.retired) return yield* summaries;
  await using run = await startRun(context, "migrate retire", feed.id);
  await using store = await openProvenStore(context, catalog.db, feed, { row: current, intent: "write" });
  let verified: VerifySummary | undefined;
  for await (const event of compareCatalog(context, catalog.db, { feed, storeId: current.id, store, read: true })) {
    if (event.type === "summary") verified = event;
    else yield event;
  }
  // blobs without rows in the new store do no harm; every other difference forbids the deletion
  if (verified === undefined || !isSound({ ...verified, missingRow: 0 })) {
    throw new FeedctlError("refused", `feed "${feed.name}" did not pass its verification; the old files stay`, {
      hint: `see: feedctl verify ${feed.name} --read`,
    });
  }

  for (const [index, old] of found.old.entries()) {
    const summary = summaries[index]!;
    await using source = await openProvenStore(context, catalog.db, feed, { row: old, intent: "write" });
    yield* retireOldFiles(context, { catalog, feed, old, source, store, lock, run }, summary);
    yield summary;
  }
  await run.finish(summaries.length === 1 ? summaries[0]! : { stores: summaries });
}

/** A feed's store, and those whose files can be deleted. */
interface Retirement {
  feed: Awaited<ReturnType<typeof requireLiveFeed>>;
  current: StoreRow;
  to: string;
  /** The oldest first. With `retired`, the last one that was retired before. */
  old: StoreRow[];
  retired: boolean;
}

/** Throws `not-found` or `refused` when there is nothing to retire. */
async function requireRetirement(context: Context, ref: FeedRef, place?: string): Promise<Retirement> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, ref);
  if ((await findOpenMigration(db, feed.id)) !== undefined)
    throw new FeedctlError("refused", `feed "${feed.name}" is in the middle of a migration`, {
      hint: "finish it first",
    });
  const current = await requireStore(db, feed);
  const here = (await explicitPlace(context, db, feed, current)).location;
  const about = { feed, current, to: locationName(here) };
  const all = await listStoresToRetire(db, feed.id);
  const old = place === undefined ? all : all.filter((row) => placeOf(row) === place);
  if (old.length === 0 && all.length > 0)
    throw new FeedctlError("not-found", `feed "${feed.name}" has no old files in ${place}`, {
      hint: `it has some in ${all.map(placeOf).join(", ")}`,
    });
  for (const { location } of old)
    if (location === null || overlap(location, here) !== undefined)
      throw new FeedctlError("refused", `the old place of feed "${feed.name}" overlaps its store`);
  if (old.length > 0) return { ...about, old, retired: false };
  const last = await findSwitchedMigration(db, feed.id);
  const before = last && (await findStore(db, last.from_store_id));
  if (last?.to_store_id !== current.id || before === undefined || last.state !== "retired") {
    throw new FeedctlError("not-found", `feed "${feed.name}" has no migration whose old files could be retired`, {
      hint: `see: feedctl feed show ${feed.name}`,
    });
  }
  return { ...about, old: [before], retired: true };
}

function planOf({ feed, to, retired }: Retirement, old: StoreRow): RetirePlan {
  return { feed: feed.name, from: placeOf(old), to, retired };
}
