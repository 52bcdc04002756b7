import { retireMigrations } from "../../catalog/migration/feed-migrations.ts";
import { listFileHashes } from "../../catalog/files.ts";
import {
  adoptWrites,
  forgetAllDeletes,
  forgetDeletes,
  listPendingDeletesAmong,
  listPendingWrites,
  withdrawWrites,
} from "../../catalog/pending.ts";
import type { Catalog, CatalogLock } from "../../catalog/connection/catalog.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { markRetired, type StoreRow } from "../../catalog/stores.ts";
import type { Key } from "../../lib/key.ts";
import { inBatches } from "../../lib/concurrency/parallel.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { commit } from "../commit/commit.ts";
import { contentHash } from "../commit/content-hash.ts";
import type { Context } from "../context.ts";
import { deadRuns, type Run } from "../commit/recorded-run.ts";
import { deleteMarker } from "../feed-store/marker.ts";
import { reportKept } from "../feed-store/store-traits.ts";
import { deleteBlobs } from "../transfer/delete-blobs.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import type { RetireEvent, RetireSummary } from "./retire-events.ts";

export interface OldFiles {
  catalog: Catalog;
  feed: FeedRow;
  /** The store that the feed has left. */
  old: StoreRow;
  source: Store;
  /** The feed's store, which was verified. */
  store: Store;
  lock: CatalogLock;
  run: Run;
}

/**
 * Deletes the files of a feed in a store that it has left, and marks the store as retired when none of them stays.
 * Updates the summary.
 */
export async function* retireOldFiles(
  context: Context,
  { catalog, feed, old, source, store, lock, run }: OldFiles,
  summary: RetireSummary,
): AsyncGenerator<RetireEvent, void> {
  const abandoned = await findAbandoned(context, catalog, { storeId: old.id, source, run });
  const foreign: string[] = [];
  const onForeign = (odd: string, problem?: string) => problem && foreign.push(odd);
  const pairs = sideBySide<{ old: BlobInfo; now: BlobInfo }>(
    { old: source.list("", { signal: context.signal, onForeign }), now: store.list("", { signal: context.signal }) },
    { old: source.name, now: store.name },
  );
  for await (const batch of inBatches(pairs, 1000)) {
    const selectedForDeletion: BlobInfo[] = [];
    const missing: BlobInfo[] = [];
    for (const pair of batch) {
      if (pair.old !== undefined) (pair.now?.size === pair.old.size ? selectedForDeletion : missing).push(pair.old);
    }
    const pendingDeletes = new Set(
      await listPendingDeletesAmong(
        catalog.db,
        old.id,
        missing.map((blob) => blob.key),
      ),
    );
    const rows = await listFileHashes(
      catalog.db,
      feed.id,
      missing.map((blob) => blob.key),
    );
    for (const blob of missing) {
      // deleted or overwritten since the migration; the blobs of rows were just verified in the new store
      if (pendingDeletes.has(blob.key) || rows.has(blob.key) || abandoned.keys.has(blob.key)) {
        selectedForDeletion.push(blob);
        continue;
      }
      summary.kept++;
      yield { type: "kept", key: blob.key };
    }
    const keys = selectedForDeletion.map((blob) => blob.key);
    const failures = await commit(catalog.db, [lock, run], async (db) => {
      const undeleted = await deleteBlobs(source, keys, context.signal);
      const failed = new Set(undeleted.map(({ key }) => key));
      await forgetDeletes(
        db,
        old.id,
        keys.filter((key) => !failed.has(key)),
      );
      return new Map(undeleted.map(({ key, error }) => [key, error]));
    });
    for (const { key, size } of selectedForDeletion) {
      const failure = failures.get(key);
      if (failure === undefined) {
        summary.deleted++;
        summary.bytes += size;
        continue;
      }
      summary.failed++;
      yield { type: "failed", key, reason: failure.message };
    }
  }
  for (const key of foreign) {
    summary.kept++;
    yield { type: "kept", key };
  }
  const place = { storeId: old.id, store: source };
  summary.keptByProvider = await reportKept(context, catalog.db, place, summary.deleted);
  if (summary.kept + summary.failed === 0) {
    await commit(catalog.db, [lock, run], async (db) => {
      await markRetired(db, old.id, context.now());
      await forgetAllDeletes(db, old.id);
      const about = { storeId: old.id, runId: run.id };
      await withdrawWrites(db, about, await adoptWrites(db, about, [...abandoned.announced], abandoned.runs));
      await retireMigrations(db, old.id, context.now());
      await run.audit(db, [
        { action: "old store retired", object: feed.name, detail: { from: summary.from, deleted: summary.deleted } },
      ]);
    });
    await deleteMarker(context, source, old);
  }
}

/** More are left to the next `migrate retire`. */
const MOST_ABANDONED = 100_000;

/**
 * What runs announced in the old store that have died. A run that lost its locks may have stored a blob there after the
 * feed was switched; its row was not recorded. `keys`: those of its blobs that hold the announced bytes.
 */
async function findAbandoned(
  { signal }: Context,
  catalog: Catalog,
  { storeId, source, run }: { storeId: number; source: Store; run: Run },
): Promise<{ keys: Set<Key>; announced: Set<Key>; runs: number[] }> {
  const writes = await listPendingWrites(catalog.db, storeId, MOST_ABANDONED);
  const runIds = writes.map(({ runId }) => runId);
  const runs = await deadRuns(catalog, runIds, run.id);
  const keys = new Set<Key>();
  const announced = new Set<Key>();
  for (const { key, sha256, runId } of writes) {
    if (!runs.includes(runId)) continue;
    announced.add(key);
    if ((await contentHash(source, key, signal)) === sha256) keys.add(key);
  }
  return { keys, announced, runs };
}
