import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { HEAD } from "../../lib/detect-type.ts";
import { createHead } from "../../lib/bytes/collect-head.ts";
import { readHandle } from "../../lib/files/read-handle.ts";
import { hashBytes, hashStream, type Hashes } from "../../lib/bytes/hash.ts";
import type { BlobSource } from "../../stores/store.ts";
import { changedFile, openMarked, type FileMark } from "./file-mark.ts";
import { fileError, fileSource } from "./file-source.ts";

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
 * Rejects with the errors of `fileError`, and with `corrupt` when the file is not the one with the mark.
 */
export async function readLocalFile(
  path: string,
  mark: FileMark,
  signal: AbortSignal | undefined,
  onRead?: (bytes: number) => void,
): Promise<LocalFile> {
  try {
    await using handle = await openMarked(path, mark);
    return mark.size <= MOST_IN_MEMORY
      ? await readSmall(handle, mark)
      : await readLarge({ handle, path, mark }, signal, onRead);
  } catch (error) {
    throw fileError(error);
  }
}

async function readSmall(handle: FileHandle, { size }: FileMark): Promise<LocalFile> {
  const bytes = await handle.readFile();
  if (bytes.length !== size) throw changedFile();
  const open: BlobSource["open"] = async (range) => Readable.from([bytes.subarray(range?.start ?? 0, range?.end)]);
  return { source: { size, open }, hashes: hashBytes(bytes), head: bytes.subarray(0, HEAD) };
}

async function readLarge(
  { handle, path, mark }: { handle: FileHandle; path: string; mark: FileMark },
  signal: AbortSignal | undefined,
  onRead: ((bytes: number) => void) | undefined,
): Promise<LocalFile> {
  const head = createHead(HEAD);
  let done = 0;
  const { size: read, ...hashes } = await hashStream(readHandle(handle, signal), (chunk) => {
    head.add(chunk);
    onRead?.((done += chunk.length));
  });
  if (read !== mark.size) throw changedFile();
  return { source: fileSource(path, read, mark), hashes, head: head.bytes() };
}
