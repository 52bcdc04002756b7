import { existsSync, watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Tells of new and changed files below folders, as far as the system does. */
export interface FolderWatch extends Disposable {
  /** From now on these folders, and no others. What cannot be watched is left out without a word. */
  follow(folders: readonly string[]): void;
  /** Resolves after `milliseconds`, or earlier when something is there that may not have been since the last call. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Events come in bursts, and a folder that is being filled must not keep anybody busy. */
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
        // what has gone is no news: whoever reacts to this by deleting would wake himself
        if (name !== null && !existsSync(join(folder, name))) return;
        changed = true;
        wake();
      });
      watchers.set(folder, watcher);
      // a folder that went away, too many watchers: the next look comes with time
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
