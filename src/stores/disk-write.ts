import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, copyFile, lstat, open, rename, unlink } from "node:fs/promises";
import type { FileHandle, link } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FeedctlError } from "../errors.ts";
import { diskError, errnoOf } from "./disk-errors.ts";
import { makeFolder, removeEmptyFolders, syncFolder } from "./disk-folders.ts";
import { temporaryName } from "./disk-names.ts";
import { hashFile, openBlobFile } from "./disk-read.ts";
import { throwIfInterrupted } from "./signal.ts";
import type { BlobSource, PutOptions, PutOutcome } from "./store.ts";
import { checkDelivery, hashSource, readVerified } from "./verified-source.ts";

/** How often a folder is made again because a concurrent delete took it for empty. */
const FOLDER_ATTEMPTS = 100;

const NO_HARD_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Gives a file a second name, or rejects where the file system has no hard links. */
export type MakeLink = typeof link;

export interface WriteResult {
  outcome: PutOutcome;
  /** Of the file that holds the bytes now. */
  stats: Stats;
  /** Of the bytes, unless nobody promised it and the kernel alone saw them. */
  sha256?: string | undefined;
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
  const { durable = true } = options;
  const present = await compareExisting(target, source, options);
  if (present !== undefined) return { ...present, withoutLinks: false };
  const folder = dirname(target);
  const { path, handle } = await openTemporary(folder, durable);
  try {
    let filled;
    try {
      filled = await fill(handle, path, target, source, options);
    } finally {
      await handle.close();
    }
    throwIfInterrupted(options.signal);
    const published = await publish(path, target, source, options, makeLink);
    // After a rename the temporary name is gone; after a link it is a second name of the blob.
    await unlink(path).catch(() => {});
    if (durable) await syncFolder(folder);
    return { ...filled, ...published };
  } catch (error) {
    await unlink(path).catch(() => {});
    await removeEmptyFolders(root, folder);
    throw diskError(error, "write", target);
  }
}

/** Makes the folder and an empty temporary file in it, which keeps the folder from being removed as empty. */
async function openTemporary(folder: string, durable: boolean): Promise<{ path: string; handle: FileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const path = join(folder, temporaryName());
    try {
      await makeFolder(folder, durable);
      return { path, handle: await open(path, "wx+") };
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && attempt < FOLDER_ATTEMPTS) continue;
      if (errnoOf(error) === "EEXIST" || errnoOf(error) === "ENOTDIR") {
        throw new FeedctlError("conflict", `cannot make the folder ${folder}: a file stands in its place`, {
          cause: error,
        });
      }
      throw diskError(error, "write in", folder);
    }
  }
}

async function fill(
  handle: FileHandle,
  path: string,
  target: string,
  source: BlobSource,
  options: PutOptions,
): Promise<Pick<WriteResult, "stats" | "sha256">> {
  let { sha256 } = options;
  if (source.path !== undefined) {
    await copyInto(handle, path, source.path, source.size, options);
    await source.check?.();
  } else {
    for await (const chunk of readVerified(source, sha256, options.signal, (found) => (sha256 = found))) {
      await handle.writeFile(chunk).catch((error: unknown) => {
        throw diskError(error, "write", target);
      });
    }
  }
  if (options.modified !== undefined) await handle.utimes(options.modified, options.modified);
  if (options.durable ?? true) await handle.datasync();
  return { stats: await handle.stat(), sha256 };
}

/**
 * Copies inside the kernel, then hashes what arrived: about three times faster than passing the bytes through here.
 * Without a promised hash there is nothing to compare it with, and the kernel is trusted to have copied every byte.
 */
async function copyInto(handle: FileHandle, path: string, from: string, size: number, options: PutOptions) {
  const { mode } = await handle.stat();
  try {
    await copyFile(from, path, constants.COPYFILE_FICLONE);
  } catch (error) {
    throw copyError(error, from, path);
  }
  // copyFile brings the source's mode along; a blob has the mode of any new file here.
  await chmod(path, mode & 0o7777);
  if (options.sha256 === undefined) return checkDelivery(size, undefined, (await handle.stat()).size, undefined);
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
  sha256?: string;
  withoutLinks: boolean;
}

/** Gives the temporary file its final name. */
async function publish(
  path: string,
  target: string,
  source: BlobSource,
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
    const present = await compareExisting(target, source, options);
    if (present !== undefined) return { ...present, withoutLinks };
    if (!withoutLinks) continue; // deleted between the two calls
    await rename(path, target);
    return { outcome: "created", withoutLinks };
  }
}

/** Undefined when `target` is free or a file that may be replaced; `unchanged` for the promised bytes; else `conflict`. */
async function compareExisting(
  target: string,
  source: BlobSource,
  options: PutOptions,
): Promise<{ outcome: "unchanged"; stats: Stats; sha256: string } | undefined> {
  const stands = await standsAt(target);
  if (stands === "other") {
    throw new FeedctlError("conflict", `cannot write ${target}: something that is no regular file stands there`);
  }
  if (stands === undefined || options.ifExists === "replace") return undefined;
  const file = await openBlobFile(target);
  if (file === undefined) return undefined;
  try {
    if (file.stats.size === source.size) {
      const sha256 = options.sha256 ?? (await hashSource(source, options.signal));
      const found = (await hashFile(file.handle, options.signal)).sha256;
      if (found === sha256) return { outcome: "unchanged", stats: file.stats, sha256 };
    }
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
