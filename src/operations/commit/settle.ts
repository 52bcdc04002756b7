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
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import { contentHash } from "./content-hash.ts";
import { commit, type Holder } from "./commit.ts";
import type { Context } from "../context.ts";
import { finishReplacements } from "./finish-replacements.ts";
import { deadRuns, type Run } from "./recorded-run.ts";

export interface PendingResult {
  /** Blobs deleted because their rows were removed. */
  deleted: number;
  /** Blobs deleted because a run died between storing and recording them. */
  abandoned: number;
  /** Rows updated because a run died after it had overwritten their blobs. */
  replaced: number;
}

const BATCH = 1000;

/** Whether the store has pending writes or pending deletes of the feed. */
export async function hasPending(db: Db, storeId: number, feedId: number): Promise<boolean> {
  return (
    (await listPendingWrites(db, storeId, 1)).length > 0 || !isEmpty(await listPendingDeletes(db, storeId, feedId, 1))
  );
}

export interface PendingTarget {
  feed: FeedRow;
  storeId: number;
  store: Store;
  run: Run;
}

export interface PendingOptions {
  /**
   * Milliseconds to wait for other writers before `locked` is thrown. Default: do not wait, leave it to the next run.
   */
  wait?: number | undefined;
  /** Called with the keys of each batch of pending deletes, before their blobs are deleted. */
  beforeDelete?: ((keys: readonly Key[]) => Promise<void>) | undefined;
}

/**
 * Deletes the blobs of pending deletes, and cleans up what dead runs announced. Holds the feed's write lock exclusively
 * meanwhile; see `wait` for what happens when another run holds it.
 */
export async function finishPending(
  context: Context,
  { feed, storeId, store, run }: PendingTarget,
  { wait, beforeDelete }: PendingOptions = {},
): Promise<PendingResult> {
  const catalog = await context.catalog();
  const result: PendingResult = { deleted: 0, abandoned: 0, replaced: 0 };
  if (!(await hasPending(catalog.db, storeId, feed.id))) return result;
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
  if (lock === undefined) return result;
  const about = { storeId, runId: run.id };
  const holder: Holder = { proofs: [...run.proofs, ...lock.proofs] };

  // pending writes first: a pending delete is not due while a write of its key is announced
  const writes = await listPendingWrites(catalog.db, storeId, BATCH);
  const dead = await deadRuns(
    catalog,
    writes.map((write) => write.runId),
    run.id,
  );
  const announced = writes.map((write) => write.key);
  const mine = new Set(
    await commit(catalog.db, [holder], (transaction) => adoptWrites(transaction, about, announced, dead)),
  );
  const updated = await finishReplacements(
    context,
    catalog.db,
    { feedId: feed.id, store, run, holder },
    writes.filter((write) => mine.has(write.key)),
  );
  result.replaced = updated.length;
  const rows = await listFileHashes(catalog.db, feed.id, [...mine]);
  const abandoned: Key[] = [];
  for (const write of writes) {
    if (!mine.has(write.key) || rows.has(write.key)) continue;
    const key = write.key;
    // other bytes than the announced ones were not stored by the dead run
    if ((await contentHash(store, key, context.signal)) === write.sha256) abandoned.push(key);
  }
  await commit(catalog.db, [holder], async (transaction) => {
    await withdrawWrites(transaction, about, [...mine]);
    for (const key of abandoned) await store.delete(key, { signal: context.signal });
  });
  result.abandoned = abandoned.length;

  for (;;) {
    const deleted = await commit(catalog.db, [holder], async (transaction) => {
      const pending = await listPendingDeletes(transaction, storeId, feed.id, BATCH);
      if (isEmpty(pending)) return undefined;
      const { due, reclaimed } = pending;
      await beforeDelete?.(due);
      await deleteBlobs(store, due, context.signal);
      await forgetDeletes(transaction, storeId, [...due, ...reclaimed]);
      return due.length;
    });
    if (deleted === undefined) return result;
    result.deleted += deleted;
  }
}

function isEmpty(deletes: { due: string[]; reclaimed: string[] }): boolean {
  return deletes.due.length === 0 && deletes.reclaimed.length === 0;
}

/** Deletes blobs in batches where the store can. Keys that do not exist are ignored. */
export async function deleteBlobs(store: Store, keys: readonly Key[], signal: AbortSignal): Promise<void> {
  if (store.deleteMany !== undefined) return store.deleteMany(keys, { signal });
  for (const key of keys) await store.delete(key, { signal });
}
