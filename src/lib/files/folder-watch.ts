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

/** A followed path and the folders watched for it. */
interface Root {
  /** Device and inode; undefined while no folder is there. */
  identity: string | undefined;
  watches: Map<string, { identity: string; watcher: FSWatcher }>;
}

/**
 * Linux needs a watch for each folder, of which a user has a limited number, and reports the files in it. Elsewhere one
 * watch reports everything below. Node would watch each file on Linux.
 */
const RECURSIVE = platform() !== "linux";
const EXHAUSTED = new Set(["ENOSPC", "EMFILE", "ENFILE", "ENOMEM"]);

export function createFolderWatch(options: FolderWatchOptions = {}): FolderWatch {
  const { pause = 1000, check = 3000, watchFolder = watch } = options;
  const roots = new Map<string, Root>();
  let isExhausted = false;
  let changed = false;
  let wake = () => {};
  let looking: Promise<void> | undefined;

  function note(): void {
    changed = true;
    wake();
  }

  function unwatch({ watches }: Root, folder: string): void {
    watches.get(folder)?.watcher.close();
    watches.delete(folder);
  }

  function forget(root: Root): void {
    for (const folder of root.watches.keys()) unwatch(root, folder);
    root.identity = undefined;
  }

  /**
   * Linux reports a folder's own end as that of an entry with its name. The next folder at the path may get the inode of the
   * last one.
   */
  function lose(root: Root, folder: string): void {
    unwatch(root, folder);
    if (roots.get(folder) === root) root.identity = undefined;
  }

  /** Watches one folder, unless it is watched. Returns false when the system refuses further watches. */
  function start(root: Root, folder: string, identity: string): boolean {
    if (root.watches.get(folder)?.identity === identity) return true;
    unwatch(root, folder);
    try {
      const watcher = watchFolder(folder, { recursive: RECURSIVE, persistent: false }, (_event, name) => {
        const path = name === null ? folder : join(folder, name);
        // Ignore deletions: a caller that deletes files would wake itself.
        if (!existsSync(path)) return name === basename(folder) ? lose(root, folder) : undefined;
        if (!RECURSIVE && isFolder(path)) void follow(root, path).catch(() => {});
        note();
      });
      root.watches.set(folder, { identity, watcher });
      watcher.on("error", () => unwatch(root, folder));
      return true;
    } catch (error) {
      return !EXHAUSTED.has((error as NodeJS.ErrnoException).code ?? "");
    }
  }

  /** Watches a folder and those below it. Adds them to `seen`. */
  async function follow(root: Root, folder: string, seen = new Set<string>()): Promise<boolean> {
    const identity = await identityOf(folder);
    if (identity === undefined) return true;
    seen.add(folder);
    if (!start(root, folder, identity)) return false;
    if (RECURSIVE) return true;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries)
      if (entry.isDirectory() && !(await follow(root, join(folder, entry.name), seen))) return false;
    return true;
  }

  /** Compares what is at each path with what is watched, and begins anew where another folder is. */
  async function look(): Promise<void> {
    for (const [path, root] of roots) {
      const identity = await identityOf(path);
      if (identity === root.identity || roots.get(path) !== root) continue;
      forget(root);
      if (identity === undefined) continue;
      root.identity = identity;
      await follow(root, path);
      options.replaced?.(path);
      note();
    }
  }

  return {
    async follow(folders) {
      for (const [path, root] of roots) {
        if (folders.includes(path)) continue;
        forget(root);
        roots.delete(path);
      }
      let refused: string | undefined;
      for (const path of folders) {
        let root = roots.get(path);
        if (root === undefined) roots.set(path, (root = { identity: await identityOf(path), watches: new Map() }));
        const seen = new Set<string>();
        const isComplete = await follow(root, path, seen);
        for (const folder of root.watches.keys()) if (!seen.has(folder)) unwatch(root, folder);
        if (!isComplete) refused ??= path;
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
      for (const root of roots.values()) forget(root);
      roots.clear();
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
