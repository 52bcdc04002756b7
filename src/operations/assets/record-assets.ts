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
import type { Context } from "../context.ts";
import { assetOutcome, type AssetAnswer } from "./item.ts";
import { obstacleReason, storedOutcome, type AssetRows } from "./match-assets.ts";
import type { StoredAsset } from "./put-assets.ts";

export interface RecordInput {
  stored: readonly StoredAsset[];
  /** What the paths had when the blobs were stored. */
  before: AssetRows;
  /** Announcements that need not stand any longer. */
  withdrawn: readonly string[];
}

/** Rows of what is stored. What came in between makes an item a conflict, and its blob is settled later. */
export async function recordAssets(
  context: Context,
  target: Target,
  { stored, before, withdrawn }: RecordInput,
): Promise<AssetAnswer[]> {
  const { db } = await context.catalog();
  const { feed, storeId, run } = target;
  return db.transaction().execute(async (transaction) => {
    await target.assertHeld();
    await lockRows(transaction, feed.id, "exclusive");
    const paths = stored.map(({ row }) => row.key);
    const obstacles = await listPathConflicts(transaction, feed.id, paths);
    const free = stored.filter(({ row }) => !obstacles.has(row.key));
    const moved = await takeSources(context, transaction, target, free);
    const good = free.filter(({ item }) => item.instead === undefined || moved.has(item.instead.key));
    const rows = good.map(({ row }) => row);
    await saveRows(context, transaction, target, rows);
    const recorded = rows.map(({ key }) => key);
    await forgetDeletes(transaction, storeId, recorded);
    await withdrawWrites(transaction, { storeId, runId: run.id }, [...recorded, ...withdrawn]);
    return stored.map((each): AssetAnswer => {
      const { item, row } = each;
      const obstacle = obstacles.get(row.key);
      if (obstacle !== undefined) return { item, outcome: assetOutcome(item, "conflict", obstacleReason(obstacle)) };
      if (!good.includes(each))
        return { item, outcome: assetOutcome(item, "failed", "what was to be moved changed meanwhile") };
      return { item, outcome: { ...storedOutcome(item, before.get(row.key)), contentType: row.contentType } };
    });
  });
}

/** Rows, the folders above them, and the audit. */
async function saveRows(
  context: Context,
  transaction: Db,
  { feed, run }: Target,
  rows: readonly NewAsset[],
): Promise<void> {
  const now = context.now();
  const keys = rows.map(({ key }) => key);
  const there = await listAssetsAt(transaction, feed.id, keys);
  const above = keys.flatMap((key) => foldersAbove(key));
  await insertFolders(transaction, feed.id, above, now);
  const [fresh, other] = [rows.filter(({ key }) => !there.has(key)), rows.filter(({ key }) => there.has(key))];
  await insertAssets(transaction, feed.id, fresh, now);
  await replaceAssets(transaction, feed.id, other, now);
  const audited = rows.map(({ key, sha256, size }) => {
    const same = there.get(key)?.sha256 === sha256;
    return {
      action: !there.has(key) ? "stored" : same ? "restored" : "overwritten",
      object: key,
      detail: { sha256, size },
    };
  });
  await run.audit(transaction, audited);
}

/** Of a move: removes the rows of the sources that have not changed. Returns their keys. */
async function takeSources(
  context: Context,
  transaction: Db,
  target: Target,
  stored: readonly StoredAsset[],
): Promise<Set<string>> {
  const sources = stored.flatMap(({ item }) => item.instead ?? []);
  if (sources.length === 0) return new Set();
  const taken = await deleteAssetRows(transaction, target.feed.id, sources);
  await recordDeleted(context, transaction, target, taken);
  return new Set(taken);
}
