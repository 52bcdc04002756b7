import { dirname, join, resolve } from "node:path";
import { foldersBelow } from "../../catalog/assets/folders.ts";
import { assetsBelow, type AssetRow } from "../../catalog/assets/assets.ts";
import { isFeedctlError, isUnreadableBlob } from "../../errors.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import { openFolderBelow } from "../../lib/files/open-folder.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import { diskNameProblem, foldsCase } from "../../stores/disk/index.ts";
import { parseKey } from "../../stores/key.ts";
import type { Readable } from "node:stream";
import { baseName, parseFolder } from "./paths.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { findItem, noItem, requireDirectory, requireFile } from "./require-asset.ts";
import { downloadTarget, saveDownload, type SaveInput } from "../local-files/save-download.ts";

export interface DownloadInput {
  directory: string;
  path: string;
  /** A local file or folder. Default: the asset's own name, in `cwd`. */
  output?: string | undefined;
  overwrite: boolean;
  cwd: string;
  onProgress?: ((part: { path: string; bytes: number; size: number }) => void) | undefined;
}

export interface SavedAsset {
  type: "file";
  path: string;
  /** The local path. */
  file: string;
  status: "saved" | "unchanged" | "conflict" | "failed";
  size: number;
  sha256: string;
  reason?: string;
}

export interface DownloadSummary {
  type: "summary";
  saved: number;
  unchanged: number;
  conflict: number;
  failed: number;
  /** Total size of the saved files. */
  bytes: number;
}

/** Saves a file, or a folder with its contents. In a folder, a file that fails does not stop the others. */
export async function* downloadAssets(
  context: Context,
  input: DownloadInput,
): AsyncGenerator<SavedAsset | DownloadSummary> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, input.directory);
  const path = parseFolder(input.path);
  const found = await findItem(db, feed.id, path);
  if (found === undefined) throw noItem(feed, path);
  await using store = await openFeedStore(context, db, feed);
  const summary: DownloadSummary = { type: "summary", saved: 0, unchanged: 0, conflict: 0, failed: 0, bytes: 0 };
  const save = async (file: AssetRow, root: string, target: string): Promise<SavedAsset> => {
    const { key, size, sha256 } = file;
    const onProgress = (bytes: number) => input.onProgress?.({ path: key, bytes, size });
    const open: SaveInput["open"] = (range) => store.get(key, { range, signal: context.signal });
    const how = { overwrite: input.overwrite, acceptSame: true, onProgress };
    const status = await saveDownload(context, { file, open, root, target, ...how });
    return { type: "file", path: key, file: target, status, size, sha256 };
  };
  const count = (saved: SavedAsset): SavedAsset => {
    summary[saved.status]++;
    if (saved.status === "saved") summary.bytes += saved.size;
    return saved;
  };

  if ("file" in found) {
    const target = await downloadTarget(input.cwd, input.output, baseName(path));
    yield count(await save(found.file, dirname(target), target));
  } else {
    const root = resolve(input.cwd, input.output ?? (path === "" ? feed.name : baseName(path)));
    const skip = path === "" ? 0 : path.length + 1;
    await makeFolders(root);
    const folds = (await foldsCase(root)) ? new Set<string>() : undefined;
    const one = async (file: AssetRow): Promise<SavedAsset> => {
      const { key, size, sha256 } = file;
      const target = join(root, key.slice(skip));
      const unsaved = (status: "conflict" | "failed", reason: string): SavedAsset => ({
        type: "file",
        path: key,
        file: target,
        status,
        size,
        sha256,
        reason,
      });
      const problem = diskNameProblem(parseKey(key.slice(skip)), context.platform);
      if (problem !== undefined) return unsaved("failed", problem);
      const folded = key.toLowerCase();
      if (folds?.has(folded)) return unsaved("conflict", "the name of another file differs only in case");
      folds?.add(folded);
      try {
        return await save(file, root, target);
      } catch (error) {
        if (!isUnreadableBlob(error) && !isFeedctlError(error, "conflict", "locked")) throw error;
        return unsaved(error.code === "conflict" ? "conflict" : "failed", error.message);
      }
    };
    for await (const saved of mapParallel(assetsBelow(db, feed.id, path), context.concurrency, one)) yield count(saved);
    for await (const folder of foldersBelow(db, feed.id, path)) {
      const inner = parseKey(folder.path.slice(skip));
      if (diskNameProblem(inner, context.platform) !== undefined) continue;
      // a file or link exists there: reported above
      const made = await openFolderBelow(root, inner.split("/"), { create: true }).catch(() => undefined);
      made?.[Symbol.dispose]();
    }
  }
  yield summary;
}

export interface OpenedAsset {
  file: { size: number; sha256: string };
  fileName: string;
  /** The content. It is not verified: the reader compares size and sha256 with `file`. */
  body: Readable;
  close(): Promise<void>;
}

/** Opens a file for reading. Throws `not-found`; `usage` for a folder. */
export async function openAsset(context: Context, directory: string, text: string): Promise<OpenedAsset> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  const file = await requireFile(db, feed, parseFolder(text));
  const store = await openFeedStore(context, db, feed);
  try {
    const body = await store.get(file.key, { signal: context.signal });
    return { file, fileName: baseName(file.key), body, close: () => store[Symbol.asyncDispose]() as Promise<void> };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}
