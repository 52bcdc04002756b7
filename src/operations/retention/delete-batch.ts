import { deleteVersions, lockRows } from "../../catalog/packages.ts";
import { countDeletes } from "../../catalog/pending.ts";
import { hideVersions, type HiddenReason } from "../../catalog/retention/quarantine.ts";
import { deleteAssetFileRows } from "../../catalog/retention/assets.ts";
import { deleteVersionFileRows, forgetItems } from "../../catalog/retention/items.ts";
import { subjectOf } from "../../catalog/retention/subject.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Kept } from "../../stores/traits.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { FeedWriter, Target } from "../commit/feed-writer.ts";
import { plannedDeletion, type PlannedDeletion } from "./plan.ts";
import type { RetentionRule } from "./criteria.ts";
import { recordDeleted } from "../commit/record-deleted.ts";
import type { Run } from "../commit/recorded-run.ts";
import { askKept } from "../feed-store/store-traits.ts";
import { whyHalted } from "./halt.ts";
import { removeEmptyFolders } from "./remove-empty-folders.ts";
import { finishPending, reportUndeleted } from "../commit/settle.ts";

/** The result for one version, or for one file of an asset directory. */
export interface VersionOutcome extends Omit<PlannedDeletion, "rule"> {
  type: "version";
  feed: string;
  /**
   * `deleted`, `hidden`: as planned. `freed`: hidden by an earlier run and now deleted. `restored`: hidden by an earlier
   * run, and shown again because no rule selects it any more or it was used. `left`: it or its grounds changed since it
   * was planned, so it was kept. `planned`: would be deleted (dry run).
   */
  action: "deleted" | "hidden" | "freed" | "restored" | "left" | "planned";
  /** Position of the rule that selected it; null for a restored version. */
  rule: number | null;
}

/** One retention run of one feed. */
export interface RetentionTask {
  context: Context;
  feed: { id: number; name: string; type: string };
  rules: readonly RetentionRule[];
  run: Run;
  writer: FeedWriter;
  /** The lock against other retention runs of the feed. */
  lock: Holder;
}

export type RunLocks = Pick<RetentionTask, "run" | "lock">;

export interface Batch {
  versions: VersionOutcome[];
  /** How many planned versions another process has deleted meanwhile. */
  gone: number;
  /** Paths of the folders that became empty and were deleted. */
  folders: string[];
  /** The plan has no further items of this step. */
  isEmpty: boolean;
  /** Why the run must not go on; nothing was changed then. */
  halted?: string | undefined;
}

/** How many items one transaction deletes. */
export const BATCH = 300;

/**
 * Deletes the next planned versions: rows, pending deletes and audit events in one transaction. `reclaim` deletes the
 * blobs. An empty batch means that the plan is done.
 */
export async function deleteBatch(task: RetentionTask): Promise<Batch> {
  return inTransaction(task, async (db, target) => {
    const { batch, items } = await nextItems(task, db);
    await purge(task, db, target, items);
    const gone = items.map(({ item }) => item);
    return { ...batch, folders: await removeEmptyFolders(db, task, gone) };
  });
}

/** Hides the next planned versions for the given number of days instead of deleting them. */
export async function hideBatch(task: RetentionTask, days: number): Promise<Batch> {
  return inTransaction(task, async (db) => {
    const { batch, items, now } = await nextItems(task, db);
    const until = new Date(now.getTime() + days * 86_400_000);
    await hideVersions(db, items, { runId: task.run.id, now, until });
    await task.run.audit(
      db,
      items.map(({ object, detail }) => ({ action: "quarantined", object, detail: { ...detail, until } })),
    );
    return {
      ...batch,
      versions: batch.versions.map((each) => (each.action === "left" ? each : { ...each, action: "hidden" })),
    };
  });
}

/** Deletes the feed's saved plan. */
export async function forgetPlan(context: Context, feedId: number, holders: readonly Holder[]): Promise<void> {
  const { db } = await context.catalog();
  await commit(db, holders, (transaction) => forgetItems(transaction, feedId));
}

async function nextItems(task: RetentionTask, db: Db) {
  const now = task.context.now();
  const { items, gone } = await subjectOf(task.feed.type).take(db, task.run.id, BATCH);
  const versions = items.map((item): VersionOutcome => {
    const planned = plannedDeletion(task.rules, task.feed.type, item, now);
    return { type: "version", feed: task.feed.name, action: item.changed ? "left" : "deleted", ...planned };
  });
  const unchanged = items.flatMap((item, index) => {
    const { rule, ruleName, reason } = versions[index] as VersionOutcome;
    const detail: HiddenReason = { rule: rule ?? 0, ruleName, reason };
    return item.changed ? [] : [{ id: item.id, object: objectOf(item), detail, item }];
  });
  const isEmpty = items.length === 0 && gone === 0;
  return { batch: { versions, gone, folders: [], isEmpty }, items: unchanged, now };
}

/** In a transaction: deletes rows and records pending deletes and audit events. */
export async function purge(
  { context, feed, run }: RetentionTask,
  db: Db,
  target: Target,
  items: readonly { id: number; object: string; detail: object }[],
): Promise<void> {
  const ids = items.map(({ id }) => id);
  const isAsset = feed.type === "asset";
  const files = await (isAsset ? deleteAssetFileRows(db, feed.id, ids) : deleteVersionFileRows(db, ids));
  const keys = files.map(({ key }) => key);
  await recordDeleted(context, db, target, keys);
  if (!isAsset) await deleteVersions(db, ids);
  const keysOf = Map.groupBy(files, ({ itemId }) => itemId);
  await run.audit(
    db,
    items.map(({ id, object, detail }) => ({
      action: "purged",
      object,
      detail: { ...detail, files: keysOf.get(id)?.map(({ key }) => key) ?? [] },
    })),
  );
  context.signal.throwIfAborted();
}

/** Carries out a batch in one transaction, unless a switch or a rule says stop: they are read in the same transaction. */
export async function inTransaction(
  task: RetentionTask,
  work: (db: Db, target: Target) => Promise<Batch>,
): Promise<Batch> {
  const { context, feed, writer, lock } = task;
  const { db } = await context.catalog();
  return writer.write(async (target) =>
    commit(db, [target, lock], async (transaction) => {
      await lockRows(transaction, feed.id, "exclusive");
      const halted = await whyHalted(context, transaction, task);
      return halted === undefined
        ? work(transaction, target)
        : { versions: [], gone: 0, folders: [], isEmpty: true, halted };
    }),
  );
}

export interface Reclaimed {
  /** Blobs deleted from the store. */
  blobs: number;
  /** Sum of the blobs' sizes as the store reported them just before their deletion, unless the provider keeps them. */
  bytes: number;
  /** Sum of the sizes of deleted blobs whose bytes the provider keeps. */
  keptBytes: number;
  kept: Kept | null;
}

export function addReclaimed(sum: Reclaimed, { blobs, bytes, keptBytes, kept }: Reclaimed): void {
  sum.blobs += blobs;
  sum.bytes += bytes;
  sum.keptBytes += keptBytes;
  sum.kept = kept ?? sum.kept;
}

/**
 * Carries out the store's pending deletes, those of earlier runs included. `wait`: how many milliseconds to wait for
 * other writers to finish; when they do not, the deletes stay pending.
 */
export async function reclaim({ context, writer }: RetentionTask, wait?: number): Promise<Reclaimed> {
  const target = await writer.write(async (now) => now);
  const reclaimed: Reclaimed = { blobs: 0, bytes: 0, keptBytes: 0, kept: null };
  const measure = async (keys: readonly Key[]) => {
    const sizes = new Map<Key, number>();
    for await (const { key, size } of sizesOf(context, target.store, keys))
      if (size !== undefined) sizes.set(key, size);
    return (deleted: readonly Key[]) => {
      for (const key of deleted) {
        reclaimed.blobs += sizes.has(key) ? 1 : 0;
        reclaimed.bytes += sizes.get(key) ?? 0;
      }
    };
  };
  try {
    const finished = await finishPending(context, target, { wait, beforeDelete: measure });
    reportUndeleted(context, target.feed.name, finished, "all");
  } catch (error) {
    // other writers are still at work: the deletes stay pending, for the next run or verify --repair
    if (wait === undefined || !isFeedctlError(error, "locked")) throw error;
  }
  if (reclaimed.blobs === 0) return reclaimed;
  const { db } = await context.catalog();
  const kept = await askKept(context, db, { id: target.storeId }, target.store);
  return kept === undefined ? reclaimed : { ...reclaimed, bytes: 0, keptBytes: reclaimed.bytes, kept };
}

function sizesOf(
  context: Context,
  store: Store,
  keys: readonly Key[],
): AsyncGenerator<{ key: Key; size: number | undefined }> {
  return mapParallel(keys, context.concurrency, async (key) => ({
    key,
    size: (await store.head(key, { signal: context.signal }))?.size,
  }));
}

/** How many deletes of the feed's store are still pending. */
export async function countPendingDeletes({ context, writer }: RetentionTask): Promise<number> {
  const { db } = await context.catalog();
  return writer.write(async ({ storeId }) => countDeletes(db, storeId));
}

/** Name of an item in audit events. */
export function objectOf({
  group,
  name,
  version,
  path,
}: Pick<PlannedDeletion, "group" | "name" | "version"> & { path?: string | null | undefined }): string {
  if (typeof path === "string") return path;
  return `${group === "" ? "" : `${group}/`}${name}@${version}`;
}
