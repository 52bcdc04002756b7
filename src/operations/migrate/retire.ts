import { findOpenMigration, findSwitchedMigration, updateMigration } from "../../catalog/migration/feed-migrations.ts";
import { listFileHashes } from "../../catalog/files.ts";
import {
  adoptWrites,
  forgetAllDeletes,
  forgetDeletes,
  listPendingDeletesAmong,
  listPendingWrites,
  withdrawWrites,
} from "../../catalog/pending.ts";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import { markRetired, listStoresOfFeed } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { inBatches } from "../../lib/concurrency/parallel.ts";
import { locationName, overlap } from "../../stores/location.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { commit } from "../commit/commit.ts";
import { contentHash } from "../commit/content-hash.ts";
import type { Context } from "../context.ts";
import { explicitPlace, openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { lockMigration } from "../commit/lock-feed.ts";
import { deadRuns, startRun, type Run } from "../commit/recorded-run.ts";
import { deleteMarker } from "../feed-store/marker.ts";
import { reportKept, type KeptBlobs } from "../feed-store/store-traits.ts";
import { deleteBlobs } from "../transfer/delete-blobs.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { compareCatalog, isSound, type VerifyEvent, type VerifySummary } from "../verify/verify.ts";

export interface RetirePlan {
  feed: string;
  from: string;
  to: string;
  /** Whether an earlier run has deleted the old files, so that there is nothing to do. */
  retired: boolean;
}

export interface RetireSummary extends RetirePlan {
  type: "summary";
  /**
   * Number of old blobs deleted: those that the new store holds with the same size, and those of packages deleted
   * since.
   */
  deleted: number;
  bytes: number;
  /** Number of old blobs that the new store does not hold. They are not deleted. */
  kept: number;
  /** Number of old blobs that the old store did not delete. The next `migrate retire` tries them again. */
  failed: number;
  keptByProvider: KeptBlobs | null;
}

export type RetireEvent =
  | VerifyEvent
  | { type: "kept"; key: string }
  | { type: "failed"; key: string; reason: string }
  | RetireSummary;

/** What would be deleted, for the confirmation. Throws `refused` or `not-found` when nothing can be retired. */
export async function planRetirement(context: Context, name: string): Promise<RetirePlan> {
  return planOf(await requireRetirement(context, name));
}

/**
 * Deletes the old files of a migrated feed, after reading every blob of the new store and comparing its hash. Throws
 * `refused`, and deletes nothing, when any of them differs or is missing.
 */
export async function* retireStore(context: Context, name: string): AsyncGenerator<RetireEvent> {
  const catalog = await context.catalog();
  const ref = await requireLiveFeed(catalog.db, name);
  await using lock = await lockMigration(catalog, ref);
  // read under the lock: another migration may have ended before it was acquired
  const found = await requireRetirement(context, ref);
  const { feed, old, migration, current } = found;
  const none = { deleted: 0, bytes: 0, kept: 0, failed: 0, keptByProvider: null };
  const summary: RetireSummary = { type: "summary", ...planOf(found), ...none };
  if (summary.retired) return yield summary;
  await using run = await startRun(context, "migrate retire", feed.id);
  await using store = await openProvenStore(context, catalog.db, feed, { row: current, intent: "write" });
  await using source = await openProvenStore(context, catalog.db, feed, { row: old, intent: "write" });
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
      await updateMigration(db, migration.id, { state: "retired", retired_at: context.now() });
      await run.audit(db, [
        { action: "old store retired", object: feed.name, detail: { from: summary.from, deleted: summary.deleted } },
      ]);
    });
    await deleteMarker(context, source, old);
  }
  await run.finish(summary);
  yield summary;
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

/** The feed, its last migration and both stores. Throws `not-found` or `refused` when there is nothing to retire. */
async function requireRetirement(context: Context, ref: FeedRef) {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, ref);
  if ((await findOpenMigration(db, feed.id)) !== undefined)
    throw new FeedctlError("refused", `feed "${feed.name}" is in the middle of a migration`, {
      hint: "finish it first",
    });
  const migration = await findSwitchedMigration(db, feed.id);
  const current = await requireStore(db, feed);
  const old = (await listStoresOfFeed(db, feed.id)).find((row) => row.id === migration?.from_store_id);
  if (migration === undefined || old === undefined || migration.to_store_id !== current.id) {
    throw new FeedctlError("not-found", `feed "${feed.name}" has no migration whose old files could be retired`, {
      hint: `see: feedctl feed show ${feed.name}`,
    });
  }
  const here = (await explicitPlace(context, db, feed, current)).location;
  if (old.location === null || overlap(old.location, here) !== undefined)
    throw new FeedctlError("refused", `the old place of feed "${feed.name}" overlaps its store`);
  return { feed, migration, current, old, from: locationName(old.location), to: locationName(here) };
}

function planOf({ feed, migration, from, to }: Awaited<ReturnType<typeof requireRetirement>>): RetirePlan {
  return {
    feed: feed.name,
    from,
    to,
    retired: migration.state === "retired",
  };
}
