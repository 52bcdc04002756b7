import { pipeline } from "node:stream/promises";
import { crc32, createGunzip, createInflateRaw, inflateRawSync } from "node:zlib";
import type { ByteReader } from "../../lib/byte-reader.ts";
import { limits } from "../../lib/limits.ts";
import { LOCAL, LOCAL_LENGTH, type ZipMember } from "../../lib/zip/directory.ts";
import { invalid } from "../read-package.ts";

/** A part of a file that can be checked while its bytes pass. Parts of one file do not overlap. */
export type CheckedPart = { zip: ZipMember } | { gzip: { name: string; start: number; end: number } };

export function startOf(part: CheckedPart): number {
  return "zip" in part ? part.zip.offset : part.gzip.start;
}

/** A member up to this size, packed and unpacked, is unpacked at once, which costs less than a stream. */
const SMALL = { packed: 256 * 1024, size: 4 * 1024 * 1024 };
const CHUNK = 64 * 1024;

/**
 * Checks parts against their own checksums. What would unpack to more than the limits is passed over and counted: it
 * must not keep a package out that nobody here unpacks.
 */
export interface PartChecker {
  readonly unchecked: number;
  /** Reads the part, which must be next. Returns the bytes read. Rejects with `invalid` for a damaged one. */
  check(reader: ByteReader, part: CheckedPart): Promise<number>;
}

export function createPartChecker(): PartChecker {
  let unchecked = 0;
  let left = limits.inflated;
  return {
    get unchecked() {
      return unchecked;
    },
    async check(reader, part) {
      if ("gzip" in part) {
        const { read, unpacked } = await checkGzip(reader, part.gzip, left);
        if (unpacked === undefined) unchecked++;
        left -= unpacked ?? 0;
        return read;
      }
      const { zip } = part;
      const header = await reader.read(LOCAL_LENGTH);
      if (header.length < LOCAL_LENGTH || header.readUInt32LE(0) !== LOCAL)
        throw invalid(`"${zip.name}" is not where the directory of the zip archive says`);
      const names = await reader.skip(header.readUInt16LE(26) + header.readUInt16LE(28));
      const isBomb = zip.size > left || (zip.size > limits.ratioFrom && zip.size > limits.ratio * zip.packed);
      if (isBomb) unchecked++;
      if (isBomb || zip.encrypted || ![0, 8].includes(zip.method)) return LOCAL_LENGTH + names;
      left -= zip.size;
      if (zip.size > 0 || zip.crc !== 0) await checkMember(reader, zip);
      else await reader.skip(zip.packed);
      return LOCAL_LENGTH + names + zip.packed;
    },
  };
}

async function checkMember(reader: ByteReader, member: ZipMember): Promise<void> {
  const { name, packed, size, crc, method } = member;
  const isSmall = packed <= SMALL.packed && size <= SMALL.size;
  let found: { size: number; crc: number };
  try {
    if (isSmall) found = unpackSmall(await reader.read(packed), member);
    else if (method === 0) found = await sumUp(pieces(reader, packed));
    else
      found = await pipeline(pieces(reader, packed), createInflateRaw({ chunkSize: CHUNK }), (chunks) =>
        sumUp(chunks as AsyncIterable<Buffer>, size),
      );
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!code.startsWith("Z_") && code !== "ERR_BUFFER_TOO_LARGE") throw error;
    throw damaged(name, code === "ERR_BUFFER_TOO_LARGE" ? "wrong size" : (error as Error).message, error);
  }
  if (found.size !== size) throw damaged(name, "wrong size");
  if (found.crc !== crc) throw damaged(name, "wrong checksum");
}

function damaged(name: string, how: string, cause?: unknown) {
  return invalid(`"${name}" in the zip archive is damaged (${how})`, cause);
}

function unpackSmall(bytes: Buffer, { method, size }: ZipMember): { size: number; crc: number } {
  // one byte more than expected shows that it is too long
  const content =
    method === 0 ? bytes : inflateRawSync(bytes, { maxOutputLength: size + 1, chunkSize: chunkFor(size) });
  return { size: content.length, crc: crc32(content) };
}

/** Zlib allocates chunks of this size, at least 64 bytes. */
function chunkFor(size: number): number {
  return Math.max(64, Math.min(size + 1, CHUNK));
}

async function sumUp(chunks: AsyncIterable<Buffer>, most = Infinity): Promise<{ size: number; crc: number }> {
  let size = 0;
  let crc = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    crc = crc32(chunk, crc);
    if (size > most) break;
  }
  return { size, crc };
}

/** Yields the next `length` bytes in chunks. */
async function* pieces(reader: ByteReader, length: number): AsyncGenerator<Buffer> {
  for (let missing = length; missing > 0;) {
    const piece = await reader.read(Math.min(missing, CHUNK));
    if (piece.length === 0) return;
    missing -= piece.length;
    yield piece;
  }
}

const BEYOND = Symbol("beyond the limits");

/** Unpacks gzip data to its end. `unpacked`: bytes; undefined when they exceed the limits. */
async function checkGzip(
  reader: ByteReader,
  { start, end }: { start: number; end: number },
  most: number,
): Promise<{ read: number; unpacked: number | undefined }> {
  let read = 0;
  let unpacked = 0;
  async function* counted() {
    for await (const piece of pieces(reader, end - start)) {
      read += piece.length;
      yield piece;
    }
  }
  try {
    await pipeline(counted(), createGunzip({ chunkSize: CHUNK }), async (chunks) => {
      for await (const chunk of chunks as AsyncIterable<Buffer>) {
        unpacked += chunk.length;
        const isBomb = unpacked > limits.ratioFrom && unpacked > limits.ratio * read;
        if (isBomb || unpacked > most) throw BEYOND;
      }
    });
    return { read, unpacked };
  } catch (error) {
    if (error === BEYOND) return { read, unpacked: undefined };
    throw error;
  }
}
