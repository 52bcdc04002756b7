import { existsSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Watches folders for new and changed files, as far as the system supports that. */
export interface FolderWatch extends Disposable {
  /** Sets the folders to watch. A folder that cannot be watched is ignored. */
  follow(folders: readonly string[]): void;
  /** Resolves after `milliseconds`, or earlier if a file may have appeared or changed since the last call. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Shortest wait in milliseconds. Events come in bursts, and a folder that is being filled has many of them. */
const LEAST_PAUSE = 1000;

export function createFolderWatch(): FolderWatch {
  const watchers = new Map<string, FSWatcher>();
  let changed = false;
  let wake = () => {};

  function unfollow(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  function start(folder: string): void {
    try {
      const watcher = watch(folder, { recursive: true, persistent: false }, (_event, name) => {
        // Ignore deletions: a caller that deletes files would wake itself.
        if (name !== null && !existsSync(join(folder, name))) return;
        changed = true;
        wake();
      });
      watchers.set(folder, watcher);
      // A folder was deleted, or there are too many watchers: only the timeout remains.
      watcher.on("error", () => unfollow(folder));
    } catch {
      unfollow(folder);
    }
  }

  return {
    follow(folders) {
      for (const folder of watchers.keys()) if (!folders.includes(folder) || !existsSync(folder)) unfollow(folder);
      for (const folder of folders) if (!watchers.has(folder)) start(folder);
    },
    async wait(milliseconds, signal) {
      const end = new AbortController();
      wake = () => end.abort();
      const either = AbortSignal.any([signal, end.signal]);
      try {
        await sleep(Math.min(LEAST_PAUSE, milliseconds), undefined, { signal });
        if (!changed) await sleep(Math.max(0, milliseconds - LEAST_PAUSE), undefined, { signal: either });
      } catch (error) {
        if (signal.aborted) throw error;
      } finally {
        wake = () => {};
        changed = false;
      }
    },
    [Symbol.dispose]() {
      for (const folder of watchers.keys()) unfollow(folder);
    },
  };
}
