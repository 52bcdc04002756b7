import { open } from "node:fs/promises";
import type { PackageFile } from "../format.ts";

/** Random access to a package file, for containers whose bodies need not be read. */
export interface FileReader extends AsyncDisposable {
  readonly size: number;
  /** Fewer bytes than `length` only where the file ends. */
  read(offset: number, length: number): Promise<Buffer>;
}

export async function openReader(file: PackageFile): Promise<FileReader> {
  const { bytes } = file;
  if (bytes !== undefined) {
    const read = async (offset: number, length: number) => bytes.subarray(offset, offset + Math.max(0, length));
    return { size: bytes.length, read, [Symbol.asyncDispose]: async () => {} };
  }
  const handle = await open(file.path, "r");
  return {
    size: file.size,
    async read(offset, length) {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, file.size - offset)));
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
