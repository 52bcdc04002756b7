import { listFileHashes } from "../../catalog/files.ts";
import {
  adoptWrites,
  forgetDeletes,
  listPendingDeletes,
  listPendingWrites,
  withdrawWrites,
} from "../../catalog/pending.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { parseKey, type Key } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import { contentHash } from "./content-hash.ts";
import type { Context } from "../context.ts";
import { finishReplacements } from "./finish-replacements.ts";
import { deadRuns, type Run } from "./recorded-run.ts";

export interface Settled {
  /** Blobs removed because their rows are gone. */
  deleted: number;
  /** Blobs removed because a run died between storing them and recording them. */
  abandoned: number;
  /** Rows that now describe the bytes which a dead run had put in the place of others. */
  replaced: number;
}

const BATCH = 1000;

/** Whether there may be anything to settle. */
export async function hasPending(db: Db, storeId: number, feedId: number): Promise<boolean> {
  return (
    (await listPendingWrites(db, storeId, 1)).length > 0 || !isEmpty(await listPendingDeletes(db, storeId, feedId, 1))
  );
}

export interface SettleTarget {
  feed: FeedRow;
  storeId: number;
  store: Store;
  run: Run;
}

export interface SettleOptions {
  /** Milliseconds to wait for other writers before `locked` is thrown. Without it the work is left to the next run. */
  wait?: number | undefined;
  /** Called with the blobs that pending deletes are about to remove. */
  beforeDelete?: ((keys: readonly Key[]) => Promise<void>) | undefined;
}

/**
 * Finishes what rows have promised: obeys pending deletes and clears what dead runs left. Needs the feed to itself for
 * that moment.
 */
export async function settlePending(
  context: Context,
  { feed, storeId, store, run }: SettleTarget,
  { wait, beforeDelete }: SettleOptions = {},
): Promise<Settled> {
  const catalog = await context.catalog();
  const settled = { deleted: 0, abandoned: 0, replaced: 0 };
  if (!(await hasPending(catalog.db, storeId, feed.id))) return settled;
  await using lock = await catalog.lock({
    kind: "write",
    id: feed.id,
    mode: "exclusive",
    wait: wait ?? 0,
    signal: context.signal,
  });
  if (lock === undefined && wait !== undefined)
    throw new FeedctlError("locked", `feed "${feed.name}" is being written to`, {
      hint: "try again when the import is over",
    });
  if (lock === undefined) return settled;

  // dead writers first: while a write is announced, a pending delete of its key waits
  const writes = await listPendingWrites(catalog.db, storeId, BATCH);
  const dead = await deadRuns(
    catalog,
    writes.map((write) => write.runId),
    run.id,
  );
  const mine = new Set(
    await adoptWrites(
      catalog.db,
      { storeId, runId: run.id },
      writes.map((write) => write.key),
      dead,
    ),
  );
  const mended = await finishReplacements(
    context,
    catalog.db,
    { feedId: feed.id, store, run },
    writes.filter((write) => mine.has(write.key)),
  );
  settled.replaced = mended.length;
  const rows = await listFileHashes(catalog.db, feed.id, [...mine]);
  for (const write of writes) {
    if (!mine.has(write.key) || rows.has(write.key)) continue;
    const key = parseKey(write.key);
    await lock.assertHeld();
    // only bytes that the dead run meant to write are its own; anything else at that key is somebody's
    if ((await contentHash(store, key, context.signal)) !== write.sha256) continue;
    await store.delete(key, { signal: context.signal });
    settled.abandoned++;
  }
  await withdrawWrites(catalog.db, { storeId, runId: run.id }, [...mine]);

  for (;;) {
    const { due, reclaimed } = await listPendingDeletes(catalog.db, storeId, feed.id, BATCH);
    if (due.length === 0 && reclaimed.length === 0) break;
    await lock.assertHeld();
    await beforeDelete?.(due.map(parseKey));
    await deleteBlobs(store, due.map(parseKey), context.signal);
    await forgetDeletes(catalog.db, storeId, [...due, ...reclaimed]);
    settled.deleted += due.length;
  }
  return settled;
}

function isEmpty(deletes: { due: string[]; reclaimed: string[] }): boolean {
  return deletes.due.length === 0 && deletes.reclaimed.length === 0;
}

export async function deleteBlobs(store: Store, keys: readonly Key[], signal: AbortSignal): Promise<void> {
  if (store.deleteMany !== undefined) return store.deleteMany(keys, { signal });
  for (const key of keys) await store.delete(key, { signal });
}
