import { listFileHashes } from "../../catalog/files.ts";
import {
  adoptWrites,
  forgetDeletes,
  listDeletesOfRun,
  listPendingDeletes,
  listPendingWrites,
  postponeDeletes,
  recordDeletes,
  withdrawWrites,
} from "../../catalog/pending.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { DeleteFailure, Store } from "../../stores/store.ts";
import { deleteBlobs } from "../transfer/delete-blobs.ts";
import { tryContentHash } from "./content-hash.ts";
import { commit, type Holder } from "./commit.ts";
import type { Context } from "../context.ts";
import { finishReplacements } from "./finish-replacements.ts";
import { deadRuns, type Run } from "./recorded-run.ts";
import { discardUploadsOf } from "./unfinished.ts";

export interface PendingResult {
  /** Blobs deleted because their rows were removed. */
  deleted: number;
  /** Blobs deleted because a run died between storing and recording them. */
  abandoned: number;
  /** Rows updated because a run died after it had overwritten their blobs. */
  replaced: number;
  /** Blobs that the store did not delete. They stay pending, each with its reason and the time of its next try. */
  undeleted: number;
  /** How many of them this run itself was to delete. */
  undeletedOwn: number;
  /** The first of them. */
  failures: PendingFailure[];
}

interface PendingFailure extends DeleteFailure {
  /** Whether this run recorded the pending delete, for a row that it removed. */
  own: boolean;
}

const BATCH = 1000;
/** How many of the blobs that were not deleted are named. */
const NAMED = 20;

/** Whether the store has pending writes of the feed, or pending deletes that are due. `all`: also those that are not. */
export async function hasPending(db: Db, storeId: number, feedId: number, all = false): Promise<boolean> {
  if ((await listPendingWrites(db, storeId, 1)).length > 0) return true;
  return (await listPendingDeletes(db, { storeId, feedId, all, limit: 1 })).last !== undefined;
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
  /** Also tries pending deletes that failed and whose next try is later. */
  all?: boolean | undefined;
  /**
   * Called with the keys of each batch of pending deletes before their blobs are deleted. The returned function is
   * called with those that were deleted.
   */
  beforeDelete?: ((keys: readonly Key[]) => Promise<(deleted: readonly Key[]) => void>) | undefined;
}

/**
 * Deletes the blobs of pending deletes, and cleans up what dead runs announced. Holds the feed's write lock exclusively
 * meanwhile; see `wait` for what happens when another run holds it.
 */
export async function finishPending(
  context: Context,
  { feed, storeId, store, run }: PendingTarget,
  { wait, all = false, beforeDelete }: PendingOptions = {},
): Promise<PendingResult> {
  const catalog = await context.catalog();
  const result: PendingResult = { deleted: 0, abandoned: 0, replaced: 0, undeleted: 0, undeletedOwn: 0, failures: [] };
  if (!(await hasPending(catalog.db, storeId, feed.id, all))) return result;
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
  const { updated, unread } = await finishReplacements(
    context,
    catalog.db,
    { feedId: feed.id, store, run, holder },
    writes.filter((write) => mine.has(write.key)),
  );
  result.replaced = updated.length;
  const rows = await listFileHashes(catalog.db, feed.id, [...mine]);
  const abandoned = new Set<Key>();
  for (const write of writes) {
    if (!mine.has(write.key) || rows.has(write.key)) continue;
    const key = write.key;
    // other bytes than the announced ones were not stored by the dead run
    const hash = await tryContentHash(store, key, context.signal);
    if (hash instanceof FeedctlError) unread.push(key);
    if (hash === write.sha256) abandoned.add(key);
  }
  // the announcement of a blob that could not be read stays: the next run finds out what it holds
  for (const key of unread) mine.delete(key);
  await discardUploadsOf(context, store, mine);
  await commit(catalog.db, [holder], async (transaction) => {
    await withdrawWrites(transaction, about, [...mine]);
    await recordDeletes(transaction, { ...about, now: context.now() }, [...abandoned]);
  });

  let after: Key | "" = "";
  for (;;) {
    const batch = await commit(catalog.db, [holder], async (transaction) => {
      const range = { storeId, feedId: feed.id, after, all, limit: BATCH };
      const { due, reclaimed, last } = await listPendingDeletes(transaction, range);
      if (last === undefined) return undefined;
      const onDeleted = await beforeDelete?.(due);
      const failures = await deleteBlobs(store, due, context.signal);
      const failed = new Set(failures.map(({ key }) => key));
      const deleted = due.filter((key) => !failed.has(key));
      await forgetDeletes(transaction, storeId, [...deleted, ...reclaimed]);
      await postponeDeletes(
        transaction,
        storeId,
        failures.map(({ key, error }) => ({ key, reason: error.message })),
      );
      const own = new Set(await listDeletesOfRun(transaction, about, [...failed]));
      const told = failures.map((each) => ({ ...each, own: own.has(each.key) && !abandoned.has(each.key) }));
      return { deleted, failures: told, last, onDeleted };
    });
    if (batch === undefined) return result;
    const { deleted, failures, last, onDeleted } = batch;
    onDeleted?.(deleted);
    const left = deleted.filter((key) => abandoned.has(key)).length;
    result.abandoned += left;
    result.deleted += deleted.length - left;
    result.undeleted += failures.length;
    result.undeletedOwn += failures.filter(({ own }) => own).length;
    result.failures.push(...failures.slice(0, NAMED - result.failures.length));
    after = last;
  }
}

/** Reports blobs that were not deleted. `failing`: which of them it was the command's task to delete. */
export function reportUndeleted(
  context: Context,
  feedName: string,
  { undeleted, undeletedOwn, failures }: PendingResult,
  failing: "all" | "own" | "none",
): void {
  for (const { key, error, own } of failures)
    context.notice(`the blob ${JSON.stringify(key)} of feed "${feedName}" was not deleted: ${error.message}`, {
      failed: failing === "all" || (failing === "own" && own),
    });
  if (undeleted === 0) return;
  const more = undeleted > failures.length ? `; ${undeleted - failures.length} more are not named` : "";
  context.notice(
    `${counted(undeleted, "delete")} of feed "${feedName}" will be tried again later${more}; see: feedctl store show ${feedName}`,
    { failed: failing === "all" || (failing === "own" && undeletedOwn > 0) },
  );
}
