import { createHash, type Hash } from "node:crypto";
import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { openFolderBelow, type Folder } from "../../lib/files/open-folder.ts";
import { openRegularFile } from "../../lib/files/open-regular-file.ts";
import { diskError } from "./errors.ts";
import { sameBlob } from "../same-tag.ts";
import { tagOf } from "./info.ts";
import { isAbsence } from "./parent.ts";
import { interrupted } from "../shared/signal.ts";
import type { BlobSource, ByteRange } from "../store.ts";

/** Bytes read at once. Node's default of 64 KiB costs twice the CPU time per byte. */
const CHUNK = 1024 * 1024;

/**
 * Opens the file of a blob. Undefined: it does not exist or is not a regular file. The caller closes the handle. `path`
 * is for messages.
 */
export async function openBlobFile(
  folder: Folder,
  name: string,
  path: string,
): Promise<{ handle: FileHandle; stats: Stats } | undefined> {
  try {
    return await openRegularFile(folder.at(name));
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw diskError(error, "read", path);
  }
}

/**
 * Opens the local file of a source. Throws `corrupt` when it is no longer the file that the source was made from. The
 * caller closes the handle.
 */
export async function openSourceFile(source: BlobSource, path: string): Promise<FileHandle> {
  let found;
  try {
    using folder = await openFolderBelow(...belowRoot(source, path));
    found = await openRegularFile(folder.at(basename(path)));
  } catch (error) {
    throw diskError(error, "read", path);
  }
  if (found !== undefined && (source.pathTag === undefined || sameBlob(source.pathTag, tagOf(found.stats))))
    return found.handle;
  await found?.handle.close();
  throw new FeedctlError("corrupt", `${path} changed while it was being read`);
}

/** The folder of a source file: a root in whose path links are followed, and the folders below it. */
export function belowRoot({ pathRoot }: Pick<BlobSource, "pathRoot">, path: string): [string, string[]] {
  const folder = dirname(path);
  const inner = pathRoot === undefined ? "" : relative(pathRoot, folder);
  return inner === "" ? [pathRoot ?? folder, []] : [pathRoot as string, inner.split(sep)];
}

/** Checks a range against a blob's size and fills in its end. Throws `usage` for a range that holds no byte. */
export function resolveRange(range: ByteRange | undefined, size: number, name: string): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size };
  const { start, end = Infinity } = range;
  const whole = Number.isSafeInteger(start) && (end === Infinity || Number.isSafeInteger(end));
  if (!whole || start < 0 || end <= start || start >= size) {
    throw new FeedctlError("usage", `cannot read bytes ${start} to ${end} of ${name}: it has ${size} bytes`);
  }
  return { start, end: Math.min(end, size) };
}

/** A stream of the bytes from `start` to `end`. It owns and closes the handle. An early end is `corrupt`. */
export function streamFile(
  handle: FileHandle,
  path: string,
  { start, end }: { start: number; end: number },
  signal?: AbortSignal,
): Readable {
  let position = start;
  // Not a generator: one that is never read never reaches its `finally`, and the handle would stay open.
  const stream = new Readable({
    highWaterMark: CHUNK,
    read() {
      if (position >= end) return void this.push(null);
      const wanted = Math.min(CHUNK, end - position);
      handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position).then(
        ({ bytesRead, buffer }) => {
          position += bytesRead;
          if (bytesRead > 0) this.push(buffer.subarray(0, bytesRead));
          else this.destroy(new FeedctlError("corrupt", `${path} ended early, at byte ${position} of ${end}`));
        },
        (error: unknown) => this.destroy(diskError(error, "read", path) as Error),
      );
    },
    destroy(error, callback) {
      signal?.removeEventListener("abort", abort);
      handle.close().then(() => callback(error), callback);
    },
  });
  const abort = () => stream.destroy(interrupted(signal?.reason));
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  return stream;
}

/** The size and sha256 of an open file, read from its first byte. */
export async function hashFile(handle: FileHandle, signal?: AbortSignal): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  const size = await hashInto(hash, handle, signal);
  return { size, sha256: hash.digest("hex") };
}

/** Updates a hash with the content of an open file. Returns the number of bytes. */
export async function hashInto(hash: Hash, handle: FileHandle, signal?: AbortSignal): Promise<number> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  let size = 0;
  for (;;) {
    if (signal?.aborted) throw interrupted(signal.reason);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size);
    if (bytesRead === 0) return size;
    hash.update(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
}
