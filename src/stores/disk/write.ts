import type { Stats } from "node:fs";
import { lstat, open, rename, unlink } from "node:fs/promises";
import type { link } from "node:fs/promises";
import { dirname } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { hasNoHardLinks } from "../../lib/files/hard-links.ts";
import type { Folder } from "../../lib/files/open-folder.ts";
import { diskError, errnoOf } from "./errors.ts";
import { fill } from "./fill.ts";
import { removeEmptyFolders, removeFoldersOnly, syncFolder } from "./folders.ts";
import { temporaryName } from "./names.ts";
import { nameOf, openParent } from "./parent.ts";
import { hashFile, openBlobFile } from "./read.ts";
import { forget, isResumable, isWorthKeeping, note, openUnfinished, release } from "./resume.ts";
import type { Temporary } from "./resume.ts";
import type { Key } from "../../lib/key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobSource, PutOptions, PutOutcome } from "../store.ts";
import { hashSource } from "../shared/verified-source.ts";

/** How often a folder is created again after a concurrent delete has removed it as empty. */
const FOLDER_ATTEMPTS = 100;

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
  /** The path of the key below the root, for messages. */
  target: string;
}

/** A place whose folder is open. */
interface OpenPlace extends WritePlace {
  folder: Folder;
  /** The file's name in it. */
  name: string;
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
  const { root, key, target } = place;
  try {
    using folder = await openParent(root, key);
    if (folder === undefined) await forget(key, undefined, options.notes);
    else {
      const written = await writeInto({ ...place, folder, name: nameOf(key) }, source, options, makeLink);
      if (written !== undefined) return written;
    }
  } catch (error) {
    throw diskError(error, "write", target);
  }
  const created = await openTemporary(place, options.durable ?? true);
  using folder = created.folder;
  const noted = isResumable(source, options);
  const temporary = { ...created, size: 0, hash: undefined, noted };
  return await finish({ ...place, folder, name: nameOf(key) }, temporary, source, options, makeLink);
}

/** Compares the existing file, and resumes an unfinished one. Undefined: the file must be written from the start. */
async function writeInto(
  place: OpenPlace,
  source: BlobSource,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<WriteResult | undefined> {
  const { key, folder } = place;
  let present;
  try {
    present = await compareExisting(place, source, options);
  } catch (error) {
    if (isFeedctlError(error, "conflict")) await forget(key, folder, options.notes);
    throw error;
  }
  if (present !== undefined) {
    await forget(key, folder, options.notes);
    return { ...present, withoutLinks: false };
  }
  const unfinished = await openUnfinished(key, folder, source, options);
  if (unfinished === undefined) return undefined;
  try {
    return await finish(place, unfinished, source, options, makeLink);
  } catch (error) {
    // The bytes of the unfinished file were wrong: write the blob from the start.
    if (!isFeedctlError(error, "corrupt") || unfinished.size === 0) throw error;
    return undefined;
  }
}

async function finish(
  place: OpenPlace,
  temporary: Temporary,
  source: BlobSource,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<WriteResult> {
  const { root, key, target, folder } = place;
  const { handle, noted } = temporary;
  const path = folder.at(temporary.name);
  try {
    let filled;
    try {
      if (noted && temporary.hash === undefined) await note(key, temporary, source, options);
      filled = await fill(temporary, target, source, options);
    } finally {
      await handle.close();
    }
    throwIfInterrupted(options.signal);
    const published = await publish(path, place, source, options, makeLink);
    // After a rename the temporary name is gone; after a link it is a second name of the blob.
    await unlink(path).catch(() => {});
    if (options.durable ?? true) await syncFolder(folder.self);
    if (noted) await release(key, temporary, options.notes);
    // its new name has changed its times
    const stats = published.stats ?? (await statOf(place, filled.stats));
    return { ...filled, ...published, stats };
  } catch (thrown) {
    const error = diskError(thrown, "write", target);
    const kept = noted && isWorthKeeping(error);
    if (!kept) await unlink(path).catch(() => {});
    if (noted) await release(key, temporary, kept ? undefined : options.notes);
    if (!kept) await removeEmptyFolders(root, key);
    throw error;
  }
}

/** Creates the folder and an empty temporary file in it, so that no concurrent delete removes the folder as empty. */
async function openTemporary(
  { root, key, target }: WritePlace,
  durable: boolean,
): Promise<Pick<Temporary, "folder" | "name" | "handle">> {
  for (let attempt = 1; ; attempt++) {
    const name = temporaryName();
    let folder: Folder | undefined;
    try {
      folder = await openParent(root, key, { durable });
      return { folder, name, handle: await open(folder.at(name), "wx+") };
    } catch (error) {
      folder?.[Symbol.dispose]();
      if (errnoOf(error) === "ENOENT" && attempt < FOLDER_ATTEMPTS) continue;
      const path = dirname(target);
      if (errnoOf(error) === "EEXIST" || errnoOf(error) === "ENOTDIR") {
        throw new FeedctlError("conflict", `cannot create the folder ${path}: it or one of its parents is a file`, {
          cause: error,
        });
      }
      throw diskError(error, "write in", path);
    }
  }
}

/** The stats of the file under its name. `filled`: those from before, when another file has the name by now. */
async function statOf({ folder, name }: OpenPlace, filled: Stats): Promise<Stats> {
  const now = await lstat(folder.at(name)).catch(() => filled);
  return now.ino === filled.ino ? now : filled;
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
  place: OpenPlace,
  source: BlobSource,
  options: PutOptions,
  makeLink: MakeLink,
): Promise<Published> {
  const target = place.folder.at(place.name);
  if (options.ifExists === "replace") {
    const existing = await entryTypeOf(place);
    await rename(path, target);
    return { outcome: existing === "file" ? "replaced" : "created", withoutLinks: false };
  }
  for (;;) {
    let withoutLinks = false;
    try {
      await makeLink(path, target);
      return { outcome: "created", withoutLinks };
    } catch (error) {
      if (hasNoHardLinks(error)) withoutLinks = true;
      else if (errnoOf(error) === "ENOENT") throw folderVanished(place.target, error);
      else if (errnoOf(error) !== "EEXIST") throw error;
    }
    const present = await compareExisting(place, source, options);
    if (present !== undefined) return { ...present, withoutLinks };
    if (!withoutLinks) continue; // deleted between the two calls
    await rename(path, target);
    return { outcome: "created", withoutLinks };
  }
}

/** Undefined: `target` does not exist or may be replaced. Throws `conflict` if it has other bytes than the source. */
async function compareExisting(
  place: OpenPlace,
  source: BlobSource,
  options: PutOptions,
): Promise<{ outcome: "unchanged"; stats: Stats; sha256: string } | undefined> {
  const { folder, name, target } = place;
  const existing = await entryTypeOf(place);
  if (existing === "other") {
    throw new FeedctlError("conflict", `cannot write ${target}: it exists and is not a regular file`);
  }
  if (existing === undefined || options.ifExists === "replace") return undefined;
  const file = await openBlobFile(folder, name, target);
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

/** Undefined: `target` does not exist, or was an empty folder and is removed: a store has no folders of its own. */
async function entryTypeOf({ folder, name, target }: OpenPlace): Promise<"file" | "other" | undefined> {
  try {
    const stats = await lstat(folder.at(name));
    if (stats.isFile()) return "file";
    return stats.isDirectory() && (await removeFoldersOnly(folder, name)) ? undefined : "other";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskError(error, "write", target);
  }
}

/** ENOENT when publishing means that the temporary file was removed with its folder, not that the target is missing. */
function folderVanished(target: string, cause: unknown): FeedctlError {
  return new FeedctlError("unavailable", `cannot write ${target}: its folder was removed meanwhile`, { cause });
}
