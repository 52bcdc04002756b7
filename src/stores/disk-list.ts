import { lstatSync, readdirSync, statSync } from "node:fs";
import type { Dirent, Stats } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { FeedctlError } from "../errors.ts";
import { diskError, errnoOf } from "./disk-errors.ts";
import { isTemporaryName } from "./disk-names.ts";
import { compareKeys, keyProblem } from "./key.ts";
import type { Key } from "./key.ts";
import { throwIfInterrupted } from "./signal.ts";

/** How many entries are looked at in one go. Synchronous calls are 3 to 5 times faster than promises, but block. */
const BATCH = 500;

export interface ListedFile {
  key: Key;
  stats: Stats;
}

export interface ListFilesOptions {
  signal?: AbortSignal | undefined;
  onForeign?: ((name: string) => void) | undefined;
}

interface Entry {
  name: string;
  folder: boolean;
}

interface OpenFolder {
  path: string;
  /** Key prefix of its entries: "" or ends in a slash. */
  prefix: string;
  inode: string;
  entries: Entry[];
  next: number;
  /** A file was gone when it was looked at: then the folder must prove that it is still itself. */
  missed: boolean;
}

/**
 * The files below `root` whose key starts with `prefix`, in UTF-8 byte order of the whole key: a folder sorts as its
 * name and a slash, so `dir-2/x` comes before `dir/x`. Holds one chain of folders in memory.
 */
export async function* listFiles(
  root: string,
  prefix: string,
  { signal, onForeign = () => {} }: ListFilesOptions,
): AsyncGenerator<ListedFile, void, undefined> {
  throwIfInterrupted(signal);
  const slash = prefix.lastIndexOf("/") + 1;
  const start = prefix.slice(0, slash);
  // Such a prefix can begin no key, and must not lead out of the root either.
  if (start !== "" && keyProblem(start.slice(0, -1)) !== undefined) return;
  if (!isReachable(root, start, onForeign)) return;
  const first = openFolder(join(root, start), start, prefix.slice(slash), onForeign);
  const chain = first === undefined ? [] : [first];
  let looked = 0;
  for (let folder = chain.at(-1); folder !== undefined; folder = chain.at(-1)) {
    const entry = folder.entries[folder.next++];
    if (entry === undefined) {
      if (folder.missed && inodeOf(folder.path, folder.prefix) !== folder.inode) throw changed(folder.path);
      chain.pop();
      continue;
    }
    if (++looked % BATCH === 0) {
      await yieldToEvents();
      throwIfInterrupted(signal);
    }
    const path = join(folder.path, entry.name);
    const key = folder.prefix + entry.name;
    if (entry.folder) {
      const below = openFolder(path, `${key}/`, "", onForeign);
      if (below === undefined) throw changed(path);
      chain.push(below);
      continue;
    }
    const stats = statFile(path);
    if (stats?.isFile()) {
      yield { key: key as Key, stats };
      throwIfInterrupted(signal);
    } else if (stats === undefined) folder.missed = true;
    else if (stats.isDirectory()) throw changed(path);
    else onForeign(key);
  }
}

/** Whether the folder of a prefix is there and is reached through real folders only. */
function isReachable(root: string, start: string, onForeign: (name: string) => void): boolean {
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
function openFolder(
  path: string,
  prefix: string,
  startsWith: string,
  onForeign: (name: string) => void,
): OpenFolder | undefined {
  const inode = inodeOf(path, prefix);
  if (inode === undefined) return undefined;
  let dirents: Dirent[];
  try {
    dirents = readdirSync(path, { withFileTypes: true });
    const doubtful = dirents.some((dirent) => dirent.name.includes("\ufffd"));
    if (doubtful) dirents = withoutBrokenNames(path, prefix, dirents, onForeign);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw diskError(error, "list", path);
  }
  const entries: Entry[] = [];
  for (const dirent of dirents) {
    const { name } = dirent;
    if (!name.startsWith(startsWith) || isTemporaryName(name)) continue;
    const folder = dirent.isDirectory();
    const known = folder || dirent.isFile();
    if (known && keyProblem(prefix.length < 256 ? name : prefix + name) === undefined) entries.push({ name, folder });
    else onForeign(prefix + name);
  }
  entries.sort((a, b) => compareKeys(sortName(a), sortName(b)));
  return { path, prefix, inode, entries, next: 0, missed: false };
}

function sortName({ name, folder }: Entry): string {
  return folder ? `${name}/` : name;
}

/** Reports names that are no UTF-8, which node decodes with U+FFFD, and leaves them out. */
function withoutBrokenNames(
  path: string,
  prefix: string,
  dirents: Dirent[],
  onForeign: (name: string) => void,
): Dirent[] {
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

/** Tells one folder from another under the same path; undefined when there is none. Only the root may be a link. */
function inodeOf(path: string, prefix: string): string | undefined {
  try {
    const stats = prefix === "" ? statSync(path, { throwIfNoEntry: false }) : statFile(path);
    if (stats === undefined) return undefined;
    if (prefix !== "" && !stats.isDirectory()) throw changed(path);
    return `${stats.dev}-${stats.ino}`;
  } catch (error) {
    throw diskError(error, "list", path);
  }
}

/** Never skipped: a listing that misses a folder would let a mirror delete what is still there. */
function changed(path: string): FeedctlError {
  return new FeedctlError("unavailable", `cannot list ${path}: it vanished or changed while it was being listed`);
}
