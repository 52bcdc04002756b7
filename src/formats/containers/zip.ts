import { openAsBlob } from "node:fs";
import { BlobReader, configure, ZipReader, ZipWriter, type Entry } from "@zip.js/zip.js";
import { FeedctlError } from "../../errors.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { limits, type LimitName } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import { decodeCodePage437, type DecodeName } from "./name-encoding.ts";
import { plainName } from "./plain-name.ts";
import { createReadRanges } from "./read-ranges.ts";
import { isSmallMember, unpackMember } from "./zip-member.ts";
import { createTwins } from "./zip-twins.ts";

// A worker per package costs more than unpacking its manifest.
configure({ useWebWorkers: false });

export interface ZipEntry {
  /** The name in the archive; never absolute, and without `..`, `.` and empty segments. */
  name: string;
  directory: boolean;
  /** A symbolic link, whose content is its target. */
  link: boolean;
  encrypted: boolean;
  /** The archive was made on MS-DOS or Windows, where a backslash in a name separates folders. */
  fromWindows: boolean;
  /** The name is not UTF-8, no encoding was given, and code page 437 is a guess only: another system made the archive. */
  foreignName: boolean;
  modified: Date;
  /** Uncompressed size as the archive states it. */
  size: number;
  /** The content, checked against its CRC and its local header. Throws before unpacking more bytes than the limit. */
  read(limit: LimitName): Promise<Buffer>;
  /** The content in chunks, checked in the same way. The caller must limit its length. */
  chunks(): AsyncGenerator<Uint8Array, void>;
}

export interface ZipOptions extends ReadOptions {
  /** The limit of the number of entries. Default: `zipEntries`. */
  limit?: LimitName | undefined;
  /** Decodes names without the UTF-8 mark. Default: UTF-8 where the bytes are, else code page 437. */
  decodeName?: DecodeName | undefined;
}

/** Systems in "version made by" (APPNOTE 4.4.2.2): MS-DOS, NTFS, NTFS as Info-ZIP numbers it, VFAT. */
const WINDOWS = new Set([0, 10, 11, 14]);

/**
 * The entries of a zip archive in the order of its directory. Reads the end of the file, then only the requested
 * entries, which can be read during and after the iteration. Rejects what two tools could read differently: data before
 * or after the archive, entries of one name with different content, headers that contradict the directory, overlapping
 * entries. Rejects more entries than the limit. Of entries with one name and the same content it yields the first.
 */
export async function* zipEntries(file: PackageFile, options: ZipOptions = {}): AsyncGenerator<ZipEntry, void> {
  const reader = new BoundedReader(await openAsBlob(file.path));
  const twins = createTwins();
  const decoded = options.decodeName !== undefined;
  for await (const listed of listEntries(reader, options, twins.rename))
    if (!twins.isTwin(listed.index)) yield createEntry(listed, decoded);
  if (twins.count === 0) return;
  // the first of them were forgotten: an archive may have half a million names
  twins.restart();
  for await (const listed of listEntries(reader, options, twins.rename))
    await twins.compare(listed.index, listed.entry.offset, createEntry(listed, decoded));
}

interface Listed {
  index: number;
  /** Its name in the archive. */
  name: string;
  entry: Entry;
  /**
   * Checks the entry's headers, and that it shares no bytes with another one. Writes its content into `sink`, if given.
   * Returns the offset of its packed bytes.
   */
  open(sink: WritableStream<Uint8Array> | undefined): Promise<number>;
  /** Packed bytes of the archive. */
  readPacked(offset: number, length: number): Promise<Uint8Array>;
}

/** `rename`: the name under which zip.js knows an entry, which rejects duplicates; undefined: its own. */
async function* listEntries(
  source: BoundedReader,
  { limit = "zipEntries", decodeName, signal }: ZipOptions,
  rename: (name: string) => string | undefined,
): AsyncGenerator<Listed, void> {
  let name = "";
  let roots = 0;
  const reader = new ZipReader(source, {
    strictness: "strict",
    checkCrc32: true,
    checkOverlappingEntry: true,
    ...(decodeName && { filenameEncoding: GIVEN }),
    // zip.js turns control characters of code page 437 into symbols
    decodeText: (bytes, encoding, type) => {
      if (encoding === GIVEN && type === "filename") return decodeName?.(bytes);
      return encoding === "cp437" ? decodeCodePage437(bytes) : undefined;
    },
    normalizeFilename: (given) => {
      name = plainName(given);
      // the folder that the archive is unpacked into
      const known = name === "" ? `${ROOT}${roots++}` : name;
      return rename(known) ?? known;
    },
    ...(signal && { signal }),
  });
  const ranges = createReadRanges();
  const entries = reader.getEntriesGenerator();
  for (let index = 0; ; index++) {
    const { done, value } = await entries.next().catch((error: unknown) => rejectZip(error));
    if (done === true) return;
    if (index === limits[limit]) throw beyondLimit(limit, "the zip archive holds", { noun: "entries" });
    if (index % 1000 === 999) signal?.throwIfAborted();
    const own = name;
    if (own === "") continue;
    const open: Listed["open"] = async (sink) => {
      // zip.js keeps all that it knows of each entry that was read, 11 KB, to compare its range with those of others
      Object.assign(reader, { readRanges: { indexes: new Set(), sortedRanges: [], pendingRanges: [] } });
      if (value.directory) throw invalid(`"${own}" is a directory`);
      await value.getData(sink ?? new WritableStream(), { checkOverlappingEntryOnly: sink === undefined });
      const offset = value.localDirectory?.dataOffset ?? value.offset;
      if (!ranges.add(index, value.offset, offset + value.compressedSize))
        throw invalid(`"${own}" overlaps another entry of the zip archive`);
      return offset;
    };
    const readPacked: Listed["readPacked"] = (offset, length) => source.readUint8Array(offset, length);
    yield { index, name: own, entry: value, open, readPacked };
  }
}

/** Replaces the name of an entry for the root folder, which is then skipped. U+FFFF is in no name of a file. */
const ROOT = "\uffff";

/**
 * Limits the directory, which zip.js reads into memory whole: a hostile archive can declare one as large as the file.
 * Keeps the block that was read last: zip.js asks three times for each entry, and entries follow one another.
 */
class BoundedReader extends BlobReader {
  #block: { offset: number; bytes: Uint8Array } | undefined;

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    if (length > limits.zipDirectory) throw beyondLimit("zipDirectory", "the directory of the zip archive has");
    if (length > BLOCK / 2) return super.readUint8Array(offset, length);
    let block = this.#block;
    if (block === undefined || offset < block.offset || offset + length > block.offset + block.bytes.length) {
      block = { offset, bytes: await super.readUint8Array(offset, BLOCK) };
      this.#block = block;
    }
    return block.bytes.slice(offset - block.offset, offset - block.offset + length);
  }
}

const BLOCK = 64 * 1024;

/** Stands for the given decoder, in zip.js's option for the name of an encoding. */
const GIVEN = "given";

/** Entries up to this size are yielded as a whole, which saves a stream for each. */
const SMALL = 64 * 1024;

function createEntry(listed: Listed, decoded: boolean): ZipEntry {
  const { entry, name } = listed;
  const fromWindows = WINDOWS.has(entry.versionMadeBy >> 8);
  const guessed = !decoded && !fromWindows && !entry.filenameUTF8;
  return {
    name,
    directory: entry.directory,
    link: entry.symlink,
    encrypted: entry.encrypted,
    fromWindows,
    foreignName: guessed && entry.rawFilename.some((byte) => byte >= 0x80),
    modified: entry.lastModDate,
    size: entry.uncompressedSize,
    async *chunks() {
      if (entry.directory) throw invalid(`"${name}" is a directory`);
      if (entry.uncompressedSize > SMALL) yield* readStream(listed);
      else yield await readAll(listed, SMALL, () => invalid(`"${name}" is longer than it says`));
    },
    async read(limit) {
      if (entry.directory) throw invalid(`"${name}" is a directory`);
      return readAll(listed, limits[limit], () => beyondLimit(limit, `"${name}" has`));
    },
  };
}

async function* readStream({ name, open }: Listed): AsyncGenerator<Uint8Array, void> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const done = open(writable).then(
    () => undefined,
    async (error: unknown) => {
      // an error before the first byte leaves the stream open, and its reader would wait
      await writable.abort(error).catch(() => {});
      return { error };
    },
  );
  let complete = false;
  try {
    for await (const chunk of readable as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) yield chunk;
    complete = true;
  } catch (error) {
    complete = true;
    rejectZip((await done)?.error ?? error, name);
  } finally {
    if (!complete) await done; // the consumer stopped early
  }
  const failure = await done;
  if (failure !== undefined) rejectZip(failure.error, name);
}

/** Stated sizes can lie, so what comes out is counted as well. */
async function readAll({ entry, name, open, readPacked }: Listed, most: number, tooLong: () => Error): Promise<Buffer> {
  const { compressedSize: packed, uncompressedSize: size, compressionMethod: method, crc32: crc } = entry;
  if (size > most) throw tooLong();
  try {
    if (isSmallMember({ packed, size }) && (method === 0 || method === 8) && crc !== undefined) {
      const bytes = await readPacked(await open(undefined), packed);
      return unpackMember(bytes, { name, packed, size, method, crc });
    }
    const chunks: Uint8Array[] = [];
    let total = 0;
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        total += chunk.length;
        if (total > most) throw tooLong();
        chunks.push(chunk);
      },
    });
    await open(sink);
    return Buffer.concat(chunks);
  } catch (error) {
    rejectZip(error, name);
  }
}

/** zip.js has no error class: an error while reading is about the archive, unless it comes from the system. */
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

/** An entry to write into an archive. */
export interface NewEntry {
  /** The name of a folder ends with a slash. */
  name: string;
  modified: Date;
  /** Undefined: a folder. */
  bytes: AsyncIterable<Uint8Array> | undefined;
}

/** The bytes of a zip archive of the entries, in their order. The output is reproducible. */
export async function* writeZip(entries: AsyncIterable<NewEntry>): AsyncGenerator<Uint8Array, void> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stop = new AbortController();
  const write = async () => {
    // fixed permissions: nothing in the archive depends on this machine
    const writer = new ZipWriter(writable, { ntfsTimestamp: false, keepOrder: true, level: 6, unixMode: 0o644 });
    for await (const { name, modified, bytes } of entries) {
      stop.signal.throwIfAborted();
      const options = { lastModDate: modified, rawLastModDate: dosTime(modified), signal: stop.signal };
      if (bytes === undefined) await writer.add(name, undefined, { ...options, directory: true, unixMode: 0o755 });
      else await writer.add(name, ReadableStream.from(bytes), options);
    }
    await writer.close();
  };
  const done = write().then(
    () => undefined,
    async (error: unknown) => {
      await writable.abort(error).catch(() => {});
      return { error };
    },
  );
  try {
    for await (const chunk of readable as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    throw (await done)?.error ?? error;
  } finally {
    stop.abort();
  }
  const failure = await done;
  if (failure !== undefined) throw failure.error;
}

/**
 * The DOS time field of a zip entry is a local time without a zone, from 1980 on. We write UTC there; the extended
 * timestamp field has the exact time.
 */
function dosTime(date: Date): number {
  const year = date.getUTCFullYear();
  if (year < 1980 || year > 2107) return year < 1980 ? 0x21_0000 : 0xff9f_bf7d;
  const day = ((year - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return day * 0x1_0000 + time;
}
