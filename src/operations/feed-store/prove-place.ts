import { findFeedById } from "../../catalog/feeds.ts";
import { sampleFiles } from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { findStore, recordMark, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Location } from "../../lib/location.ts";
import { MARKER_KEY } from "../../lib/key.ts";
import { locationName, overlap } from "../../stores/location.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { isSameMarker, readMarker, writeMarker, type Marker } from "./marker.ts";
import { requireInstallation } from "./require-installation.ts";
import { examineNewStore } from "./store-traits.ts";

/** A feed's store, opened, and where it is by its configuration. */
export interface FeedPlace {
  feed: { id: number; name: string };
  row: StoreRow;
  location: Location;
  store: Store;
}

/** How many recorded blobs are looked up in a store that is older than markers. */
const SAMPLE = 20;

/**
 * Proves by its marker that a place is the feed's store: an unmounted disk is an empty directory, and one place has
 * many names. With `write`, the first use writes the marker; a store that is older than markers must hold blobs of the
 * feed's rows. Returns the marker; undefined when it is not written yet. Throws `unavailable` when the marker is missing,
 * and `conflict` when it is another store's.
 */
export async function provePlace(
  context: Context,
  db: Db,
  opened: FeedPlace,
  intent: "read" | "write",
): Promise<Marker | undefined> {
  // this process or another one may have marked the store since the row was read
  const place = { ...opened, row: (await findStore(db, opened.row.id)) ?? opened.row };
  const own = await ownMarker(context, db, place);
  const found = await readMarker(place.store, context.signal);
  if (found !== undefined && found !== "other" && isSameMarker(found, own)) {
    // the files may have been moved together with their marker
    const marked = place.row.marked_at === null ? null : place.row.marked_location;
    const isRecorded = marked !== null && overlap(marked, place.location) === "same";
    if (found.since === undefined && place.row.retired_at === null && intent === "write")
      await markPlace(context, db, place, true);
    else if (!isRecorded && place.row.retired_at === null && intent === "write")
      await recordMark(db, place.row.id, markOf(context, place));
    return own;
  }
  if (found !== undefined) {
    await refuseForeign(db, place, own, found);
    if (intent === "read") return undefined;
    await markPlace(context, db, place, true);
    return own;
  }
  if (place.row.marked_at !== null) throw missing(context, place);
  if (intent === "read") return undefined;
  if (place.row.probe && place.row.role !== "target") {
    const { found: blobs, of } = await countFound(context, db, place);
    if (blobs === 0 && of > 0) throw missing(context, place);
  }
  await markPlace(context, db, place, false);
  return own;
}

/**
 * Reads the marker once more and compares it with what `provePlace` returned. Asks the catalog nothing, because blobs are
 * deleted in transactions and the embedded catalog has one connection.
 */
export async function provePlaceAgain(context: Context, place: FeedPlace, own: Marker): Promise<void> {
  const found = await readMarker(place.store, context.signal);
  if (found === undefined) throw missing(context, place);
  if (found === "other" || !isSameMarker(found, own)) throw foreign(place, "has another marker than before");
}

/**
 * Throws `unavailable` when the marker is missing of a store that was marked: then nothing can be said of its blobs. Asks
 * the catalog nothing.
 */
export async function requireMarked(context: Context, place: FeedPlace): Promise<void> {
  if (place.row.marked_at === null || (await readMarker(place.store, context.signal)) !== undefined) return;
  throw missing(context, place);
}

/**
 * The marker of a place that a feed is about to use; undefined when it has none. Throws `conflict` when it is the place
 * of another feed or installation.
 */
export async function requireFreePlace(
  context: Context,
  db: Db,
  { feed, store }: Pick<FeedPlace, "feed" | "store">,
): Promise<Marker | undefined> {
  const found = await readMarker(store, context.signal);
  if (found === undefined) return undefined;
  const { id: installation } = await requireInstallation(context, db);
  const other = await findLiveOwner(db, { feed, store }, installation, found);
  if (other !== undefined && other.feed_id !== feed.id) throw await ownedBy(db, { feed, store }, other);
  return found === "other" ? undefined : found;
}

/**
 * Writes the store's marker and records it. Throws `conflict` when another process has written another one meanwhile;
 * the marker is read again because some servers ignore the condition of the request.
 */
export async function markPlace(context: Context, db: Db, place: FeedPlace, replace: boolean): Promise<void> {
  const { signal } = context;
  const own = await ownMarker(context, db, place);
  try {
    await writeMarker(place.store, own, { replace, signal });
  } catch (error) {
    if (!isFeedctlError(error, "conflict")) throw error;
  }
  const found = await readMarker(place.store, signal);
  if (found === undefined || found === "other" || !isSameMarker(found, own))
    throw foreign(place, "is being marked by another process at this moment");
  await recordMark(db, place.row.id, markOf(context, place));
  await examineNewStore(context, db, place.row, place.store);
}

/** How many of a sample of the feed's recorded files the store holds. Both are 0 for a feed without files. */
export async function countFound(
  context: Context,
  db: Db,
  { feed, store }: Pick<FeedPlace, "feed" | "store">,
): Promise<{ found: number; of: number }> {
  const files = await sampleFiles(db, feed.id, SAMPLE);
  let found = 0;
  for (const { key, size } of files) if ((await store.head(key, { signal: context.signal }))?.size === size) found++;
  return { found, of: files.length };
}

async function ownMarker(context: Context, db: Db, { feed, row }: FeedPlace): Promise<Marker> {
  const { id: installation } = await requireInstallation(context, db);
  return { installation, feed: feed.id, store: row.id, since: row.created_at.toISOString() };
}

function markOf(context: Context, { location }: FeedPlace) {
  return { location, host: context.host, now: context.now() };
}

/**
 * Throws `conflict` unless the marker that was found is obsolete: its store does not exist any more, or it is of the
 * same feed and came with a copy of the files. A store that had a marker of its own has no use for another one.
 */
async function refuseForeign(db: Db, place: FeedPlace, own: Marker, found: Marker | "other"): Promise<void> {
  const other = await findLiveOwner(db, place, own.installation, found);
  if (other === undefined) return;
  if (other.feed_id !== own.feed) throw await ownedBy(db, place, other);
  const where = other.location === null ? "in the default directory" : `at ${locationName(other.location)}`;
  if (place.row.marked_at !== null || place.row.role === "previous")
    throw foreign(place, `is the same place as, or a copy of, this feed's store ${where}`);
}

/** The store that a marker names; undefined when it is retired. Throws `conflict` for one of other origin. */
async function findLiveOwner(
  db: Db,
  place: Pick<FeedPlace, "feed" | "store">,
  installation: string,
  found: Marker | "other",
): Promise<StoreRow | undefined> {
  if (found === "other") throw foreign(place, `has a file ${MARKER_KEY} that feedctl did not write`);
  if (found.installation !== installation) throw foreign(place, "holds the files of another feedctl installation");
  const other = await findStore(db, found.store);
  const isOlder = other !== undefined && found.since !== undefined && found.since !== other.created_at.toISOString();
  // no row of a store is ever deleted: the catalog was restored from a backup that is older than the store
  if (isOlder || other === undefined)
    throw foreign(place, "holds the files of a feed that this catalog does not have: was an older backup restored?");
  return other.feed_id === found.feed && other.retired_at === null ? other : undefined;
}

async function ownedBy(
  db: Db,
  place: Pick<FeedPlace, "feed" | "store">,
  { feed_id: id }: StoreRow,
): Promise<FeedctlError> {
  return foreign(place, `is the store of feed "${(await findFeedById(db, id))?.name ?? `#${id} (deleted)`}"`);
}

function foreign({ feed, store }: Pick<FeedPlace, "feed" | "store">, what: string): FeedctlError {
  return new FeedctlError("conflict", `${store.name}, the store of feed "${feed.name}", ${what}`, {
    hint: `nothing was changed; if the place is this feed's alone, delete the file ${MARKER_KEY} there`,
  });
}

function missing(context: Context, { feed, row, location, store }: FeedPlace): FeedctlError {
  const { marked_host: host, marked_location: marked } = row;
  const mark = `feedctl store mark ${feed.name}${row.role === "previous" ? " --earlier" : ""}`;
  if (marked !== null && overlap(marked, location) !== "same")
    return new FeedctlError(
      "unavailable",
      `feed "${feed.name}" looks for its files in ${store.name}, but they are in ${locationName(marked)}`,
      {
        hint: `undo the change, or move them: feedctl settings set NAME VALUE --migrate; to start without them: ${mark}`,
      },
    );
  if (location.type === "disk" && host !== null && host !== context.host)
    return new FeedctlError(
      "unavailable",
      `the store of feed "${feed.name}" is a directory of the machine ${host}: ${store.name} has no marker on ${context.host}`,
      { hint: `run feedctl there, or mount that directory here; if its files have moved here: ${mark}` },
    );
  return new FeedctlError("unavailable", `the store of feed "${feed.name}" is not there: ${store.name} has no marker`, {
    hint: `mount it; if it is the right place: ${mark}`,
  });
}
