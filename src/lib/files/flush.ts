import { closeSync, fsyncSync, openSync } from "node:fs";
import { open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { mapParallel } from "../concurrency/parallel.ts";

/** Flushes a folder, so that the names in it survive a power cut. Does nothing where the system cannot. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    if (!cannotFlush(error)) throw error;
  } finally {
    await handle?.close();
  }
}

/** The same, for callers that cannot wait. */
export function syncFolderNow(folder: string): void {
  let file: number | undefined;
  try {
    file = openSync(folder, "r");
    fsyncSync(file);
  } catch (error) {
    if (!cannotFlush(error)) throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * Flushes a folder with everything below it. Files in parallel, because a file system commits concurrent flushes
 * together: 1,100 files in 0.25 s instead of 2 s (ext4, November 2026).
 */
export async function flushTree(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for await (const _flushed of mapParallel(entries, 16, async (entry) => {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await syncFolder(path);
    else if (entry.isFile()) await flushFile(path);
  }));
  await syncFolder(root);
}

async function flushFile(path: string): Promise<void> {
  await using handle = await open(path, "r+"); // Windows flushes only what may be written
  await handle.sync();
}

/** Windows cannot flush a folder, some network file systems refuse to, and a concurrent delete may have removed it. */
function cannotFlush(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return ["EPERM", "EISDIR", "EINVAL", "ENOTSUP", "EACCES", "ENOENT", "EBADF"].includes(code);
}
