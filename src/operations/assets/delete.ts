import { deleteFolders } from "../../catalog/assets/folders.ts";
import { assetsBelow, deleteAssetRows, totalsBelow, type AssetRow } from "../../catalog/assets/assets.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { inBatches } from "../../lib/parallel.ts";
import { parseFolder } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { openWriter, type FeedWriter, type Target, tryFinishPending } from "../commit/feed-writer.ts";
import { findItem, requireDirectory, requireLiveDirectory } from "./require-asset.ts";
import { keepContent } from "./keep-earlier-content.ts";
import { recordDeleted } from "../commit/record-deleted.ts";
import { startRun } from "../commit/recorded-run.ts";

export interface DeletePlan {
  directory: string;
  path: string;
  /** `none`: the path does not exist. */
  kind: "file" | "folder" | "none";
  files: number;
  bytes: number;
}

/** Plans the deletion of a path. Throws `conflict` for a folder with files, unless `recursive`. */
export async function planDelete(
  context: Context,
  directory: string,
  text: string,
  recursive: boolean,
): Promise<DeletePlan> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  const path = parseFolder(text);
  if (path === "")
    throw new FeedctlError("usage", "asset delete does not delete the directory itself", {
      hint: `delete the feed: feedctl feed delete ${feed.name} --purge-files`,
    });
  const found = await findItem(db, feed.id, path);
  if (found === undefined) return { directory: feed.name, path, kind: "none", files: 0, bytes: 0 };
  if ("file" in found) return { directory: feed.name, path, kind: "file", files: 1, bytes: found.file.size };
  const totals = await totalsBelow(db, feed.id, path);
  if (totals.files > 0 && !recursive)
    throw new FeedctlError("conflict", `the folder ${path} is not empty: it has ${totals.files} files`, {
      hint: "add --recursive to delete them too",
    });
  return { directory: feed.name, path, kind: "folder", ...totals };
}

export interface DeletedAssets {
  directory: string;
  files: number;
  folders: number;
  bytes: number;
}

const BATCH = 1000;

/**
 * Deletes rows and records pending deletes in one transaction, then deletes the blobs. Paths that do not exist are
 * skipped.
 */
export async function deleteAssets(
  context: Context,
  directory: string,
  plans: readonly DeletePlan[],
): Promise<DeletedAssets> {
  const { db } = await context.catalog();
  const feed = await requireLiveDirectory(db, directory);
  const total: DeletedAssets = { directory: feed.name, files: 0, folders: 0, bytes: 0 };
  await using run = await startRun(context, "asset delete", feed.id);
  await using writer = openWriter(context, feed, run);
  for (const { path, kind, files } of plans) {
    if (kind === "none") continue;
    const found = await findItem(db, feed.id, path);
    if (found === undefined) continue;
    if ("file" in found) await remove([found.file]);
    else {
      // the confirmed plan had no files in this folder: files added since then are kept
      if (files > 0) for await (const batch of inBatches(assetsBelow(db, feed.id, path), BATCH)) await remove(batch);
      total.folders += await removeFolder(writer, path);
    }
  }
  await tryFinishPending(context, writer, { failed: true });
  await run.finish(total);
  return total;

  async function remove(rows: readonly AssetRow[]): Promise<void> {
    const gone = new Set(await writer.write((target) => removeFiles(context, target, rows)));
    for (const row of rows) if (gone.has(row.key)) total.bytes += row.size;
    total.files += gone.size;
  }

  async function removeFolder(into: FeedWriter, path: string): Promise<number> {
    return into.write(async (target) =>
      commit(db, [target], async (transaction) => {
        await lockRows(transaction, feed.id, "exclusive");
        const { files } = await totalsBelow(transaction, feed.id, path);
        if (files > 0) throw new FeedctlError("conflict", `files were added to the folder ${path} meanwhile`);
        await target.run.audit(transaction, [{ action: "folder deleted", object: path }]);
        return deleteFolders(transaction, feed.id, path);
      }),
    );
  }
}

/**
 * Deletes the rows of files and records pending deletes of their blobs. In a directory with versioning their content is
 * copied to the history first. Returns the deleted paths.
 */
export async function removeFiles(context: Context, target: Target, rows: readonly AssetRow[]): Promise<string[]> {
  const { db } = await context.catalog();
  const { feed, run } = target;
  const lost = await keepContent(context, target, rows, "deleted");
  for (const problem of lost.values()) throw problem;
  return commit(db, [target], async (transaction) => {
    await lockRows(transaction, feed.id, "exclusive");
    // only rows with the content that was kept: it may have been replaced meanwhile
    const gone = await deleteAssetRows(transaction, feed.id, rows);
    await recordDeleted(context, transaction, target, gone);
    await run.audit(
      transaction,
      gone.map((object) => ({ action: "deleted", object })),
    );
    return gone;
  });
}
