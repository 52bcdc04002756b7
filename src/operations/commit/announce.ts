import {
  adoptWrites,
  announceWrites,
  listPendingDeletesAmong,
  renewWrites,
  type HeldIntent,
  type WriteIntent,
} from "../../catalog/pending.ts";
import { commit } from "./commit.ts";
import { tryContentHash } from "./content-hash.ts";
import type { Context } from "../context.ts";
import type { Target } from "./feed-writer.ts";
import { finishReplacements } from "./finish-replacements.ts";
import { deadRuns } from "./recorded-run.ts";
import { deleteBlobs } from "../transfer/delete-blobs.ts";

/**
 * Announces the keys that the run is about to write, which must be distinct, and first finishes what dead runs left at
 * them. Returns the keys that may be written now; the others are being written by another run.
 */
export async function announceBatch(
  context: Context,
  target: Target,
  intents: readonly WriteIntent[],
): Promise<ReadonlySet<string>> {
  const { feed, storeId, store, run } = target;
  const catalog = await context.catalog();
  const about = { storeId, runId: run.id };
  const held = await commit(catalog.db, [target], (transaction) =>
    announceWrites(transaction, { ...about, now: context.now() }, intents),
  );
  if (held.length === 0) {
    await clearLeftovers(context, target, { intents, adopted: [] });
    return new Set(intents.map(({ key }) => key));
  }
  const dead = await deadRuns(
    catalog,
    held.map((intent) => intent.runId),
    run.id,
  );
  const heldKeys = held.map((intent) => intent.key);
  const adopted = new Set(
    await commit(catalog.db, [target], (transaction) => adoptWrites(transaction, about, heldKeys, dead)),
  );
  const takenOver = held.filter((intent) => adopted.has(intent.key));
  // an interrupted overwrite must be finished before the blob is overwritten again: its row may still hold the old hash
  await finishReplacements(context, catalog.db, { feedId: feed.id, store, run, holder: target }, takenOver);
  const others = new Set(held.filter((intent) => !adopted.has(intent.key)).map((intent) => intent.key));
  const mine = intents.filter((intent) => !others.has(intent.key));
  await clearLeftovers(context, target, {
    intents: mine,
    adopted: takenOver.filter(({ replacement }) => replacement === null || replacement === undefined),
  });
  const renewed = intents.filter((intent) => adopted.has(intent.key));
  await commit(catalog.db, [target], (transaction) => renewWrites(transaction, about, renewed));
  return new Set(mine.map((intent) => intent.key));
}

interface Leftovers {
  /** What this run will write. */
  intents: readonly WriteIntent[];
  /** Intents taken over from dead runs. */
  adopted: readonly HeldIntent[];
}

/**
 * Deletes blobs that no row needs: those with a pending delete, and other bytes that a dead run stored. One that cannot
 * be deleted is left to the put: it finds the same bytes, or fails for this key alone.
 */
async function clearLeftovers(context: Context, target: Target, { intents, adopted }: Leftovers): Promise<void> {
  const { db } = await context.catalog();
  const { storeId, store } = target;
  const wanted = new Map(intents.map(({ key, sha256 }) => [key, sha256]));
  const keys = await listPendingDeletesAmong(db, storeId, [...wanted.keys()]);
  for (const { key, sha256 } of adopted)
    if (wanted.get(key) !== sha256 && (await tryContentHash(store, key, context.signal)) === sha256) keys.push(key);
  if (keys.length === 0) return;
  await commit(db, [target], () => deleteBlobs(store, keys, context.signal));
}

/**
 * Records blobs that were stored, when `record`, which records them, fails: a run that lost its locks may have stored
 * them after another run withdrew its announcements, and then nothing else would remember them. The next run finds the
 * announcements, as those of a run that died at this point.
 */
export async function recordStored<T>(
  context: Context,
  { storeId, run }: Target,
  intents: readonly WriteIntent[],
  record: () => Promise<T>,
): Promise<T> {
  try {
    return await record();
  } catch (error) {
    const { db } = await context.catalog();
    // without the catalog the announcements are still as they were
    await announceWrites(db, { storeId, runId: run.id, now: context.now() }, intents).catch(() => {});
    throw error;
  }
}
