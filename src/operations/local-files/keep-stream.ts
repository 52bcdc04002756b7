import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { diskError } from "../../stores/disk/index.ts";
import type { Context } from "../context.ts";

/** Throws `usage` when standard input is a terminal: reading it would wait forever. */
export function requirePiped(stdin: Readable, hint = "pipe a file into it, or give a path instead"): void {
  if ((stdin as { isTTY?: boolean }).isTTY)
    throw new FeedctlError("usage", "- is standard input, which is a terminal", { hint });
}

/**
 * Writes standard input to a temporary file, because stores need its size, and read the bytes again when they retry.
 * Disposing the result deletes the file. Rejects with `full` when the temporary folder has not enough space.
 */
export async function keepStream(
  { signal }: Context,
  stream: AsyncIterable<Uint8Array>,
): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "feedctl-stdin-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "standard-input");
    await pipeline(stream, createWriteStream(path, { mode: 0o600 }), { signal });
    return { path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    const known = diskError(error, "keep standard input in", folder);
    if (!isFeedctlError(known, "full")) throw known;
    throw new FeedctlError("full", known.message, { cause: error, hint: "set TMPDIR to a folder with more space" });
  }
}
