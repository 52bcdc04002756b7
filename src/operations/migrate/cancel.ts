import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import { findOpenMigration, updateMigration } from "../../catalog/migration/feed-migrations.ts";
import { countClaimedRanges, releaseRanges } from "../../catalog/migration/ranges.ts";
import { forgetDeletes } from "../../catalog/pending.ts";
import {
  hasCopies,
  listAnnouncedCopies,
  forgetAnnounced,
  forgetCopies,
  listProofs,
  type Proof,
} from "../../catalog/migration/proofs.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import { markRetired, replaceStore, listStoresOfFeed } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { inBatches, mapParallel } from "../../lib/concurrency/parallel.ts";
import { locationName } from "../../stores/location.ts";
import type { Key } from "../../lib/key.ts";
import { sameBlob } from "../../stores/same-tag.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { requireOpenMigration, sendRequest } from "./control.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { contentHash } from "../commit/content-hash.ts";
import { explicitPlace, openProvenStore } from "../feed-store/open-feed-store.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { deleteMarker } from "../feed-store/marker.ts";
import { reportKept, type KeptBlobs } from "../feed-store/store-traits.ts";
import { deleteBlobs } from "../transfer/delete-blobs.ts";
import { sideBySide } from "../transfer/merge-listings.ts";

export interface CancelResult {
  feed: string;
  target: string;
  /** Number of copies deleted from the target. */
  removed: number;
  /** Number of other blobs in the target, which were not deleted. */
  left: number;
  /** What the provider keeps of the deleted copies. */
  keptByProvider: KeptBlobs | null;
}

/** Milliseconds without a heartbeat after which a worker is not waited for. If alive, it stops before its next blob. */
const HEARTBEAT_TIMEOUT = 15_000;

/**
 * Cancels an unfinished migration: stops the process that runs it and all workers, and deletes its copies from the
 * target, but no other blob. `keepCopies` deletes nothing, for a target that cannot be reached. The feed stays in its
 * store.
 */
export async function cancelMigration(
  context: Context,
  name: string,
  { keepCopies = false }: { keepCopies?: boolean | undefined } = {},
): Promise<CancelResult> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  const { signal } = context;
  const before = await requireOpenMigration(catalog, feed);
  await using free = await catalog.lock({ kind: "migrate", id: feed.id, mode: "exclusive" });
  if (free === undefined) await sendRequest(context, feed, before, "cancel");
  await using lock =
    free ?? (await catalog.lock({ kind: "migrate", id: feed.id, mode: "exclusive", wait: context.lockWait, signal }));
  if (lock === undefined)
    throw new FeedctlError("locked", `the migration of feed "${feed.name}" is still stopping`, {
      hint: "run the same command again in a moment",
    });
  const open = await findOpenMigration(catalog.db, feed.id);
  if (open === undefined)
    throw new FeedctlError("conflict", `the migration of feed "${feed.name}" has ended meanwhile`);
  const cancelling = { request: "cancel", requested_by: context.actor } as const;
  await commit(catalog.db, [lock], (db) => updateMigration(db, open.id, cancelling));
  await stopWorkers(context, catalog, open.id);
  const row = (await listStoresOfFeed(catalog.db, feed.id)).find((store) => store.id === open.to_store_id);
  if (row === undefined) throw new Error(`store ${open.to_store_id} is gone`);
  const { location } = await explicitPlace(context, catalog.db, feed, row);
  const none = { removed: 0, left: 0, keptByProvider: null };
  const result: CancelResult = { feed: feed.name, target: locationName(location), ...none };

  // without a marker nothing was written there: the target may be one that cannot be written
  const isUnused = row.marked_at === null && !(await hasCopies(catalog.db, row.id));
  await using opened =
    keepCopies || isUnused ? undefined : await openProvenStore(context, catalog.db, feed, { row, intent: "write" });
  if (opened !== undefined) {
    const pairs = sideBySide<{ blob: BlobInfo; proof: Proof }>(
      { blob: opened.list("", { signal }), proof: listProofs(catalog.db, row.id, open.id) },
      { blob: opened.name, proof: "the catalog's proofs" },
    );
    for await (const batch of inBatches(pairs, 1000)) {
      const blobs = batch.flatMap((pair) => pair.blob ?? []);
      const proven = batch.flatMap((pair) => (sameBlob(pair.blob?.tag, pair.proof?.tag) ? (pair.blob?.key ?? []) : []));
      const own = [...proven, ...(await listUnprovenCopies(row.id, blobs, new Set(proven), opened))];
      result.left += blobs.length - own.length;
      const forgotten = [...own, ...batch.flatMap(({ key, proof }) => (proof ? [key] : []))];
      await commit(catalog.db, [lock], async (db) => {
        const failures = await deleteBlobs(opened, own, signal);
        const failed = new Set<string>(failures.map(({ key }) => key));
        const deleted = own.filter((key) => !failed.has(key));
        await forgetDeletes(db, row.id, deleted);
        await forgetCopies(
          db,
          row.id,
          forgotten.filter((key) => !failed.has(key)),
        );
        for (const { key, error } of failures)
          context.notice(`the copy ${JSON.stringify(key)} was not deleted: ${error.message}`, { failed: true });
        result.left += failures.length;
        result.removed += deleted.length;
      });
    }
  }
  await commit(catalog.db, [lock], async (db) => {
    const about = { runId: null, actor: context.actor, feedId: feed.id, now: context.now() };
    const detail = { migration: open.id, removed: result.removed };
    await insertAuditEvents(db, about, [{ action: "migration cancelled", object: feed.name, detail }]);
    await updateMigration(db, open.id, { state: "cancelled", request: null, finished_at: context.now() });
    if (!keepCopies) await forgetAnnounced(db, row.id);
    if (row.role !== "target") return;
    await replaceStore(db, row.id, { options: row.options, location: row.location }, context.now());
    if (!keepCopies && result.left === 0) await markRetired(db, row.id, context.now());
  });
  if (opened === undefined) return result;
  result.keptByProvider = await reportKept(context, catalog.db, { storeId: row.id, store: opened }, result.removed);
  if (row.role === "target" && result.left === 0) await deleteMarker(context, opened, row);
  return result;

  /** Copies that a dead process announced but did not prove: blobs that have the announced hash. */
  async function listUnprovenCopies(
    storeId: number,
    blobs: readonly BlobInfo[],
    proven: ReadonlySet<Key>,
    target: Store,
  ): Promise<Key[]> {
    const keys = blobs.flatMap(({ key }) => (proven.has(key) ? [] : [key]));
    const announced = await listAnnouncedCopies(catalog.db, storeId, keys);
    const candidates = keys.filter((key) => announced.has(key));
    const found = mapParallel(candidates, context.concurrency, async (key) =>
      (await contentHash(target, key, signal)) === announced.get(key) ? [key] : [],
    );
    return (await Array.fromAsync(found)).flat();
  }
}

/** Waits until no live worker has a range. Workers check the migration's request with every heartbeat. */
async function stopWorkers(context: Context, catalog: Catalog, migrationId: number): Promise<void> {
  const { signal } = context;
  while ((await countClaimedRanges(catalog.db, migrationId, HEARTBEAT_TIMEOUT)) > 0)
    await sleep(500, undefined, { signal }).catch(() => signal.throwIfAborted());
  await releaseRanges(catalog.db, migrationId);
}
