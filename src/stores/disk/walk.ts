// The walk through a disk store's folders: synchronous calls, which are 3 to 5 times faster than promises, and a state of
// plain data, so that a thread can go on where another stopped.
import { lstatSync, opendirSync, readdirSync, statSync } from "node:fs";
import type { Dirent, Stats } from "node:fs";
import { join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { diskError, errnoOf } from "./errors.ts";
import { packError, type PackedError } from "../../errors.ts";
import type { FileFacts } from "./info.ts";
import { isTemporaryName } from "./names.ts";
import { compareKeys, keyProblem } from "../key.ts";
import type { Key } from "../key.ts";

export interface WalkedFile extends FileFacts {
  key: Key;
}

/** How far a walk has come. Survives a structured clone. */
export interface Walk {
  /** The folders from the first to the one being read. */
  folders: OpenFolder[];
  unreadable: { count: number; first: PackedError } | undefined;
}

interface OpenFolder {
  path: string;
  /** Key prefix of its entries: "" or ends in a slash. */
  prefix: string;
  inode: string;
  /** Sorted; a folder's name ends in a slash, which is also what it sorts by. */
  entries: string[];
  next: number;
  /** A file was gone when it was looked at: then the folder must prove that it is still itself. */
  missed: boolean;
}

/** Of the folder itself, in bytes: thousands of entries, on file systems that tell; others are read at once. */
const LARGE_FOLDER = 256 * 1024;
const ENTRIES_AT_ONCE = 512;

type OnForeign = (name: string) => void;

/** Begins at the folder that holds every key with this prefix. */
export function startWalk(root: string, prefix: string, onForeign: OnForeign): Walk {
  const slash = prefix.lastIndexOf("/") + 1;
  const start = prefix.slice(0, slash);
  // Such a prefix can begin no key, and must not lead out of the root either.
  const none: Walk = { folders: [], unreadable: undefined };
  if (start !== "" && keyProblem(start.slice(0, -1)) !== undefined) return none;
  if (!isReachable(root, start, onForeign)) return none;
  const first = openFolder(join(root, start), start, prefix.slice(slash), onForeign);
  return { ...none, folders: first === undefined ? [] : [first] };
}

/**
 * The files still ahead of `walk`, in UTF-8 byte order of the whole key: a folder sorts as its name and a slash, so
 * `dir-2/x` comes before `dir/x`. Holds one chain of folders in memory. `walk` is what is left, at every yield. What may
 * not be read is passed over and thrown as `denied` at the end, so that all else is listed whatever the listing is worth.
 */
export function* walkFiles(walk: Walk, onForeign: OnForeign): Generator<WalkedFile, void, undefined> {
  const { folders } = walk;
  for (let folder = folders.at(-1); folder !== undefined; folder = folders.at(-1)) {
    try {
      yield* filesOf(folder, folders, onForeign);
    } catch (error) {
      if (!isFeedctlError(error, "denied")) throw error;
      walk.unreadable ??= { count: 0, first: packError(error) };
      walk.unreadable.count++;
    }
  }
  if (walk.unreadable !== undefined) throw unreadable(walk.unreadable);
}

/** The files of a folder up to the next folder below it, which is then the last of `folders`. */
function* filesOf(
  folder: OpenFolder,
  folders: OpenFolder[],
  onForeign: OnForeign,
): Generator<WalkedFile, void, undefined> {
  for (;;) {
    const entry = folder.entries[folder.next++];
    if (entry === undefined) {
      folders.pop();
      if (folder.missed && !isStill(folder)) throw changed(folder.path);
      return;
    }
    const key = folder.prefix + entry;
    if (entry.endsWith("/")) {
      const path = join(folder.path, entry.slice(0, -1));
      const below = openFolder(path, key, "", onForeign);
      if (below === undefined) throw changed(path);
      folders.push(below);
      return;
    }
    const path = `${folder.path}/${entry}`;
    const stats = statFile(path);
    if (stats?.isFile()) yield { key: key as Key, size: stats.size, mtimeMs: stats.mtimeMs, ino: stats.ino };
    else if (stats === undefined) folder.missed = true;
    else if (stats.isDirectory()) throw changed(path);
    else onForeign(key);
  }
}

/** Whether the folder of a prefix is there and is reached through real folders only. */
function isReachable(root: string, start: string, onForeign: OnForeign): boolean {
  const segments = start.split("/").slice(0, -1);
  for (let i = 1; i <= segments.length; i++) {
    const key = segments.slice(0, i).join("/");
    const stats = statFile(join(root, key));
    if (stats?.isSymbolicLink()) onForeign(key);
    if (!stats?.isDirectory()) return false;
  }
  return true;
}

/** Reads one folder; undefined when it does not exist. */
function openFolder(path: string, prefix: string, startsWith: string, onForeign: OnForeign): OpenFolder | undefined {
  const stats = statFolder(path, prefix);
  if (stats === undefined) return undefined;
  const entries: string[] = [];
  const add = (dirent: Dirent) => {
    const { name } = dirent;
    if (!name.startsWith(startsWith) || isTemporaryName(name)) return;
    const folder = dirent.isDirectory();
    const known = folder || dirent.isFile();
    const problem = known ? keyProblem(prefix.length < 256 ? name : prefix + name) : "is no regular file";
    if (problem === undefined) entries.push(folder ? `${name}/` : name);
    else onForeign(prefix + name);
  };
  try {
    const read = stats.size > LARGE_FOLDER ? readPiecewise : readAtOnce;
    const doubtful = read(path, add);
    if (doubtful.length > 0) withoutBrokenNames(path, prefix, doubtful, onForeign).forEach(add);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskError(error, "list", path);
  }
  return { path, prefix, inode: inodeOf(stats), entries: sorted(entries), next: 0, missed: false };
}

/** Returns the entries whose names may be no UTF-8. */
function readAtOnce(path: string, add: (dirent: Dirent) => void): Dirent[] {
  const doubtful: Dirent[] = [];
  for (const dirent of readdirSync(path, { withFileTypes: true })) {
    if (dirent.name.includes("\ufffd")) doubtful.push(dirent);
    else add(dirent);
  }
  return doubtful;
}

/** The same at half the speed and a fraction of the memory. */
function readPiecewise(path: string, add: (dirent: Dirent) => void): Dirent[] {
  const doubtful: Dirent[] = [];
  const folder = opendirSync(path, { bufferSize: ENTRIES_AT_ONCE });
  try {
    for (let dirent = folder.readSync(); dirent !== null; dirent = folder.readSync()) {
      if (dirent.name.includes("\ufffd")) doubtful.push(dirent);
      else add(dirent);
    }
  } finally {
    folder.closeSync();
  }
  return doubtful;
}

/** Only surrogates make UTF-16 order differ from that of UTF-8, and the built-in order is several times faster. */
function sorted(entries: string[]): string[] {
  const surrogates = entries.some((name) => /[\ud800-\udfff]/.test(name));
  return surrogates ? entries.sort(compareKeys) : entries.sort();
}

/** Reports names that are no UTF-8, which node decodes with U+FFFD, and leaves them out. */
function withoutBrokenNames(path: string, prefix: string, dirents: Dirent[], onForeign: OnForeign): Dirent[] {
  const genuine = new Set<string>();
  for (const bytes of readdirSync(path, { encoding: "buffer" })) {
    const name = bytes.toString();
    if (Buffer.from(name).equals(bytes)) genuine.add(name);
    else onForeign(prefix + name);
  }
  const seen = new Set<string>();
  return dirents.filter(({ name }) => {
    // A broken name decodes to what a genuine one may be called as well; one entry of that name is enough.
    if (!genuine.has(name) || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

function statFile(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw diskError(error, "list", path);
  }
}

/** Undefined when there is none. Only the root may be a link. */
function statFolder(path: string, prefix: string): Stats | undefined {
  try {
    const stats = prefix === "" ? statSync(path, { throwIfNoEntry: false }) : statFile(path);
    if (stats !== undefined && prefix !== "" && !stats.isDirectory()) throw changed(path);
    return stats;
  } catch (error) {
    throw diskError(error, "list", path);
  }
}

/** Tells one folder from another under the same path. */
function inodeOf({ dev, ino }: Stats): string {
  return `${dev}-${ino}`;
}

function isStill({ path, prefix, inode }: OpenFolder): boolean {
  const stats = statFolder(path, prefix);
  return stats !== undefined && inodeOf(stats) === inode;
}

/** Told last, for a listing that lacks a folder is not complete. */
function unreadable({ count, first }: { count: number; first: PackedError }): FeedctlError {
  const others = count === 1 ? "" : `; ${count - 1} other ${count === 2 ? "place" : "places"} cannot be read either`;
  return new FeedctlError(first.code, `${first.message}${others}`, {
    hint: "all the rest was listed; let this user read it, and run it again",
    cause: first.cause,
  });
}

/** Never skipped: a listing that misses a folder would let a mirror delete what is still there. */
function changed(path: string): FeedctlError {
  return new FeedctlError("unavailable", `cannot list ${path}: it vanished or changed while it was being listed`);
}
