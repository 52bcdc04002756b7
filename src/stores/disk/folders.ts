import { mkdir, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../../lib/flush.ts";

export { syncFolder } from "../../lib/flush.ts";

/** Creates the folder and its missing parents. `durable`: flushes them, so that they survive a power cut. */
export async function makeFolder(folder: string, durable: boolean): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined || !durable) return;
  // A new folder survives a power cut only when its parent is flushed.
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Removes `folder` and its parents below `root` while they are empty. Never fails. */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  try {
    for (let empty = folder; empty.length > root.length; empty = dirname(empty)) await rmdir(empty);
  } catch {
    // Not empty, already removed, or permission denied: an empty folder that stays does no harm.
  }
}
