import { openAsBlob } from "node:fs";
import { BlobReader, configure, ZipReader, type Entry } from "@zip.js/zip.js";
import { FeedctlError } from "../errors.ts";
import type { PackageFile, ReadOptions } from "./format.ts";
import { limits } from "./limits.ts";
import { invalid } from "./read-package.ts";

// A worker per package costs more than unpacking its manifest.
configure({ useWebWorkers: false });

export interface ZipEntry {
  /** As the archive spells it; never absolute, without `..`, `.` and empty segments between slashes. */
  name: string;
  directory: boolean;
  /** Uncompressed size as the archive states it. */
  size: number;
  /** The content, checked against its CRC and its local header. Throws before unpacking more than `limit` bytes. */
  read(limit: number): Promise<Buffer>;
}

/**
 * The entries of a zip archive in the order of its directory; reads the end of the file and then only what is asked
 * for. Entries can be read during and after the iteration. Rejects whatever two tools could understand differently:
 * data before or after the archive, duplicate names, headers that contradict the directory, overlapping entries.
 */
export async function* zipEntries(file: PackageFile, options: ReadOptions = {}): AsyncGenerator<ZipEntry, void> {
  const blob = await openAsBlob(file.path);
  const reader = new ZipReader(new BoundedReader(blob), {
    strictness: "strict",
    checkCrc32: true,
    checkOverlappingEntry: true,
    ...(options.signal && { signal: options.signal }),
  });
  let count = 0;
  const entries = reader.getEntriesGenerator();
  for (;;) {
    const { done, value } = await entries.next().catch((error: unknown) => rejectZip(error));
    if (done === true) return;
    if (++count > limits.zipEntries) throw invalid(`the zip archive holds more than ${limits.zipEntries} entries`);
    if (count % 1000 === 0) options.signal?.throwIfAborted();
    yield createEntry(value);
  }
}

/** A hostile archive can declare a directory as large as the file; it would be read into memory as a whole. */
class BoundedReader extends BlobReader {
  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    if (length > limits.zipDirectory)
      throw invalid(`the zip archive's directory is larger than ${limits.zipDirectory} bytes`);
    return super.readUint8Array(offset, length);
  }
}

function createEntry(entry: Entry): ZipEntry {
  return {
    name: entry.filename,
    directory: entry.directory,
    size: entry.uncompressedSize,
    async read(limit) {
      if (entry.directory) throw invalid(`"${entry.filename}" is a directory`);
      const tooLong = () => invalid(`"${entry.filename}" is longer than ${limit} bytes`);
      // Stated sizes can lie, so what comes out is counted as well.
      if (entry.uncompressedSize > limit) throw tooLong();
      const chunks: Uint8Array[] = [];
      let total = 0;
      const sink = new WritableStream<Uint8Array>({
        write(chunk) {
          total += chunk.length;
          if (total > limit) throw tooLong();
          chunks.push(chunk);
        },
      });
      await entry.getData(sink).catch((error: unknown) => rejectZip(error, entry.filename));
      return Buffer.concat(chunks);
    },
  };
}

/** zip.js has no error class; whatever it throws while reading is about the archive, unless the system said so. */
function rejectZip(error: unknown, entry?: string): never {
  if (error instanceof FeedctlError) throw error;
  const { name, message, reason, filename, code } = error as Error &
    Partial<Record<"reason" | "filename" | "code", string>>;
  if (name === "NotReadableError" || name === "AbortError" || (code?.startsWith("E") && !code.startsWith("ERR_")))
    throw error;
  const where = entry === undefined ? "the zip archive cannot be read" : `"${entry}" in the zip archive cannot be read`;
  const detail = reason ?? (filename && JSON.stringify(filename));
  const what = detail === undefined ? message : `${message}: ${detail}`;
  throw invalid(`${where} (${what.charAt(0).toLowerCase()}${what.slice(1)})`, error);
}
