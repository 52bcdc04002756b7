// A large put that broke off leaves its temporary file and a note that names it. The next put of the same bytes hashes
// what is in the file and goes on behind it; what came together is held against the promised hash as a whole.
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";
import { isFeedctlError } from "../../errors.ts";
import { errnoOf } from "./errors.ts";
import { isTemporaryName, temporaryName } from "./names.ts";
import { hashInto } from "./read.ts";
import type { Key } from "../key.ts";
import type { BlobSource, PutOptions, UploadNotes } from "../store.ts";

/** What is not larger is sent anew. */
const LARGE = 8 * 1024 * 1024;

/** A temporary file that is being filled. */
export interface Temporary {
  path: string;
  handle: FileHandle;
  /** Bytes that were in it already. */
  size: number;
  /** Of those bytes; undefined in a new file. */
  hash: Hash | undefined;
  noted: boolean;
}

interface Note {
  /** Name of the temporary file, in the folder of the blob. */
  temporary: string;
  size: number;
  sha256: string;
}

/** Files that this process is filling: a note tells not whether its writer is still alive. */
const beingFilled = new Set<string>();

/** Without a promised hash the two halves could be of two versions. A local file is copied faster than it is hashed. */
export function isResumable(source: BlobSource, { notes, sha256 }: PutOptions): boolean {
  return notes !== undefined && sha256 !== undefined && source.path === undefined && source.size > LARGE;
}

/** Whether the same put may succeed later; a full disk needs the room more than we need the bytes. */
export function isWorthKeeping(error: unknown): boolean {
  return isFeedctlError(error, "interrupted", "unavailable", "denied");
}

/** Remembers where a put of these bytes can go on. */
export async function note(key: Key, { path }: Temporary, source: BlobSource, options: PutOptions): Promise<void> {
  beingFilled.add(path);
  const saved: Note = { temporary: basename(path), size: source.size, sha256: options.sha256 ?? "" };
  await options.notes?.save(key, JSON.stringify(saved));
}

/** The end of a noted put; with `notes`: there is nothing left to be taken up. */
export async function release(key: Key, path: string, notes: UploadNotes | undefined): Promise<void> {
  beingFilled.delete(path);
  await notes?.drop(key);
}

/** Removes what an earlier put left, and its note. */
export async function forget(key: Key, folder: string, notes: UploadNotes | undefined): Promise<void> {
  const text = await notes?.load(key);
  if (text === undefined) return;
  const path = pathOf(folder, parseNote(text));
  if (path !== undefined) await unlink(path).catch(() => {}); // what cannot be removed is swept one day
  await notes?.drop(key);
}

/** The unfinished file of an earlier put of the same bytes, hashed as far as it goes; undefined when there is none. */
export async function takeUp(
  key: Key,
  folder: string,
  source: BlobSource,
  options: PutOptions,
): Promise<Temporary | undefined> {
  const text = await options.notes?.load(key);
  if (text === undefined) return undefined;
  const found = parseNote(text);
  const old = pathOf(folder, found);
  const same = found?.sha256 === options.sha256 && found?.size === source.size;
  const path = join(folder, temporaryName());
  if (old === undefined || !same || !isResumable(source, options) || !(await claim(old, path))) {
    await forget(key, folder, options.notes);
    return undefined;
  }
  const hash = createHash("sha256");
  // Appended to: what is there is not written again.
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0));
  try {
    const temporary: Temporary = { path, handle, size: 0, hash, noted: true };
    await note(key, temporary, source, options);
    temporary.size = await hashInto(hash, handle, options.signal);
    if ((await handle.stat()).isFile() && temporary.size <= source.size) return temporary;
  } catch (error) {
    await handle.close();
    beingFilled.delete(path);
    throw error;
  }
  await handle.close();
  beingFilled.delete(path);
  await forget(key, folder, options.notes);
  return undefined;
}

/** The new name makes it ours: of several who found the note only one succeeds. */
async function claim(old: string, path: string): Promise<boolean> {
  try {
    await rename(old, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** Undefined too while another put of this process fills it. */
function pathOf(folder: string, found: Note | undefined): string | undefined {
  if (found === undefined) return undefined;
  const path = join(folder, found.temporary);
  return beingFilled.has(path) ? undefined : path;
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
