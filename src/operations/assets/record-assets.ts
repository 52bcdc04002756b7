import {
  listAssetsAt,
  insertAssets,
  replaceAssets,
  deleteAssetRows,
  type NewAsset,
} from "../../catalog/assets/assets.ts";
import { listPathConflicts, foldersAbove, insertFolders } from "../../catalog/assets/folders.ts";
import { lockRows } from "../../catalog/packages.ts";
import { forgetDeletes, withdrawWrites } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Target } from "../commit/feed-writer.ts";
import { recordDeleted } from "../commit/record-deleted.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { assetOutcome, type AssetAnswer } from "./item.ts";
import { conflictReason, storedOutcome, type AssetRows } from "./match-assets.ts";
import type { StoredAsset } from "./put-assets.ts";

export interface RecordInput {
  stored: readonly StoredAsset[];
  /** The rows at the paths when the blobs were stored. */
  before: AssetRows;
  /** Keys whose announcements are no longer needed. */
  withdrawn: readonly string[];
}

export interface RecordedAssets {
  answers: AssetAnswer[];
  /** How many folders were created for the files. */
  folders: number;
}

/**
 * Commits the rows of stored blobs. An item whose path was taken in between is a conflict; its announcement stays, so
 * that its blob is deleted later.
 */
export async function recordAssets(
  context: Context,
  target: Target,
  { stored, before, withdrawn }: RecordInput,
): Promise<RecordedAssets> {
  const { db } = await context.catalog();
  const { feed, storeId, run } = target;
  return commit(db, [target], async (transaction) => {
    await lockRows(transaction, feed.id, "exclusive");
    const paths = stored.map(({ row }) => row.key);
    const conflicts = await listPathConflicts(transaction, feed.id, paths);
    const free = stored.filter(({ row }) => !conflicts.has(row.key));
    const moved = await deleteMoveSources(context, transaction, target, free);
    const good = free.filter(({ item }) => item.movedFrom === undefined || moved.has(item.movedFrom.key));
    const rows = good.map(({ row }) => row);
    const folders = await saveRows(context, transaction, target, rows);
    const recorded = rows.map(({ key }) => key);
    await forgetDeletes(transaction, storeId, recorded);
    await withdrawWrites(transaction, { storeId, runId: run.id }, [...recorded, ...withdrawn]);
    const answers = stored.map((each): AssetAnswer => {
      const { item, row } = each;
      const conflict = conflicts.get(row.key);
      if (conflict !== undefined) return { item, outcome: assetOutcome(item, "conflict", conflictReason(conflict)) };
      if (!good.includes(each))
        return { item, outcome: assetOutcome(item, "failed", "the file to be moved changed meanwhile") };
      return { item, outcome: { ...storedOutcome(item, before.get(row.key)), contentType: row.contentType } };
    });
    return { answers, folders };
  });
}

/** Inserts or replaces rows, creates the folders above them, and writes the audit events. Returns how many folders. */
async function saveRows(
  context: Context,
  transaction: Db,
  { feed, run }: Target,
  rows: readonly NewAsset[],
): Promise<number> {
  const now = context.now();
  const keys = rows.map(({ key }) => key);
  const existing = await listAssetsAt(transaction, feed.id, keys);
  const above = keys.flatMap((key) => foldersAbove(key));
  const made = await insertFolders(transaction, feed.id, above, now);
  const added = rows.filter(({ key }) => !existing.has(key));
  const replaced = rows.filter(({ key }) => existing.has(key));
  await insertAssets(transaction, feed.id, added, now);
  await replaceAssets(transaction, feed.id, replaced, now);
  const audited = rows.map(({ key, sha256, size }) => {
    const same = existing.get(key)?.sha256 === sha256;
    return {
      action: !existing.has(key) ? "stored" : same ? "restored" : "overwritten",
      object: key,
      detail: { sha256, size },
    };
  });
  await run.audit(transaction, audited);
  return made.length;
}

/** For a move: deletes the rows of sources that have not changed. Returns their keys. */
async function deleteMoveSources(
  context: Context,
  transaction: Db,
  target: Target,
  stored: readonly StoredAsset[],
): Promise<Set<string>> {
  const sources = stored.flatMap(({ item }) => item.movedFrom ?? []);
  if (sources.length === 0) return new Set();
  const deleted = await deleteAssetRows(transaction, target.feed.id, sources);
  await recordDeleted(context, transaction, target, deleted);
  return new Set(deleted);
}
