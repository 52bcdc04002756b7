import { close, closeSync, open, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";

const [openFile, readFrom, closeFile] = [promisify(open), promisify(read), promisify(close)];

/**
 * Reads a whole file that should have `size` bytes. Returns one byte more if it has grown, fewer if it has shrunk. A
 * stream costs several times as much time and garbage.
 */
export async function readSmall(path: string, size: number): Promise<Buffer> {
  const descriptor = await openFile(path, "r");
  try {
    const buffer = Buffer.allocUnsafeSlow(size + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await readFrom(descriptor, buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await closeFile(descriptor);
  }
}

/** The same for worker threads, which may block. Avoids Node's thread pool. */
export function readSmallSync(path: string, size: number): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafeSlow(size + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, length);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
