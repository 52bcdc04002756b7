// Walks the folders of a disk store. Its calls are synchronous, which is 3 to 5 times faster than promises. Its state
// is plain data, so that another thread can continue a walk.
import { lstatSync, opendirSync, readdirSync, statSync } from "node:fs";
import type { Dirent, Stats } from "node:fs";
import { join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { diskError, errnoOf } from "./errors.ts";
import { packError, type PackedError } from "../../errors.ts";
import type { FileFacts } from "./info.ts";
import { isTemporaryName } from "./names.ts";
import { compareKeys, isMarker, isProbe, keyProblem, pathProblem, PROBES } from "../../lib/key.ts";
import type { Key } from "../../lib/key.ts";
import type { ListOptions } from "../store.ts";

export interface WalkedFile extends FileFacts {
  key: Key;
}

/** The state of a walk. Can be cloned and sent to a thread. */
export interface Walk {
  /** The folders from the first to the one being read. */
  folders: OpenFolder[];
  /** How many folders or files could not be read, and the error of the first. */
  unreadable: { count: number; first: PackedError } | undefined;
}

interface OpenFolder {
  path: string;
  /** Key prefix of its entries: "" or ends in a slash. */
  prefix: string;
  inode: string;
  /** Sorted. A folder's name ends in a slash, and sorts with it. */
  entries: string[];
  next: number;
  /** A file did not exist when its stats were read. The inode then proves that the folder was not replaced. */
  missed: boolean;
}

/** Size of a folder with thousands of entries, in bytes, on file systems that report it. */
const LARGE_FOLDER = 256 * 1024;
const ENTRIES_AT_ONCE = 512;

type OnForeign = NonNullable<ListOptions["onForeign"]>;

/** Starts a walk at the deepest folder that contains every key with this prefix. */
export function startWalk(root: string, prefix: string, onForeign: OnForeign): Walk {
  const slash = prefix.lastIndexOf("/") + 1;
  const start = prefix.slice(0, slash);
  // No key begins with such a prefix, and it might lead out of the root.
  const none: Walk = { folders: [], unreadable: undefined };
  if (start !== "" && pathProblem(start.slice(0, -1)) !== undefined) return none;
  if (!isReachable(root, start, onForeign)) return none;
  const first = openFolder(join(root, start), start, prefix.slice(slash), onForeign);
  return { ...none, folders: first === undefined ? [] : [first] };
}

/**
 * Yields the remaining files of `walk`, in UTF-8 byte order of the whole key: a folder sorts as its name and a slash,
 * so `dir-2/x` comes before `dir/x`. Updates `walk` before every yield. Memory: one path of folders. Folders and files
 * that may not be read are skipped, and `denied` is thrown at the end.
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

/** Yields the files of a folder up to its next subfolder, which it pushes onto `folders`. */
function* filesOf(
  folder: OpenFolder,
  folders: OpenFolder[],
  onForeign: OnForeign,
): Generator<WalkedFile, void, undefined> {
  const hidesProbes = folder.prefix.endsWith(PROBES) && folders[0]?.prefix.startsWith(PROBES) === false;
  for (;;) {
    const entry = folder.entries[folder.next++];
    if (entry === undefined) {
      folders.pop();
      if (folder.missed && !isStill(folder)) throw changed(folder.path);
      return;
    }
    const key = folder.prefix + entry;
    if (hidesProbes && isProbe(key)) continue;
    if (entry.endsWith("/")) {
      const path = join(folder.path, entry.slice(0, -1));
      const below = openFolder(path, key, "", onForeign);
      if (below === undefined) throw changed(path);
      folders.push(below);
      return;
    }
    const path = `${folder.path}/${entry}`;
    const stats = statFile(path);
    if (stats?.isFile())
      yield { key: key as Key, size: stats.size, mtimeMs: stats.mtimeMs, ino: stats.ino, ctimeMs: stats.ctimeMs };
    else if (stats === undefined) folder.missed = true;
    else if (stats.isDirectory()) throw changed(path);
    else onForeign(key);
  }
}

/** Whether the folder of a prefix exists and no folder on its path is a symbolic link. */
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
    if (!name.startsWith(startsWith) || isTemporaryName(name) || (isMarker(name) && dirent.isFile())) return;
    const folder = dirent.isDirectory();
    if (!folder && !dirent.isFile()) return onForeign(prefix + name);
    const problem = keyProblem(prefix.length < 256 ? name : prefix + name);
    if (problem === undefined) entries.push(folder ? `${name}/` : name);
    else onForeign(prefix + name, problem);
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

/** Returns the entries whose names may not be UTF-8. */
function readAtOnce(path: string, add: (dirent: Dirent) => void): Dirent[] {
  const doubtful: Dirent[] = [];
  for (const dirent of readdirSync(path, { withFileTypes: true })) {
    if (dirent.name.includes("\ufffd")) doubtful.push(dirent);
    else add(dirent);
  }
  return doubtful;
}

/** As `readAtOnce`, at half the speed and with a fraction of the memory. */
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

/** Sorts in UTF-8 byte order. UTF-16 order, which is several times faster, only differs where there are surrogates. */
function sorted(entries: string[]): string[] {
  const surrogates = entries.some((name) => /[\ud800-\udfff]/.test(name));
  return surrogates ? entries.sort(compareKeys) : entries.sort();
}

/** Reports and removes names that are not UTF-8, which Node decodes with U+FFFD. */
function withoutBrokenNames(path: string, prefix: string, dirents: Dirent[], onForeign: OnForeign): Dirent[] {
  const genuine = new Set<string>();
  for (const bytes of readdirSync(path, { encoding: "buffer" })) {
    const name = bytes.toString();
    if (Buffer.from(name).equals(bytes)) genuine.add(name);
    else onForeign(prefix + name, "is not UTF-8");
  }
  const seen = new Set<string>();
  return dirents.filter(({ name }) => {
    // A broken name may decode to the same text as a valid one; keep one entry of that name.
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

/** Undefined when the folder does not exist. Only the root may be a symbolic link. */
function statFolder(path: string, prefix: string): Stats | undefined {
  try {
    const stats = prefix === "" ? statSync(path, { throwIfNoEntry: false }) : statFile(path);
    if (stats !== undefined && prefix !== "" && !stats.isDirectory()) throw changed(path);
    return stats;
  } catch (error) {
    throw diskError(error, "list", path);
  }
}

/** Identifies a folder, so that another folder under the same path is detected. */
function inodeOf({ dev, ino }: Stats): string {
  return `${dev}-${ino}`;
}

function isStill({ path, prefix, inode }: OpenFolder): boolean {
  const stats = statFolder(path, prefix);
  return stats !== undefined && inodeOf(stats) === inode;
}

/** The error at the end of the listing, which is incomplete without these folders. */
function unreadable({ count, first }: { count: number; first: PackedError }): FeedctlError {
  const others = count === 1 ? "" : `; ${count - 1} other ${count === 2 ? "path" : "paths"} could not be read`;
  return new FeedctlError(first.code, `${first.message}${others}`, {
    hint: "everything else was listed; give this user permission to read it, and run it again",
    cause: first.cause,
  });
}

/** Thrown, never skipped: a mirror deletes what a listing leaves out. */
function changed(path: string): FeedctlError {
  return new FeedctlError("unavailable", `cannot list ${path}: it vanished or changed while it was being listed`);
}
