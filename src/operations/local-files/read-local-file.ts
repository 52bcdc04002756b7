import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { HEAD } from "../../lib/detect-type.ts";
import { createHead } from "../../lib/collect-head.ts";
import { hashBytes, hashStream, type Hashes } from "../../lib/hash.ts";
import type { BlobSource } from "../../stores/store.ts";
import { CHUNK, fileError, fileSource } from "./file-source.ts";

/** Up to this size a file is read once and kept in memory until it is stored. */
const MOST_IN_MEMORY = 256 * 1024;

export interface LocalFile {
  source: BlobSource;
  hashes: Hashes;
  /** The first bytes, for `detectType`. */
  head: Uint8Array;
}

/**
 * Hashes a local file, and returns it as a blob source. `onRead` gets the bytes read so far, for large files only.
 * Rejects with the errors of `fileError`, and with `corrupt` when the file has not `size` bytes.
 */
export async function readLocalFile(
  path: string,
  size: number,
  signal: AbortSignal | undefined,
  onRead?: (bytes: number) => void,
): Promise<LocalFile> {
  try {
    return size <= MOST_IN_MEMORY ? await readSmall(path, size) : await readLarge(path, size, signal, onRead);
  } catch (error) {
    throw fileError(error);
  }
}

async function readSmall(path: string, size: number): Promise<LocalFile> {
  const bytes = await readFile(path);
  if (bytes.length !== size) throw changing();
  const open: BlobSource["open"] = async (range) => Readable.from([bytes.subarray(range?.start ?? 0, range?.end)]);
  return { source: { size, open }, hashes: hashBytes(bytes), head: bytes.subarray(0, HEAD) };
}

async function readLarge(
  path: string,
  size: number,
  signal: AbortSignal | undefined,
  onRead: ((bytes: number) => void) | undefined,
): Promise<LocalFile> {
  const head = createHead(HEAD);
  let done = 0;
  const { size: read, ...hashes } = await hashStream(
    createReadStream(path, { highWaterMark: CHUNK, ...(signal && { signal }) }),
    (chunk) => {
      head.add(chunk);
      onRead?.((done += chunk.length));
    },
  );
  if (read !== size) throw changing();
  return { source: fileSource(path, size), hashes, head: head.bytes() };
}

function changing(): FeedctlError {
  return new FeedctlError("corrupt", "the file changed while it was read", { hint: "wait until it is complete" });
}
