import type { Stats } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import type { Key } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";

/** By what a file is known again: another one of that name, or the same one written to, has another mark. */
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

/** The mark of the file there now; undefined where there is none. */
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

/** `gone`: somebody else took it. `changed`: another file stands there by now, and was left. Rejects with the disk's error. */
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
 * Whether the file is the store's own blob: the same directory, mounted twice, has two paths that no comparison of paths
 * sees through. Devices are not compared, since a share mounted twice has two of them.
 */
export async function isOwnBlob(store: Store, key: Key, path = ""): Promise<boolean> {
  const own = store.localPath?.(key);
  const [blob, file] = await Promise.all([own === undefined ? undefined : currentMark(own), currentMark(path)]);
  return blob !== undefined && file !== undefined && sameMark(blob, file);
}
