import type { Stats } from "node:fs";
import { lstat, open, rename, unlink } from "node:fs/promises";
import type { FileHandle, link } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { diskError, errnoOf } from "./errors.ts";
import { fill } from "./fill.ts";
import { makeFolder, removeEmptyFolders, syncFolder } from "./folders.ts";
import { temporaryName } from "./names.ts";
import { hashFile, openBlobFile } from "./read.ts";
import { forget, isResumable, isWorthKeeping, note, openUnfinished, release } from "./resume.ts";
import type { Temporary } from "./resume.ts";
import type { Key } from "../../lib/key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobSource, PutOptions, PutOutcome } from "../store.ts";
import { hashSource } from "../shared/verified-source.ts";

/** How often a folder is created again after a concurrent delete has removed it as empty. */
const FOLDER_ATTEMPTS = 100;

const NO_HARD_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Gives a file a second name, or rejects where the file system has no hard links. */
export type MakeLink = typeof link;

export interface WriteResult {
  outcome: PutOutcome;
  /** Stats of the file at `target`. */
  stats: Stats;
  /** SHA-256 of the bytes. Undefined: the options had none and the kernel copied the file. */
  sha256?: string | undefined;
  /** The file system has no hard links, so the check for an existing file and its creation were not atomic. */
  withoutLinks: boolean;
}

export interface WritePlace {
  root: string;
  key: Key;
  /** The path of the key below the root. */
  target: string;
}

/**
 * Writes `target` all or nothing: a temporary file in the same folder is filled, verified, flushed, and only then
 * renamed. A failed write removes the folders it created and the temporary file, unless a note makes it resumable.
 */
export async function writeFileWhole(
  place: WritePlace,
  source: BlobSource,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<WriteResult> {
  throwIfInterrupted(options.signal);
  const { key, target } = place;
  let present;
  try {
    present = await compareExisting(target, source, options);
  } catch (error) {
    if (isFeedctlError(error, "conflict")) await forget(key, dirname(target), options.notes);
    throw error;
  }
  if (present !== undefined) {
    await forget(key, dirname(target), options.notes);
    return { ...present, withoutLinks: false };
  }
  const unfinished = await openUnfinished(key, dirname(target), source, options);
  if (unfinished !== undefined) {
    try {
      return await finish(place, unfinished, source, options, makeLink);
    } catch (error) {
      // The bytes of the unfinished file were wrong: write the blob from the start.
      if (!isFeedctlError(error, "corrupt") || unfinished.size === 0) throw error;
    }
  }
  const created = await openTemporary(dirname(target), options.durable ?? true);
  const noted = isResumable(source, options);
  return finish(place, { ...created, size: 0, hash: undefined, noted }, source, options, makeLink);
}

async function finish(
  { root, key, target }: WritePlace,
  temporary: Temporary,
  source: BlobSource,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<WriteResult> {
  const { path, handle, noted } = temporary;
  const folder = dirname(target);
  try {
    let filled;
    try {
      if (noted && temporary.hash === undefined) await note(key, temporary, source, options);
      filled = await fill(temporary, target, source, options);
    } finally {
      await handle.close();
    }
    throwIfInterrupted(options.signal);
    const published = await publish(path, target, source, options, makeLink);
    // After a rename the temporary name is gone; after a link it is a second name of the blob.
    await unlink(path).catch(() => {});
    if (options.durable ?? true) await syncFolder(folder);
    if (noted) await release(key, path, options.notes);
    return { ...filled, ...published };
  } catch (thrown) {
    const error = diskError(thrown, "write", target);
    const kept = noted && isWorthKeeping(error);
    if (!kept) await unlink(path).catch(() => {});
    if (noted) await release(key, path, kept ? undefined : options.notes);
    if (!kept) await removeEmptyFolders(root, folder);
    throw error;
  }
}

/** Creates the folder and an empty temporary file in it, so that no concurrent delete removes the folder as empty. */
async function openTemporary(folder: string, durable: boolean): Promise<{ path: string; handle: FileHandle }> {
  for (let attempt = 1; ; attempt++) {
    const path = join(folder, temporaryName());
    try {
      await makeFolder(folder, durable);
      return { path, handle: await open(path, "wx+") };
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && attempt < FOLDER_ATTEMPTS) continue;
      if (errnoOf(error) === "EEXIST" || errnoOf(error) === "ENOTDIR") {
        throw new FeedctlError("conflict", `cannot create the folder ${folder}: it or one of its parents is a file`, {
          cause: error,
        });
      }
      throw diskError(error, "write in", folder);
    }
  }
}

interface Published {
  outcome: PutOutcome;
  /** Stats of the file that already existed. */
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
    const existing = await entryTypeOf(target);
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

/** Undefined: `target` does not exist or may be replaced. Throws `conflict` if it has other bytes than the source. */
async function compareExisting(
  target: string,
  source: BlobSource,
  options: PutOptions,
): Promise<{ outcome: "unchanged"; stats: Stats; sha256: string } | undefined> {
  const existing = await entryTypeOf(target);
  if (existing === "other") {
    throw new FeedctlError("conflict", `cannot write ${target}: it exists and is not a regular file`);
  }
  if (existing === undefined || options.ifExists === "replace") return undefined;
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
  throw new FeedctlError("conflict", `cannot create ${target}: it already exists with other content`);
}

/** Undefined: `target` does not exist. */
async function entryTypeOf(target: string): Promise<"file" | "other" | undefined> {
  try {
    return (await lstat(target)).isFile() ? "file" : "other";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskError(error, "write", target);
  }
}

/** ENOENT when publishing means that the temporary file was removed with its folder, not that the target is missing. */
function folderVanished(target: string, cause: unknown): FeedctlError {
  return new FeedctlError("unavailable", `cannot write ${target}: its folder was removed meanwhile`, { cause });
}
