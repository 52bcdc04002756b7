import { findStore, saveTraits, type StoreRow } from "../../catalog/stores.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { Store } from "../../stores/store.ts";
import { keptAfterDelete, keptUntil, parseTraits, type Kept, type StoreTraits } from "../../stores/traits.ts";
import type { Context } from "../context.ts";
import { newProbe, removeOldProbes } from "./probes.ts";

/** What was found of a store before; undefined when it was not asked yet. */
export function traitsOf({ traits }: Pick<StoreRow, "traits">): StoreTraits | undefined {
  return traits === null ? undefined : parseTraits(traits);
}

/**
 * Finds out how the provider of a store treats blobs, and remembers it with the store. `probes`: also stores and deletes
 * small blobs, to find out what cannot be asked, and removes those of killed processes. Undefined: a disk, of which there
 * is nothing to find out.
 */
export async function examineStore(
  context: Context,
  db: Db,
  { row, store, probes }: { row: Pick<StoreRow, "id">; store: Store; probes: boolean },
): Promise<StoreTraits | undefined> {
  const found = await store.examine?.({ folder: probes ? newProbe(context) : undefined, signal: context.signal });
  if (probes) await removeOldProbes(context, store, found?.lock);
  if (found === undefined) return undefined;
  const known = await findStore(db, row.id);
  // an answer that these credentials do not get now may have been given to others before
  const traits = { ...(known === undefined ? {} : traitsOf(known)), ...parseTraits(found) };
  await saveTraits(db, row.id, { traits, now: context.now() });
  return traits;
}

/**
 * `examineStore` for a store that was not asked yet. A failure is ignored, because feedctl works without the answers and
 * `store refresh` asks again.
 */
export async function examineNewStore(
  context: Context,
  db: Db,
  row: Pick<StoreRow, "id">,
  store: Store,
): Promise<void> {
  if ((await findStore(db, row.id))?.traits !== null) return;
  try {
    await examineStore(context, db, { row, store, probes: true });
  } catch (error) {
    if (!isFeedctlError(error) || isFeedctlError(error, "interrupted")) throw error;
  }
}

/** What the provider keeps of blobs that are deleted from a store now. Asks it, because its settings may have changed. */
export async function askKept(
  context: Context,
  db: Db,
  row: Pick<StoreRow, "id">,
  store: Store,
): Promise<Kept | undefined> {
  const traits = await examineStore(context, db, { row, store, probes: false });
  return traits && keptAfterDelete(traits, context.now());
}

/** Blobs that a command has deleted and that the provider keeps, so that their space is not free. */
export interface KeptBlobs extends Kept {
  blobs: number;
}

/** Counts of several stores or steps together. `null`: nothing is kept. The time is the last one. */
export function addKept(one: KeptBlobs | null, other: KeptBlobs | null): KeptBlobs | null {
  if (one === null || other === null) return one ?? other;
  const [a, b] = [one.until, other.until];
  const until = a === undefined || b === undefined ? undefined : a > b ? a : b;
  return { blobs: one.blobs + other.blobs, by: one.by, until };
}

/**
 * Finds out and says that the provider keeps blobs that a command has deleted. `null`, and silent, when it keeps nothing
 * that is known, and when it cannot be asked: the blobs are deleted in any case.
 */
export async function reportKept(
  context: Context,
  db: Db,
  { storeId, store }: { storeId: number; store: Store },
  deleted: number,
): Promise<KeptBlobs | null> {
  return sayKept(context, store, deleted, () => askKept(context, db, { id: storeId }, store));
}

/** As `reportKept`, for a place that belongs to no feed, such as the target of a mirror. The answer is not saved. */
export async function reportKeptAt(context: Context, store: Store, deleted: number): Promise<KeptBlobs | null> {
  return sayKept(context, store, deleted, async () => {
    const traits = await store.examine?.({ signal: context.signal });
    return traits && keptAfterDelete(parseTraits(traits), context.now());
  });
}

async function sayKept(
  context: Context,
  store: Store,
  deleted: number,
  ask: () => Promise<Kept | undefined>,
): Promise<KeptBlobs | null> {
  if (deleted === 0 || store.examine === undefined) return null;
  try {
    const kept = await ask();
    if (kept === undefined) return null;
    context.notice(`${counted(deleted, "deleted blob")} of ${store.name}: ${keptUntil(kept)}`);
    return { blobs: deleted, ...kept };
  } catch (error) {
    if (!isFeedctlError(error) || isFeedctlError(error, "interrupted")) throw error;
    return null;
  }
}
