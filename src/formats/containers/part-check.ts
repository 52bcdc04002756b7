import { pipeline } from "node:stream/promises";
import { createHash } from "node:crypto";
import { crc32, createInflateRaw } from "node:zlib";
import type { ByteReader } from "../../lib/bytes/byte-reader.ts";
import { limits } from "../../lib/limits.ts";
import { createTarEnd } from "../../lib/archives/tar/end.ts";
import { LOCAL, LOCAL_LENGTH, type ZipMember } from "../../lib/archives/zip/directory.ts";
import { invalid } from "../read-package.ts";
import { CannotUnpackError } from "./cannot-unpack.ts";
import { unpackStream, type Packing } from "./unpack-stream.ts";
import { isSmallMember, requireContent, unpackError, unpackMember } from "./zip-member.ts";

/** A part of a file that can be checked while its bytes pass. Parts of one file do not overlap. */
export type CheckedPart =
  | { zip: ZipMember }
  /** With `.tar.` in its name, its content must be a whole tar archive. */
  | { packed: NamedRange & { packing: Packing } }
  | { tar: NamedRange }
  | { hashed: NamedRange & { hashes: readonly StatedHash[] } }
  /** Of a compression that cannot be read here. */
  | { unreadable: NamedRange };

interface NamedRange {
  name: string;
  start: number;
  end: number;
}

/** A hash that the file itself states of its bytes from `start` to the end of the part. */
export interface StatedHash {
  algorithm: string;
  start: number;
  hex: string;
}

export function startOf(part: CheckedPart): number {
  return "zip" in part ? part.zip.offset : rangeOf(part).start;
}

function rangeOf(part: Exclude<CheckedPart, { zip: ZipMember }>): NamedRange {
  if ("packed" in part) return part.packed;
  if ("hashed" in part) return part.hashed;
  return "tar" in part ? part.tar : part.unreadable;
}

const CHUNK = 64 * 1024;

/**
 * Checks parts against their own checksums. What would unpack to more than the limits, or cannot be unpacked here, is
 * passed over and counted: it must not keep a package out that nobody here unpacks.
 */
export interface PartChecker {
  /** Parts that would unpack to more than the limits. */
  readonly unchecked: number;
  /** Parts that are encrypted, or compressed in a way that cannot be read here. */
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
      if ("hashed" in part) return checkHashes(reader, part.hashed);
      if ("packed" in part) {
        const { read, unpacked } = await checkPacked(reader, part.packed, left);
        if (unpacked === BEYOND) unchecked++;
        else if (unpacked === UNREADABLE) unreadable++;
        else left -= unpacked;
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
const UNREADABLE = Symbol("cannot be unpacked here");

/** Unpacks compressed data to its end. `unpacked`: bytes, or why they are not known. */
async function checkPacked(
  reader: ByteReader,
  { name, start, end, packing }: NamedRange & { packing: Packing },
  most: number,
): Promise<{ read: number; unpacked: number | typeof BEYOND | typeof UNREADABLE }> {
  let read = 0;
  let unpacked = 0;
  const tar = /\.(?:tar\.(?:gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$/i.test(name) ? createTarEnd() : undefined;
  async function* counted() {
    for await (const piece of pieces(reader, end - start)) {
      read += piece.length;
      yield piece;
    }
  }
  try {
    for await (const chunk of unpackStream(packing, counted())) {
      unpacked += chunk.length;
      const isBomb = unpacked > limits.ratioFrom && unpacked > limits.ratio * read;
      if (isBomb || unpacked > most) return { read, unpacked: BEYOND };
      tar?.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    }
  } catch (error) {
    if (error instanceof CannotUnpackError) return { read, unpacked: UNREADABLE };
    throw error;
  }
  if (tar?.isCut() === true) throw cutTar(name);
  return { read, unpacked };
}

/** Reads a part to its end. Returns the bytes read. */
async function checkHashes(
  reader: ByteReader,
  { name, start, end, hashes }: NamedRange & { hashes: readonly StatedHash[] },
): Promise<number> {
  const running = hashes.map((stated) => ({ stated, hash: createHash(stated.algorithm) }));
  let at = start;
  for await (const piece of pieces(reader, end - start)) {
    for (const { stated, hash } of running) hash.update(piece.subarray(Math.max(0, stated.start - at)));
    at += piece.length;
  }
  for (const { stated, hash } of running)
    if (hash.digest("hex") !== stated.hex)
      throw invalid(`its ${name} does not match the ${stated.algorithm} in its headers`);
  return at - start;
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
