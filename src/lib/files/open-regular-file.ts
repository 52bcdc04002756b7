import { constants, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { descriptorPath, O_PATH, withPath } from "./open-folder.ts";

/** For opening files that others may replace: follows no link, and does not block on a named pipe. */
export const READ_ONLY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a regular file for reading. Undefined: the path names something else, such as a link or a pipe. The caller
 * closes the handle. Rejects with the file system's error, such as `ENOENT`.
 */
export async function openRegularFile(path: string): Promise<{ handle: FileHandle; stats: Stats } | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, READ_ONLY);
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, stats };
    await handle.close();
    return undefined;
  } catch (error) {
    await handle?.close();
    // ELOOP: a symbolic link. ENXIO: a socket. EISDIR: a folder, on Windows. EMLINK: a symbolic link, on FreeBSD.
    if (["EISDIR", "ELOOP", "ENXIO", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/**
 * As `openRegularFile`, for a path whose folders others may have replaced by links. A folder of devices or pipes, such
 * as `/dev`, must not be reached either: opening some has effects, such as a tape that rewinds. Where the system can,
 * the file is looked at through a handle that does not open it, and only a regular file is opened.
 */
export async function openRegularFileByName(path: string): ReturnType<typeof openRegularFile> {
  if (descriptorPath(0, path) === path) return openRegularFile(path);
  const peek = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (!(await peek.stat()).isFile()) return undefined;
    const handle = await open(descriptorPath(peek.fd, path), constants.O_RDONLY);
    return { handle, stats: await handle.stat() };
  } catch (error) {
    throw withPath(error, descriptorPath(peek.fd, path), path);
  } finally {
    await peek.close();
  }
}

/**
 * Whether it is a regular file that only this user can change: it is the user's own, not writable by all, and has no
 * second name. Windows reports neither users nor modes.
 */
export function isOwnFile(stats: Stats): boolean {
  const isOwn = process.geteuid === undefined || (stats.uid === process.geteuid() && (stats.mode & 0o002) === 0);
  return stats.isFile() && stats.nlink === 1 && isOwn;
}
