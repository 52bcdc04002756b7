import {
  adoptWrites,
  announceWrites,
  listPendingDeletesAmong,
  renewWrites,
  type HeldIntent,
  type WriteIntent,
} from "../../catalog/pending.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import { contentHash } from "./content-hash.ts";
import type { Context } from "../context.ts";
import type { Target } from "./feed-writer.ts";
import { finishReplacements } from "./finish-replacements.ts";
import { deadRuns } from "./recorded-run.ts";
import { deleteBlobs } from "./settle.ts";

/**
 * Announces the keys that the run is about to write, which must be distinct, and first finishes what dead runs left at
 * them. Returns the keys that may be written now; the others are being written by another run.
 */
export async function announceBatch(
  context: Context,
  { feed, storeId, store, run }: Target,
  intents: readonly WriteIntent[],
): Promise<ReadonlySet<string>> {
  const catalog = await context.catalog();
  const held = await announceWrites(catalog.db, { storeId, runId: run.id, now: context.now() }, intents);
  const dead = await deadRuns(
    catalog,
    held.map((intent) => intent.runId),
    run.id,
  );
  const adopted = new Set(
    await adoptWrites(
      catalog.db,
      { storeId, runId: run.id },
      held.map((intent) => intent.key),
      dead,
    ),
  );
  const takenOver = held.filter((intent) => adopted.has(intent.key));
  // an interrupted overwrite must be finished before the blob is overwritten again: its row may still hold the old hash
  await finishReplacements(context, catalog.db, { feedId: feed.id, store, run }, takenOver);
  const others = new Set(held.filter((intent) => !adopted.has(intent.key)).map((intent) => intent.key));
  const mine = intents.filter((intent) => !others.has(intent.key));
  await clearLeftovers(context, store, {
    wanted: new Map(mine.map((intent) => [intent.key, intent.sha256])),
    adopted: takenOver.filter(({ replacement }) => replacement === null || replacement === undefined),
    pendingDeletes: await listPendingDeletesAmong(
      catalog.db,
      storeId,
      mine.map((intent) => intent.key),
    ),
  });
  await renewWrites(
    catalog.db,
    { storeId, runId: run.id },
    intents.filter((intent) => adopted.has(intent.key)),
  );
  return new Set(mine.map((intent) => intent.key));
}

interface Leftovers {
  /** Hash of the bytes that this run will write, by key. */
  wanted: ReadonlyMap<Key, string>;
  /** Intents taken over from dead runs. */
  adopted: readonly HeldIntent[];
  /** Keys with a pending delete. */
  pendingDeletes: readonly Key[];
}

/** Deletes blobs that no row needs: those with a pending delete, and other bytes that a dead run stored. */
async function clearLeftovers(
  context: Context,
  store: Store,
  { wanted, adopted, pendingDeletes }: Leftovers,
): Promise<void> {
  await deleteBlobs(store, pendingDeletes, context.signal);
  for (const { key, sha256 } of adopted) {
    if (wanted.get(key) === sha256 || (await contentHash(store, key, context.signal)) !== sha256) continue;
    await store.delete(key, { signal: context.signal });
  }
}
