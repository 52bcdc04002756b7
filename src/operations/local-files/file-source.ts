import { createReadStream } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { BlobSource } from "../../stores/store.ts";

export const CHUNK = 1024 * 1024;

/** A local file as a blob source. */
export function fileSource(path: string, size: number): BlobSource {
  return {
    size,
    path,
    async open(range, signal) {
      const bounds =
        range === undefined ? {} : { start: range.start, ...(range.end === undefined ? {} : { end: range.end - 1 }) };
      // room for more than there is would be made, and thrown away, all the same
      const room = Math.min(CHUNK, Math.max(size, 1));
      return createReadStream(path, { highWaterMark: room, ...bounds, ...(signal === undefined ? {} : { signal }) });
    },
  };
}

/** Whether a file is no longer what it was when its size and hash were taken, in contrast to a store that is gone. */
export async function fileProblem(
  { path = "", size }: BlobSource,
  failure: unknown,
): Promise<FeedctlError | undefined> {
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).size === size && !isFeedctlError(failure, "corrupt")) return undefined;
    return new FeedctlError("corrupt", "the file changed while it was stored");
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    return new FeedctlError(
      "not-found",
      gone ? "the file vanished before it was stored" : "the file cannot be read any more",
      { cause: error },
    );
  }
}

/** What reading a file failed with, in words. */
export function fileError(error: unknown): unknown {
  if (isFeedctlError(error) || !(error instanceof Error) || !("code" in error)) return error;
  if (error.name === "AbortError") return error;
  switch (error.code) {
    case "ENOENT":
      return new FeedctlError("not-found", "the file vanished while it was read", { cause: error });
    case "EACCES":
    case "EPERM":
      return new FeedctlError("denied", "the file cannot be read: permission denied", { cause: error });
    default:
      return typeof error.code === "string" && /^E[A-Z]+$/.test(error.code)
        ? new FeedctlError("unavailable", `the file cannot be read: ${error.message}`, { cause: error })
        : error;
  }
}
