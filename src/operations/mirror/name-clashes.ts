import { lstatSync } from "node:fs";
import type { Key } from "../../lib/key.ts";
import { diskError } from "../../stores/disk/index.ts";
import type { Store } from "../../stores/store.ts";
import type { ForeignNames } from "./foreign-names.ts";

/**
 * Why a blob cannot be stored yet at a key that the target does not list.
 * - `lasting`: a file that stays has the name of one of its folders.
 * - `extra-file`: a file that is going to be deleted has the name of one of its folders.
 * - `folder`: a folder has its name. The folder goes when all files in it are deleted.
 */
export interface Clash {
  kind: "lasting" | "extra-file" | "folder";
  reason: string;
}

/** A key for which `wait` was called. `settled`: all files below it are going to be deleted. */
export type Decided<J> = J & { settled: boolean };

/**
 * Finds keys that a disk cannot store together: a file `a` excludes `a/b`, while buckets can hold both. Clashes are
 * found before any copy starts, so that a dry run reports them too, and so that the first in key order wins, whichever
 * copy is faster. Call all methods in the order of the keys. A target without `localPath` and `folders` has no clashes.
 */
export interface NameClashes<J extends { key: string }> {
  find(key: string): Clash | undefined;
  /** Adds a key that exists in the target or is going to be copied. `extra`: the target's file is going to be deleted. */
  add(key: string, extra?: boolean): void;
  /** Remembers a key whose clash is a `folder`, until all keys below it were added. */
  wait(job: J): void;
  /** Returns the waiting keys whose folder has been passed, and forgets them. `all`: no more keys will come. */
  take(all?: boolean): Decided<J>[];
  /** The number of extras whose place another file takes: a file of a folder's name, or the files of such a folder. */
  replaced(): number;
}

/**
 * `kept`: names in the target that are not keys; they are read when a key is decided. `foldsCase`: names that differ
 * only in case are one file in the target.
 */
export function createNameClashes<J extends { key: string }>({
  localPath,
  folders,
  kept,
  foldsCase = false,
}: {
  localPath?: Store["localPath"] | undefined;
  folders?: ReadonlySet<string> | undefined;
  kept?: Pick<ForeignNames, "covers" | "areIn"> | undefined;
  foldsCase?: boolean | undefined;
}): NameClashes<J> {
  if (localPath === undefined && folders === undefined)
    return { find: () => undefined, add: () => {}, wait: () => {}, take: () => [], replaced: () => 0 };
  // stacks: each key is a prefix of the next, and may be a folder of the keys to come
  const files: { key: string; extra: boolean; inWay?: boolean }[] = [];
  const waiting: Waiting<J>[] = [];
  let decided: Decided<J>[] = [];
  let replaced = 0;
  /** Keys that `find` has let pass, in lower case. Only of a target that folds case. */
  const passed = new Set<string>();

  function forgetPassed(key: string): void {
    while (files.length > 0 && isPassed(files.at(-1)!.key, key)) files.pop();
    while (waiting.length > 0 && isPassed(waiting.at(-1)!.job.key, key)) decide(waiting.pop()!);
  }

  function decide({ job, settled, extras }: Waiting<J>): void {
    // links and special files are not keys, so that `add` never gets them
    if (kept?.areIn(job.key) === true) settled = false;
    if (settled) replaced += extras;
    decided.push({ ...job, settled });
  }

  return {
    find(key) {
      forgetPassed(key);
      const above = files.filter((file) => key.startsWith(`${file.key}/`));
      const file = above.find(({ extra }) => !extra) ?? above[0];
      if (file?.extra === true && file.inWay !== true) {
        file.inWay = true;
        replaced++;
      }
      if (file !== undefined)
        return { kind: file.extra ? "extra-file" : "lasting", reason: `its folder ${file.key} exists as a file` };
      if (kept?.covers(key) === true) return kept.covers(folderOf(key)) ? NO_FOLDER : NO_FILE;
      if (foldsCase && passed.has(key.toLowerCase())) return OTHER_CASE;
      if (foldsCase) passed.add(key.toLowerCase());
      if (localPath !== undefined) return findOnDisk(localPath(key as Key), foldsCase);
      return folders?.has(key) === true ? FOLDER : undefined;
    },
    add(key, extra = false) {
      forgetPassed(key);
      files.push({ key, extra });
      for (const each of waiting) {
        if (!key.startsWith(`${each.job.key}/`)) continue;
        if (extra) each.extras++;
        else each.settled = false;
      }
    },
    wait(job) {
      forgetPassed(job.key);
      waiting.push({ job, settled: true, extras: 0 });
    },
    take(all = false) {
      if (all) for (const each of waiting.splice(0)) decide(each);
      const taken = decided;
      if (taken.length > 0) decided = [];
      return taken;
    },
    replaced: () => replaced,
  };
}

/** `extras`: how many files below it are going to be deleted. */
interface Waiting<J> {
  job: J;
  settled: boolean;
  extras: number;
}

const NO_FILE: Clash = { kind: "lasting", reason: "something of that name exists that is not a regular file" };
const NO_FOLDER: Clash = { kind: "lasting", reason: "a folder of its path exists as something that is not a folder" };
const FOLDER: Clash = { kind: "folder", reason: "a folder of that name exists" };

function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

const SLASH = "/".charCodeAt(0);

/** Whether no key below `before` can follow. Names such as `a-b` sort between `a` and `a/b`. */
function isPassed(before: string, key: string): boolean {
  return !(key.startsWith(before) && key.charCodeAt(before.length) <= SLASH);
}

const OTHER_CASE: Clash = {
  kind: "lasting",
  reason: "its name differs from another one only in upper and lower case, which are the same here",
};

function findOnDisk(path: string, foldsCase: boolean): Clash | undefined {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true && foldsCase) return OTHER_CASE; // the target lists it under its own name
    if (found === undefined || found.isFile()) return undefined;
    if (found.isDirectory()) return FOLDER;
    return NO_FILE;
  } catch (error) {
    const { message } = diskError(error, "write", path) as Error;
    return { kind: "lasting", reason: message };
  }
}
