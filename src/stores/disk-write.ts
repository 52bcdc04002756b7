import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, copyFile, lstat, mkdir, open, rename, rmdir, unlink } from "node:fs/promises";
import type { FileHandle, link } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FeedctlError } from "../errors.ts";
import { diskError, errnoOf } from "./disk-errors.ts";
import { temporaryName } from "./disk-names.ts";
import { hashFile, openBlobFile } from "./disk-read.ts";
import { throwIfInterrupted } from "./signal.ts";
import type { BlobSource, PutOptions, PutOutcome } from "./store.ts";
import { checkDelivery, readVerified } from "./verified-source.ts";

/** How often a folder is made again because a concurrent delete took it for empty. */
const FOLDER_ATTEMPTS = 100;

const NO_HARD_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Gives a file a second name, or rejects where the file system has no hard links. */
export type MakeLink = typeof link;

export interface WriteResult {
  outcome: PutOutcome;
  /** Of the file that holds the bytes now. */
  stats: Stats;
  /** The file system has no hard links, so the check for an existing file and its creation were two steps. */
  withoutLinks: boolean;
}

/**
 * Writes `target`, a path below `root`, all or nothing: a temporary file beside it is filled, verified, flushed, and
 * only then given its name. A failed write takes the folders it made away again.
 */
export async function writeFileWhole(
  root: string,
  target: string,
  source: BlobSource,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<WriteResult> {
  throwIfInterrupted(options.signal);
  const present = await compareExisting(target, source.size, options);
  if (present !== undefined) return { ...present, withoutLinks: false };
  const folder = dirname(target);
  const { path, handle } = await openTemporary(folder);
  try {
    const stats = await fill(handle, path, target, source, options).finally(() => handle.close());
    throwIfInterrupted(options.signal);
    const { withoutLinks, ...published } = await publish(path, target, source.size, options, makeLink);
    // After a rename the temporary name is gone; after a link it is a second name of the blob.
    await unlink(path).catch(() => {});
    await syncFolder(folder);
    return { stats, ...published, withoutLinks };
  } catch (error) {
    await unlink(path).catch(() => {});
    await removeEmptyFolders(root, folder);
    throw diskError(error, "write", target);
  }
}

/** Removes `folder` and its parents below `root` as long as they are empty. Whatever stops it, the blobs are safe. */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  try {
    for (let empty = folder; empty.length > root.length; empty = dirname(empty)) await rmdir(empty);
  } catch {
    // Not empty, removed by somebody else, or not ours to remove: an empty folder is no blob and harms nobody.
  }
}

/** Makes the folder and an empty temporary file in it, which keeps the folder from being removed as empty. */
async function openTemporary(folder: string): Promise<{ path: string; handle: FileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const path = join(folder, temporaryName());
    try {
      await makeFolder(folder);
      return { path, handle: await open(path, "wx+") };
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && attempt < FOLDER_ATTEMPTS) continue;
      if (errnoOf(error) === "EEXIST" || errnoOf(error) === "ENOTDIR") {
        throw new FeedctlError("conflict", `cannot make the folder ${folder}: a file stands in its place`, { cause: error });
      }
      throw diskError(error, "write in", folder);
    }
  }
}

async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  // A new folder survives a power cut only when its parent is flushed.
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function fill(
  handle: FileHandle,
  path: string,
  target: string,
  source: BlobSource,
  options: PutOptions,
): Promise<Stats> {
  if (source.path !== undefined) await copyInto(handle, path, source.path, source.size, options);
  else {
    for await (const chunk of readVerified(source, options.sha256, options.signal)) {
      await handle.writeFile(chunk).catch((error: unknown) => {
        throw diskError(error, "write", target);
      });
    }
  }
  if (options.modified !== undefined) await handle.utimes(options.modified, options.modified);
  await handle.datasync();
  return handle.stat();
}

/** Copies inside the kernel, then hashes what arrived: about three times faster than passing the bytes through here. */
async function copyInto(handle: FileHandle, path: string, from: string, size: number, options: PutOptions) {
  const { mode } = await handle.stat();
  try {
    await copyFile(from, path, constants.COPYFILE_FICLONE);
  } catch (error) {
    throw copyError(error, from, path);
  }
  // copyFile brings the source's mode along; a blob has the mode of any new file here.
  await chmod(path, mode & 0o7777);
  const copied = await hashFile(handle, options.signal);
  checkDelivery(size, options.sha256, copied.size, copied.sha256);
}

/** A copy fails on either side, and node does not say on which; only these cannot come from the reading side. */
function copyError(error: unknown, from: string, to: string): unknown {
  const writing = ["ENOSPC", "EDQUOT", "EROFS", "EFBIG"].includes(errnoOf(error) ?? "");
  return writing ? diskError(error, "write", to) : diskError(error, "read", from);
}

interface Published {
  outcome: PutOutcome;
  /** Of a file that was there already. */
  stats?: Stats;
  withoutLinks: boolean;
}

/** Gives the temporary file its final name. */
async function publish(
  path: string,
  target: string,
  size: number,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<Published> {
  if (options.ifExists === "replace") {
    const existing = await standsAt(target);
    await rename(path, target);
    return { outcome: existing === "file" ? "replaced" : "created", withoutLinks: false };
  }
  for (;;) {
    let withoutLinks = false;
    try {
      await makeLink(path, target);
      return { outcome: "created", withoutLinks };
    } catch (error) {
      if (NO_HARD_LINKS.has(errnoOf(error) ?? "")) withoutLinks = true;
      else if (errnoOf(error) === "ENOENT") throw folderVanished(target, error);
      else if (errnoOf(error) !== "EEXIST") throw error;
    }
    const present = await compareExisting(target, size, options);
    if (present !== undefined) return { ...present, withoutLinks };
    if (!withoutLinks) continue; // deleted between the two calls
    await rename(path, target);
    return { outcome: "created", withoutLinks };
  }
}

/** Undefined when `target` is free or a file that may be replaced; `unchanged` for the promised bytes; else `conflict`. */
async function compareExisting(
  target: string,
  size: number,
  options: PutOptions,
): Promise<{ outcome: "unchanged"; stats: Stats } | undefined> {
  const stands = await standsAt(target);
  if (stands === "other") {
    throw new FeedctlError("conflict", `cannot write ${target}: something that is no regular file stands there`);
  }
  if (stands === undefined || options.ifExists === "replace") return undefined;
  const file = await openBlobFile(target);
  if (file === undefined) return undefined;
  try {
    const same = file.stats.size === size && (await hashFile(file.handle, options.signal)).sha256 === options.sha256;
    if (same) return { outcome: "unchanged", stats: file.stats };
  } catch (error) {
    throw diskError(error, "read", target);
  } finally {
    await file.handle.close();
  }
  throw new FeedctlError("conflict", `cannot create ${target}: a file with other content already stands there`);
}

async function standsAt(target: string): Promise<"file" | "other" | undefined> {
  try {
    return (await lstat(target)).isFile() ? "file" : "other";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskError(error, "write", target);
  }
}

/** Absence of the target is an answer elsewhere; here the temporary file itself went away with its folder. */
function folderVanished(target: string, cause: unknown): FeedctlError {
  return new FeedctlError("unavailable", `cannot write ${target}: its folder was removed meanwhile`, { cause });
}

async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    // Windows cannot flush a folder, some network file systems refuse to, and a concurrent delete may have removed it.
    if (!["EPERM", "EISDIR", "EINVAL", "ENOTSUP", "EACCES", "ENOENT", "EBADF"].includes(errnoOf(error) ?? "")) throw error;
  } finally {
    await handle?.close();
  }
}
