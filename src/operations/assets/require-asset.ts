import { listAssetsAt, type AssetRow } from "../../catalog/assets/assets.ts";
import { findFolder, type FolderRow } from "../../catalog/assets/folders.ts";
import { findFeed, listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { nearest } from "../../lib/nearest.ts";
import { requireActiveFeed, requireFeed, requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";

/** Finds an asset directory by name. Throws `not-found`; `usage` for a feed of packages. */
export async function requireDirectory(db: Db, name: string): Promise<FeedRow> {
  const found = await findFeed(db, name);
  if (found === undefined) throw await unknownDirectory(db, name);
  return onlyAssets(await requireFeed(db, name));
}

/** Like `requireDirectory`, for commands that change it. */
export async function requireLiveDirectory(db: Db, name: string): Promise<FeedRow> {
  return onlyAssets(await requireLiveFeed(db, name));
}

/** Like `requireDirectory`, for commands that add files: a disabled directory is refused. */
export async function requireActiveDirectory(db: Db, ref: FeedRef): Promise<FeedRow> {
  return onlyAssets(await requireActiveFeed(db, ref));
}

function onlyAssets(feed: FeedRow): FeedRow {
  if (feed.type === "asset") return feed;
  throw new FeedctlError("usage", `"${feed.name}" is a feed of ${feed.type} packages, not an asset directory`, {
    hint: `its packages: feedctl package list ${feed.name}`,
  });
}

async function unknownDirectory(db: Db, name: string): Promise<FeedctlError> {
  const others = (await listFeeds(db)).filter(({ type }) => type === "asset").map((feed) => feed.name);
  const near = nearest(name, others);
  return new FeedctlError("not-found", `asset directory "${name}" does not exist`, {
    hint: near === undefined ? `create it: feedctl feed create ${name} --type asset` : `did you mean "${near}"?`,
  });
}

export type FileOrFolder = { file: AssetRow } | { folder: FolderRow };

/** The file or folder at a path; `""` is the directory itself. Undefined when the path does not exist. */
export async function findItem(db: Db, feedId: number, path: string): Promise<FileOrFolder | undefined> {
  const file = path === "" ? undefined : (await listAssetsAt(db, feedId, [path])).get(path);
  if (file !== undefined) return { file };
  const folder = await findFolder(db, feedId, path);
  if (folder !== undefined) return { folder };
  if (path !== "") return undefined;
  return { folder: { feed_id: feedId, path: "", created_at: new Date(0), cache_control: null, metadata: {} } };
}

export function noItem(feed: FeedRow, path: string): FeedctlError {
  return new FeedctlError("not-found", `asset directory "${feed.name}" has no ${path}`, {
    hint: `see: feedctl asset list ${feed.name} --recursive`,
  });
}

/** The file at a path. Throws `not-found`; `usage` for a folder. */
export async function requireFile(db: Db, feed: FeedRow, path: string): Promise<AssetRow> {
  const found = await findItem(db, feed.id, path);
  if (found === undefined) throw noItem(feed, path);
  if ("file" in found) return found.file;
  throw new FeedctlError("usage", `${path === "" ? "the directory itself" : path} is a folder, not a file`);
}
