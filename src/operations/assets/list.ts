import { foldersBelow, type FolderRow } from "../../catalog/assets/folders.ts";
import { assetsBelow, totalsBelow, type AssetRow } from "../../catalog/assets/assets.ts";
import { listKept } from "../../catalog/assets/history.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { compareKeys } from "../../lib/key.ts";
import { parseFolder } from "./paths.ts";
import type { Context } from "../context.ts";
import { findItem, noItem, requireDirectory } from "./require-asset.ts";

export type AssetEntry = { path: string; file: AssetRow } | { path: string; folder: FolderRow };

/** Files and folders in a folder, with `recursive` at any depth, in path order. The path of a file lists that file. */
export async function* listAssets(
  context: Context,
  directory: string,
  text: string,
  recursive: boolean,
): AsyncGenerator<AssetEntry> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  const path = parseFolder(text);
  const found = await findItem(db, feed.id, path);
  if (found === undefined) throw noItem(feed, path);
  if ("file" in found) yield { path, file: found.file };
  else yield* entriesBelow(db, feed.id, path, !recursive);
}

/** Files and folders below `folder`, merged in path order. `direct`: only its own entries. */
export async function* entriesBelow(
  db: Db,
  feedId: number,
  folder: string,
  direct = false,
): AsyncGenerator<AssetEntry> {
  const folders = foldersBelow(db, feedId, folder, direct);
  let next = await folders.next();
  for await (const file of assetsBelow(db, feedId, folder, direct)) {
    for (; next.done !== true && compareKeys(next.value.path, file.key) < 0; next = await folders.next())
      yield { path: next.value.path, folder: next.value };
    yield { path: file.key, file };
  }
  for (; next.done !== true; next = await folders.next()) yield { path: next.value.path, folder: next.value };
}

export type ShownAsset =
  | ({ path: string; folder: false; versions: number } & Omit<AssetRow, "id" | "key" | "storeTag" | "inheritedCache">)
  | {
      path: string;
      folder: true;
      files: number;
      bytes: number;
      cacheControl: string | null;
      metadata: UserMetadata;
      createdAt: Date | null;
    };

/** The properties of a file, or of a folder with the totals of its contents. Throws `not-found`. */
export async function showAsset(context: Context, directory: string, text: string): Promise<ShownAsset> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  const path = parseFolder(text);
  const found = await findItem(db, feed.id, path);
  if (found === undefined) throw noItem(feed, path);
  if ("file" in found) {
    const { id: _id, key: _key, storeTag: _tag, inheritedCache: _inherited, ...file } = found.file;
    const versions = (await Array.fromAsync(listKept(db, feed.id, path))).length;
    return { path, folder: false, ...file, versions };
  }
  const { cache_control: cacheControl, metadata, created_at: createdAt } = found.folder;
  const totals = await totalsBelow(db, feed.id, path);
  return { path, folder: true, ...totals, cacheControl, metadata, createdAt: path === "" ? null : createdAt };
}
