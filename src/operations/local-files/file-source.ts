import { systemCode, unnamedMessage } from "../../lib/files/system-code.ts";
import { access, constants, lstat } from "node:fs/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { openRegularFile } from "../../lib/files/open-regular-file.ts";
import { tagOf } from "../../stores/disk/index.ts";
import { sameBlob } from "../../stores/same-tag.ts";
import { changedFile, openMarked, type FileMark } from "./file-mark.ts";
import type { BlobSource } from "../../stores/store.ts";

export const CHUNK = 1024 * 1024;

/** A local file as a blob source. With `mark`, only the file that was found is read. */
export function fileSource(path: string, size: number, mark?: FileMark): BlobSource {
  return {
    size,
    path,
    ...(mark !== undefined && { pathTag: tagOf(mark) }),
    async open(range, signal) {
      const handle = mark === undefined ? (await openRegularFile(path))?.handle : await openMarked(path, mark);
      if (handle === undefined) throw changedFile();
      const bounds =
        range === undefined ? {} : { start: range.start, ...(range.end === undefined ? {} : { end: range.end - 1 }) };
      // the stream allocates a buffer of this size for each read, however small the file is
      const highWaterMark = Math.min(CHUNK, Math.max(size, 1));
      return handle.createReadStream({ highWaterMark, ...bounds, ...(signal === undefined ? {} : { signal }) });
    },
  };
}

/**
 * Why storing a file failed, when its source is the reason: it changed since it was hashed, or it cannot be read.
 * Undefined when the file is unchanged, so that the store is at fault.
 */
export async function fileProblem(
  { path = "", size, pathTag }: Pick<BlobSource, "path" | "size" | "pathTag">,
  failure: unknown,
): Promise<FeedctlError | undefined> {
  try {
    await access(path, constants.R_OK);
    const stats = await lstat(path);
    const isSame = stats.isFile() && stats.size === size && (pathTag === undefined || sameBlob(pathTag, tagOf(stats)));
    if (isSame && !isFeedctlError(failure, "corrupt")) return undefined;
    return new FeedctlError("corrupt", "the file changed while it was stored");
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    return new FeedctlError(
      "not-found",
      gone ? "the file vanished before it was stored" : "could not read the file any more",
      { cause: error },
    );
  }
}

/**
 * Translates an error of reading a local file to a `FeedctlError`. Other errors, and aborts, are returned as they are.
 */
export function fileError(error: unknown): unknown {
  if (isFeedctlError(error) || !(error instanceof Error) || !("code" in error)) return error;
  if (error.name === "AbortError") return error;
  const code = systemCode(error);
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return new FeedctlError("not-found", "the file vanished while it was read", { cause: error });
    case "EACCES":
    case "EPERM":
      return new FeedctlError("denied", "could not read the file: permission denied", { cause: error });
    default:
      return code === undefined
        ? error
        : new FeedctlError("unavailable", `could not read the file: ${unnamedMessage(error) ?? error.message}`, {
            cause: error,
          });
  }
}
