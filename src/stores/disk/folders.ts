import { readdir, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolders } from "../../lib/files/make-folders.ts";
import { openFolder, type Folder } from "../../lib/files/open-folder.ts";
import type { Key } from "../../lib/key.ts";
import { syncFolder } from "../../lib/files/flush.ts";

export { syncFolder } from "../../lib/files/flush.ts";

/** Creates the folder and its missing parents. `durable`: flushes them, so that they survive a power cut. */
export async function makeFolder(folder: string, durable: boolean): Promise<void> {
  const first = await makeFolders(folder);
  if (first === undefined || !durable) return;
  // A new folder survives a power cut only when its parent is flushed.
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Removes a folder that holds nothing but folders. Follows no link. Returns false when it holds anything else. */
export async function removeFoldersOnly(parent: Folder, name: string): Promise<boolean> {
  {
    using folder = await parent.folder(name);
    for (const entry of await readdir(folder.self, { withFileTypes: true }))
      if (!entry.isDirectory() || !(await removeFoldersOnly(folder, entry.name))) return false;
  }
  await rmdir(parent.at(name));
  return true;
}

/** Removes the folders of a key below `root` while they are empty. Follows no link. Never fails. */
export async function removeEmptyFolders(root: string, key: Key): Promise<void> {
  const segments = key.split("/").slice(0, -1);
  const parents: Folder[] = [];
  try {
    if (segments.length > 0) parents.push(await openFolder(root));
    for (const segment of segments.slice(0, -1)) parents.push(await (parents.at(-1) as Folder).folder(segment));
    for (const parent of parents.toReversed()) await rmdir(parent.at(segments.pop() as string));
  } catch {
    // Not empty, already removed, or permission denied: an empty folder that stays does no harm.
  } finally {
    for (const folder of parents) folder[Symbol.dispose]();
  }
}
