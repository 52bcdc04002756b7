import { pipeline } from "node:stream/promises";
import { crc32, createGunzip, createInflateRaw } from "node:zlib";
import type { ByteReader } from "../../lib/byte-reader.ts";
import { limits } from "../../lib/limits.ts";
import { createTarEnd } from "../../lib/tar/end.ts";
import { LOCAL, LOCAL_LENGTH, type ZipMember } from "../../lib/zip/directory.ts";
import { invalid } from "../read-package.ts";
import { isSmallMember, requireContent, unpackError, unpackMember } from "./zip-member.ts";

/** A part of a file that can be checked while its bytes pass. Parts of one file do not overlap. */
export type CheckedPart =
  | { zip: ZipMember }
  /** With `tar` in its name, its content must be a whole tar archive. */
  | { gzip: NamedRange }
  | { tar: NamedRange }
  /** Of a compression that cannot be read here. */
  | { unreadable: NamedRange };

interface NamedRange {
  name: string;
  start: number;
  end: number;
}

export function startOf(part: CheckedPart): number {
  if ("zip" in part) return part.zip.offset;
  const range = "gzip" in part ? part.gzip : "tar" in part ? part.tar : part.unreadable;
  return range.start;
}

const CHUNK = 64 * 1024;

/**
 * Checks parts against their own checksums. What would unpack to more than the limits, or cannot be unpacked here, is
 * passed over and counted: it must not keep a package out that nobody here unpacks.
 */
export interface PartChecker {
  /** Parts that would unpack to more than the limits. */
  readonly unchecked: number;
  /** Members of zip archives that are encrypted, or compressed in a way that cannot be read here. */
  readonly unreadable: number;
  /** Reads the part, which must be next. Returns the bytes read. Rejects with `invalid` for a damaged one. */
  check(reader: ByteReader, part: CheckedPart): Promise<number>;
}

export function createPartChecker(): PartChecker {
  let unchecked = 0;
  let unreadable = 0;
  let left = limits.inflated;
  return {
    get unchecked() {
      return unchecked;
    },
    get unreadable() {
      return unreadable;
    },
    async check(reader, part) {
      if ("unreadable" in part) {
        unreadable++;
        return 0;
      }
      if ("tar" in part) return checkTar(reader, part.tar);
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
      const isUnreadable = zip.encrypted || ![0, 8].includes(zip.method);
      if (isUnreadable) unreadable++;
      else if (isBomb) unchecked++;
      if (isBomb || isUnreadable) return LOCAL_LENGTH + names;
      left -= zip.size;
      if (zip.size > 0 || zip.crc !== 0) await checkMember(reader, zip);
      else await reader.skip(zip.packed);
      return LOCAL_LENGTH + names + zip.packed;
    },
  };
}

async function checkMember(reader: ByteReader, member: ZipMember): Promise<void> {
  const { packed, size, method } = member;
  if (isSmallMember(member)) {
    unpackMember(await reader.read(packed), member);
    return;
  }
  try {
    const found =
      method === 0
        ? await sumUp(pieces(reader, packed))
        : await pipeline(pieces(reader, packed), createInflateRaw({ chunkSize: CHUNK }), (chunks) =>
            sumUp(chunks as AsyncIterable<Buffer>, size),
          );
    requireContent(member, found);
  } catch (error) {
    throw unpackError(member, error);
  }
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
  { name, start, end }: NamedRange,
  most: number,
): Promise<{ read: number; unpacked: number | undefined }> {
  let read = 0;
  let unpacked = 0;
  const tar = /\.(?:tar\.gz|tgz)$/i.test(name) ? createTarEnd() : undefined;
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
        tar?.push(chunk);
      }
    });
    if (tar?.isCut() === true) throw cutTar(name);
    return { read, unpacked };
  } catch (error) {
    if (error === BEYOND) return { read, unpacked: undefined };
    throw error;
  }
}

/** Reads an uncompressed tar archive to its end. Returns the bytes read. */
async function checkTar(reader: ByteReader, { name, start, end }: NamedRange): Promise<number> {
  const tar = createTarEnd();
  for await (const piece of pieces(reader, end - start)) tar.push(piece);
  if (tar.isCut()) throw cutTar(name);
  return end - start;
}

function cutTar(name: string) {
  return invalid(`the tar archive in "${name}" is cut off`);
}
