import { existsSync, lstatSync, watch, type FSWatcher } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { platform } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Watches folders and all folders below them for new and changed files, as far as the system supports that. */
export interface FolderWatch extends Disposable {
  /** Sets the folders to watch. A folder that cannot be watched is ignored. */
  follow(folders: readonly string[]): Promise<void>;
  /** Resolves after `milliseconds`, or earlier if a file may have appeared or changed since the last call. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface FolderWatchOptions {
  /** Called when a watched folder was moved, created anew or mounted over. What is at its path is watched now. */
  replaced?(folder: string): void;
  /** Called when the system refuses further watches. Not called again before all folders could be watched. */
  exhausted?(folder: string): void;
  /** Shortest wait in milliseconds. Events come in bursts, and a folder that is being filled has many of them. */
  pause?: number;
  /** Milliseconds between two looks at the paths: a watch stays with its folder, whatever is at the path. */
  check?: number;
  /** What a test replaces. */
  watchFolder?: typeof watch;
}

/**
 * Linux needs a watch for each folder, of which a user has a limited number, and reports the files in it. Elsewhere one
 * watch reports everything below. Node would watch each file on Linux.
 */
const RECURSIVE = platform() !== "linux";
const EXHAUSTED = new Set(["ENOSPC", "EMFILE", "ENFILE", "ENOMEM"]);

export function createFolderWatch(options: FolderWatchOptions = {}): FolderWatch {
  const { pause = 1000, check = 3000, watchFolder = watch } = options;
  const trees = new Map<string, Tree>();
  let isExhausted = false;
  let changed = false;
  let wake = () => {};
  let looking: Promise<void> | undefined;

  function note(): void {
    changed = true;
    wake();
  }

  async function look(): Promise<void> {
    for (const [path, tree] of trees) {
      if (!(await tree.beginAnew())) continue;
      options.replaced?.(path);
      note();
    }
  }

  return {
    async follow(folders) {
      for (const [path, tree] of trees) {
        if (folders.includes(path)) continue;
        tree[Symbol.dispose]();
        trees.delete(path);
      }
      let refused: string | undefined;
      for (const path of folders) {
        let tree = trees.get(path);
        if (tree === undefined) trees.set(path, (tree = createTree(path, watchFolder, note)));
        if (!(await tree.follow())) refused ??= path;
      }
      if (refused !== undefined && !isExhausted) options.exhausted?.(refused);
      isExhausted = refused !== undefined;
    },
    async wait(milliseconds, signal) {
      const end = new AbortController();
      wake = () => end.abort();
      const either = AbortSignal.any([signal, end.signal]);
      // a look at a share that does not answer must not hold up the wait
      const timer = setInterval(() => {
        looking ??= look().finally(() => (looking = undefined));
      }, check);
      try {
        await sleep(Math.min(pause, milliseconds), undefined, { signal });
        if (!changed) await sleep(Math.max(0, milliseconds - pause), undefined, { signal: either });
      } catch (error) {
        if (signal.aborted) throw error;
      } finally {
        clearInterval(timer);
        wake = () => {};
        changed = false;
      }
    },
    [Symbol.dispose]() {
      for (const tree of trees.values()) tree[Symbol.dispose]();
      trees.clear();
    },
  };
}

/** The watches of a folder and of all folders below it. */
interface Tree extends Disposable {
  /** Watches the folders that are there now. Returns false when the system refuses further watches. */
  follow(): Promise<boolean>;
  /** Watches another folder, if one is at the path now. Returns whether it does. */
  beginAnew(): Promise<boolean>;
}

function createTree(path: string, watchFolder: typeof watch, note: () => void): Tree {
  const watches = new Map<string, { identity: string; watcher: FSWatcher }>();
  /** Device and inode of what is watched at the path; undefined while nothing is there. */
  let identity: string | undefined;
  let isClosed = false;

  function unwatch(folder: string): void {
    watches.get(folder)?.watcher.close();
    watches.delete(folder);
  }

  /**
   * Linux reports a folder's own end as that of an entry with its name. The next folder at the path may get the inode of the
   * last one.
   */
  function lose(folder: string): void {
    unwatch(folder);
    if (folder === path) identity = undefined;
  }

  /** Watches one folder, unless it is watched. Returns false when the system refuses further watches. */
  function start(folder: string, now: string): boolean {
    if (isClosed || watches.get(folder)?.identity === now) return true;
    unwatch(folder);
    try {
      const watcher = watchFolder(folder, { recursive: RECURSIVE, persistent: false }, (_event, name) => {
        const changed = name === null ? folder : join(folder, name);
        // Ignore deletions: a caller that deletes files would wake itself.
        if (!existsSync(changed)) return name === basename(folder) ? lose(folder) : undefined;
        if (!RECURSIVE && isFolder(changed)) void followFolder(changed, new Set());
        note();
      });
      watches.set(folder, { identity: now, watcher });
      watcher.on("error", () => unwatch(folder));
      return true;
    } catch (error) {
      return !EXHAUSTED.has((error as NodeJS.ErrnoException).code ?? "");
    }
  }

  /** Watches a folder and those below it, and adds them to `seen`. */
  async function followFolder(folder: string, seen: Set<string>): Promise<boolean> {
    const now = await identityOf(folder);
    if (now === undefined) return true;
    seen.add(folder);
    if (!start(folder, now)) return false;
    if (RECURSIVE) return true;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries)
      if (entry.isDirectory() && !(await followFolder(join(folder, entry.name), seen))) return false;
    return true;
  }

  function unwatchAll(): void {
    for (const folder of watches.keys()) unwatch(folder);
  }

  return {
    async follow() {
      identity ??= await identityOf(path);
      const seen = new Set<string>();
      const isComplete = await followFolder(path, seen);
      for (const folder of watches.keys()) if (!seen.has(folder)) unwatch(folder);
      return isComplete;
    },
    async beginAnew() {
      const now = await identityOf(path);
      if (now === identity || isClosed) return false;
      unwatchAll();
      identity = now;
      if (now === undefined) return false;
      await followFolder(path, new Set());
      return true;
    },
    [Symbol.dispose]() {
      isClosed = true;
      unwatchAll();
    },
  };
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Device and inode of a folder; undefined when it does not exist or cannot be read. */
async function identityOf(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev}-${ino}`;
  } catch {
    return undefined;
  }
}
