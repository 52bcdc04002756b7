// An interrupted put of a large blob leaves its temporary file and a note that names it. The next put of the same bytes
// hashes the content of that file and appends the rest. The hash of the whole file must match `options.sha256`.
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isFeedctlError } from "../../errors.ts";
import type { Folder } from "../../lib/files/open-folder.ts";
import { errnoOf } from "./errors.ts";
import { isTemporaryName, temporaryName } from "./names.ts";
import { hashInto } from "./read.ts";
import type { Key } from "../../lib/key.ts";
import type { BlobSource, PutOptions, UploadNotes } from "../store.ts";

/** Smaller blobs are written again from the start, in bytes. */
const LARGE = 8 * 1024 * 1024;

/** A temporary file that is being filled. */
export interface Temporary {
  /** The folder of the blob. */
  folder: Folder;
  /** The temporary file's name in it. */
  name: string;
  handle: FileHandle;
  /** Bytes that an earlier put has written. */
  size: number;
  /** Hash of those bytes; undefined for a new file. */
  hash: Hash | undefined;
  /** Whether a note names the file, so that a later put can resume it. */
  noted: boolean;
}

interface Note {
  /** Name of the temporary file, in the folder of the blob. */
  temporary: string;
  size: number;
  sha256: string;
}

/** Paths of the files that this process is writing: a note does not say whether its writer is still running. */
const beingFilled = new Set<string>();

/**
 * Whether an interrupted put of this source can be resumed. Without a sha256 its two parts could be of two versions. A
 * local file is copied again faster than its copy is hashed.
 */
export function isResumable(source: BlobSource, { notes, sha256 }: PutOptions): boolean {
  return notes !== undefined && sha256 !== undefined && source.path === undefined && source.size > LARGE;
}

/** Whether the temporary file stays for a later put after this error. Not after a full disk, which needs the space. */
export function isWorthKeeping(error: unknown): boolean {
  return isFeedctlError(error, "interrupted", "unavailable", "denied");
}

/** Saves a note with which a later put of the same bytes can resume. */
export async function note(
  key: Key,
  { folder, name }: Temporary,
  source: BlobSource,
  options: PutOptions,
): Promise<void> {
  beingFilled.add(join(folder.path, name));
  const saved: Note = { temporary: name, size: source.size, sha256: options.sha256 ?? "" };
  await options.notes?.save(key, JSON.stringify(saved));
}

/** Ends a noted put. With `notes` its note is deleted, because nothing is left to resume. */
export async function release(key: Key, { folder, name }: Temporary, notes: UploadNotes | undefined): Promise<void> {
  beingFilled.delete(join(folder.path, name));
  await notes?.drop(key);
}

/** Deletes the temporary file and the note of an earlier put. `folder`: undefined when it does not exist. */
export async function forget(key: Key, folder: Folder | undefined, notes: UploadNotes | undefined): Promise<void> {
  const text = await notes?.load(key);
  if (text === undefined) return;
  const path = folder && pathOf(folder, parseNote(text));
  if (path !== undefined) await unlink(path).catch(() => {}); // `sweep` deletes it later
  await notes?.drop(key);
}

/** Opens the unfinished file of an earlier put of the same bytes and hashes its content. Undefined: there is none. */
export async function openUnfinished(
  key: Key,
  folder: Folder,
  source: BlobSource,
  options: PutOptions,
): Promise<Temporary | undefined> {
  const text = await options.notes?.load(key);
  if (text === undefined) return undefined;
  const found = parseNote(text);
  const old = pathOf(folder, found);
  const same = found?.sha256 === options.sha256 && found?.size === source.size;
  const name = temporaryName();
  const path = folder.at(name);
  if (old === undefined || !same || !isResumable(source, options) || !(await claim(old, path))) {
    await forget(key, folder, options.notes);
    return undefined;
  }
  const hash = createHash("sha256");
  // Append mode: the bytes that are already there are not written again.
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0));
  try {
    const temporary: Temporary = { folder, name, handle, size: 0, hash, noted: true };
    await note(key, temporary, source, options);
    temporary.size = await hashInto(hash, handle, options.signal);
    if ((await handle.stat()).isFile() && temporary.size <= source.size) return temporary;
  } catch (error) {
    await handle.close();
    beingFilled.delete(join(folder.path, name));
    throw error;
  }
  await handle.close();
  beingFilled.delete(join(folder.path, name));
  await forget(key, folder, options.notes);
  return undefined;
}

/** Renames the file: of several writers that found the note only one succeeds. False: another one did. */
async function claim(old: string, path: string): Promise<boolean> {
  try {
    await rename(old, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** The path of the noted file. Also undefined while another put of this process writes it. */
function pathOf(folder: Folder, found: Note | undefined): string | undefined {
  if (found === undefined || beingFilled.has(join(folder.path, found.temporary))) return undefined;
  return folder.at(found.temporary);
}

function parseNote(text: string): Note | undefined {
  try {
    const { temporary, size, sha256 } = JSON.parse(text) as Partial<Record<keyof Note, unknown>>;
    const valid = typeof temporary === "string" && isTemporaryName(temporary);
    return valid && typeof size === "number" && typeof sha256 === "string" ? { temporary, size, sha256 } : undefined;
  } catch {
    return undefined;
  }
}
