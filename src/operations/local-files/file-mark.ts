import type { Stats } from "node:fs";
import { lstat, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, relative, sep } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { openFolderBelow, type Folder } from "../../lib/files/open-folder.ts";
import { openRegularFileByName } from "../../lib/files/open-regular-file.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";

/** Identifies a file and its content: a replaced or rewritten file has another mark. */
export interface FileMark {
  dev: number;
  ino: number;
  size: number;
  mtimeMs: number;
  /** The time of the last change of content or properties. Unlike `mtimeMs` no program can set it. */
  ctimeMs: number;
}

/** A local file that was found below a root. */
export interface MarkedFile {
  /** Links are followed in its path, and nowhere below it. */
  root: string;
  /** The absolute path by name. */
  path: string;
  /** As the file was when it was found, seen through the handles of its folders. */
  mark: FileMark;
}

export function markOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): FileMark {
  return { dev, ino, size, mtimeMs, ctimeMs };
}

/** Whether nothing about the file has changed. */
export function sameMark(a: FileMark, b: FileMark): boolean {
  return sameFile(a, b) && a.ctimeMs === b.ctimeMs;
}

/** Whether it is the same file with the same content. A new name or other permissions make no difference. */
export function sameFile(a: FileMark, b: FileMark): boolean {
  return a.dev === b.dev && sameContent(a, b);
}

function sameContent(a: FileMark, b: FileMark): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino;
}

/** The mark of whatever the path names now; undefined when it does not exist. */
export async function currentMark(path: string): Promise<FileMark | undefined> {
  try {
    return markOf(await lstat(path));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * As `lstat`, asked from the server: an NFS client answers `lstat` from memory for up to a minute, but asks when a file
 * is opened (nfs(5), "Close-to-open cache consistency").
 */
export async function freshStats(path: string): Promise<Stats> {
  try {
    const opened = await openRegularFileByName(path);
    await opened?.handle.close();
    if (opened !== undefined) return opened.stats;
  } catch (error) {
    if (isAbsent(error)) throw error;
    // the file may not be read, which whoever reads it reports
  }
  return lstat(path);
}

export function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** Opens the folder of a file through the handles of the folders above it. Rejects as `openFolderBelow`. */
export function openFolderOf(root: string, path: string): Promise<Folder> {
  const inner = relative(root, dirname(path));
  return openFolderBelow(root, inner === "" ? [] : inner.split(sep));
}

/** Opens the folders of files, and keeps the last one open: files come folder by folder. */
export interface FoldersOfFiles extends Disposable {
  /** The folder of a file, as `openFolderOf` opens it. It is closed by the next call for a file of another folder. */
  of(root: string, path: string): Promise<Folder>;
}

export function createFoldersOfFiles(): FoldersOfFiles {
  let last: { root: string; folder: Folder } | undefined;
  const close = () => last?.folder[Symbol.dispose]();
  return {
    async of(root, path) {
      if (last?.root === root && last.folder.path === dirname(path)) return last.folder;
      const folder = await openFolderOf(root, path);
      close();
      last = { root, folder };
      return folder;
    },
    [Symbol.dispose]: close,
  };
}

/**
 * Opens a file for reading, if it is still the one that was found: a link that has replaced one of its folders leads to
 * a file with another mark. Rejects with `corrupt` otherwise, and with the file system's error.
 */
export async function openMarked(path: string, mark: FileMark): Promise<FileHandle> {
  const opened = await openRegularFileByName(path);
  if (opened !== undefined && sameFile(markOf(opened.stats), mark)) return opened.handle;
  await opened?.handle.close();
  throw changedFile();
}

export function changedFile(): FeedctlError {
  return new FeedctlError("corrupt", "the file changed while it was read", { hint: "wait until it is complete" });
}

/**
 * Deletes an imported source file, if nothing about it has changed. `gone`: it does not exist any more. `changed`: it
 * was replaced or rewritten, and was not deleted. `isSame` may accept more. Rejects with the file system's error.
 */
export async function removeSource(
  { root, path, mark }: MarkedFile,
  isSame: typeof sameMark = sameMark,
): Promise<"removed" | "gone" | "changed"> {
  let folder: Folder;
  try {
    folder = await openFolderOf(root, path);
  } catch (error) {
    if (isAbsent(error)) return "gone";
    if ((error as NodeJS.ErrnoException).code === "ELOOP") return "changed";
    throw error;
  }
  using opened = folder;
  try {
    const entry = opened.at(basename(path));
    if (!isSame(markOf(await lstat(entry)), mark)) return "changed";
    await unlink(entry);
    return "removed";
  } catch (error) {
    if (isAbsent(error)) return "gone";
    throw opened.explain(error);
  }
}

/**
 * Whether the file is the store's own blob. Marks are compared, not paths: a directory that is mounted twice has two
 * paths. Device numbers are not compared: a share that is mounted twice has two.
 */
export async function isOwnBlob(store: Store, key: Key, path = ""): Promise<boolean> {
  const own = store.localPath?.(key);
  const [blob, file] = await Promise.all([own === undefined ? undefined : currentMark(own), currentMark(path)]);
  return blob !== undefined && file !== undefined && sameContent(blob, file);
}
