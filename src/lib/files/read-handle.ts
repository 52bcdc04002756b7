import type { FileHandle } from "node:fs/promises";

/** Bytes read at once. */
const CHUNK = 1024 * 1024;

/**
 * Yields the content of an open file from its first byte, and leaves the file open: a stream of a handle that must not
 * close it never ends for `for await`. Each chunk is a new buffer.
 */
export async function* readHandle(handle: FileHandle, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  for (let position = 0; ;) {
    signal?.throwIfAborted();
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
