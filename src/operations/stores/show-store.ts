import { marksFolder } from "../../stores/key.ts";
import { feedTotals } from "../../catalog/feeds.ts";
import { readWaitingDeletes, type WaitingDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { listStoresOfFeed, type StoreRow } from "../../catalog/stores.ts";
import { isFeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import { keptAfterDelete, type StoreTraits } from "../../stores/traits.ts";
import type { Context } from "../context.ts";
import { listUnfinished, type FoundUpload, type UploadsPlace } from "../commit/unfinished.ts";
import { requireFeed, requireLiveFeed } from "../feed-store/find-feed.ts";
import { openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { examineStore, traitsOf } from "../feed-store/store-traits.ts";
import { earlierPlaces } from "../feed-store/store-place.ts";
import { describeStore, type FeedStore } from "../feeds/feeds.ts";

export interface ShownStore extends FeedStore {
  feed: string;
  /** Earlier stores that may still hold files of the feed. */
  earlier: string[];
  /** How many blobs of the store are still to be deleted, and the first of those that it did not delete. */
  waiting: WaitingDeletes;
  /** What was found of the provider, and when; null: it was not asked yet, or there is nothing to ask. */
  traits: StoreTraits | null;
  askedAt: Date | null;
}

/** How many blobs that were not deleted, and unfinished uploads, are listed. */
const LISTED = 100;

export async function showStore(context: Context, name: string): Promise<ShownStore> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, name);
  const row = await requireStore(db, feed);
  const waiting = await readWaitingDeletes(db, row.id, LISTED);
  const described = await describeStore(context, db, feed, row);
  const earlier = earlierPlaces(await listStoresOfFeed(db, feed.id));
  return { feed: feed.name, ...described, earlier, waiting, traits: traitsOf(row) ?? null, askedAt: row.traits_at };
}

export interface StoreUsage {
  feed: string;
  location: string;
  catalog: { files: number; bytes: number };
  /** What the store lists. */
  store: { blobs: number; bytes: number };
  /** Those of them that are archived: they must be restored before they can be read. */
  archived: { blobs: number; bytes: number };
  /** Earlier versions and softly deleted blobs, which the provider keeps and bills. Null: not known. */
  kept: { blobs: number; bytes: number } | null;
  /** Uploads that were begun and never completed. Null: not known, and `unfinishedUnknown` says why. */
  unfinished: UnfinishedUsage | null;
  unfinishedUnknown: string | null;
  /** Names in the store that are not valid keys (folder markers, links, control characters). */
  foreign: number;
}

export interface UnfinishedUsage {
  uploads: number;
  /** Those that feedctl began. */
  ours: number;
  /** As far as the provider reports sizes. */
  bytes: number;
  /** The first of them. */
  listed: FoundUpload[];
}

export async function measureStore(context: Context, name: string): Promise<StoreUsage> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, name);
  const totals = await feedTotals(db, feed.id);
  const row = await requireStore(db, feed);
  await using store = await openProvenStore(context, db, feed, { row, intent: "read" });
  const found = { blobs: 0, bytes: 0 };
  const archived = { blobs: 0, bytes: 0 };
  let foreign = 0;
  const onForeign = (odd: string, problem?: string) => void (marksFolder(odd, problem) || foreign++);
  for await (const blob of store.list("", { signal: context.signal, onForeign })) {
    found.blobs++;
    found.bytes += blob.size;
    if (blob.archived === undefined) continue;
    archived.blobs++;
    archived.bytes += blob.size;
  }
  return {
    feed: feed.name,
    location: store.name,
    catalog: { files: totals.files, bytes: totals.bytes },
    store: found,
    archived,
    kept: await measureKept(context, db, row, store),
    ...(await measureUnfinished(context, db, { feed, storeId: row.id, store })),
    foreign,
  };
}

async function measureUnfinished(
  context: Context,
  db: Db,
  place: UploadsPlace,
): Promise<Pick<StoreUsage, "unfinished" | "unfinishedUnknown">> {
  const unknown = (why: string) => ({ unfinished: null, unfinishedUnknown: why });
  if (place.store.unfinished === undefined)
    return unknown("the provider does not list them, and discards them after a week");
  const found: UnfinishedUsage = { uploads: 0, ours: 0, bytes: 0, listed: [] };
  try {
    for await (const upload of listUnfinished(context, db, place, { sizes: true })) {
      found.uploads++;
      if (upload.isOurs) found.ours++;
      found.bytes += upload.bytes ?? 0;
      if (found.listed.length < LISTED) found.listed.push(upload);
    }
    return { unfinished: found, unfinishedUnknown: null };
  } catch (error) {
    if (!isFeedctlError(error, "denied", "usage", "invalid")) throw error;
    return unknown(error.message);
  }
}

/** Null where the credentials may not list versions. */
async function measureKept(context: Context, db: Db, row: StoreRow, store: Store): Promise<StoreUsage["kept"]> {
  const kept = { blobs: 0, bytes: 0 };
  const traits = await examineStore(context, db, { row, store, probes: false });
  if (store.listKept === undefined || (traits && keptAfterDelete(traits, context.now())) === undefined)
    return traits !== undefined && traits.versioning === undefined ? null : kept;
  try {
    for await (const { size } of store.listKept({ signal: context.signal })) {
      kept.blobs++;
      kept.bytes += size;
    }
    return kept;
  } catch (error) {
    if (!isFeedctlError(error, "denied", "usage")) throw error;
    return null;
  }
}

/** Asks the provider of a feed's store again how it treats blobs, and remembers it. A disk is not asked. */
export async function refreshStore(context: Context, name: string): Promise<ShownStore> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, name);
  const row = await requireStore(db, feed);
  await using store = await openProvenStore(context, db, feed, { row, intent: "write" });
  await examineStore(context, db, { row, store, probes: true });
  return await showStore(context, name);
}
