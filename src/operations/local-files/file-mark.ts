import type { Stats } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";

/** Identifies a file and its content: a replaced or rewritten file has another mark. */
export interface FileMark {
  size: number;
  mtimeMs: number;
  ino: number;
}

export function markOf({ size, mtimeMs, ino }: Stats): FileMark {
  return { size, mtimeMs, ino };
}

export function sameMark(a: FileMark, b: FileMark): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino;
}

/** The file's current mark; undefined when it does not exist. */
export async function currentMark(path: string): Promise<FileMark | undefined> {
  try {
    return markOf(await lstat(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

export function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/**
 * Deletes an imported source file, if it still has the mark. `gone`: it does not exist any more. `changed`: it was
 * replaced or rewritten, and was not deleted. Rejects with the file system's error.
 */
export async function removeSource(path: string, mark: FileMark): Promise<"removed" | "gone" | "changed"> {
  const now = await currentMark(path);
  if (now === undefined) return "gone";
  if (!sameMark(now, mark)) return "changed";
  try {
    await unlink(path);
    return "removed";
  } catch (error) {
    if (isAbsent(error)) return "gone";
    throw error;
  }
}

/**
 * Whether the file is the store's own blob. Marks are compared, not paths: a directory that is mounted twice has two
 * paths. Device numbers are not compared: a share that is mounted twice has two.
 */
export async function isOwnBlob(store: Store, key: Key, path = ""): Promise<boolean> {
  const own = store.localPath?.(key);
  const [blob, file] = await Promise.all([own === undefined ? undefined : currentMark(own), currentMark(path)]);
  return blob !== undefined && file !== undefined && sameMark(blob, file);
}
