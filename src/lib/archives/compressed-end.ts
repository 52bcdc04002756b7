import { crc32 } from "node:zlib";

/** Reads bytes of a file. Returns fewer than `length` only at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** A part of a file: from `start` to before `end`. */
export interface Range {
  start: number;
  end: number;
}

const XZ_HEADER = "fd377a585a00";
const XZ_FRAME = 12;
/** An index has a few bytes for every block. Longer ones are not read. */
const LONGEST_INDEX = 16 * 1024 * 1024;
/** Files have one stream or a few, with little padding. What is before these is not looked at: each takes reads. */
const MOST_LOOKS = 10_000;

/**
 * Whether xz data is complete: every stream has its index and its footer, and its blocks fill the range. Reads only
 * those. Source: the .xz file format 1.2.1, sections 2.1.2 and 4.
 */
export async function endsAsXz(read: ReadAt, { start, end }: Range): Promise<boolean> {
  for (let at = end, looks = 0; at > start && looks < MOST_LOOKS; looks++) {
    const footer = at - start < 2 * XZ_FRAME ? undefined : await read(at - XZ_FRAME, XZ_FRAME);
    if (footer === undefined) return false;
    if (footer.readUInt32LE(8) === 0) {
      at -= 4; // padding between streams
      continue;
    }
    if (footer.toString("latin1", 10) !== "YZ" || footer.readUInt32LE(0) !== crc32(footer.subarray(4, 10)))
      return false;
    const length = (footer.readUInt32LE(4) + 1) * 4;
    const indexAt = at - XZ_FRAME - length;
    if (length > LONGEST_INDEX) return true;
    if (indexAt < start) return false;
    const blocks = sumOfBlocks(await read(indexAt, length));
    if (blocks === undefined) return false;
    at = indexAt - blocks - XZ_FRAME;
    if (at < start || (await read(at, 6)).toString("hex") !== XZ_HEADER) return false;
  }
  return end > start;
}

/** The length of all blocks together, by an index. Undefined for a damaged index. */
function sumOfBlocks(index: Buffer): number | undefined {
  if (index[0] !== 0 || index.readUInt32LE(index.length - 4) !== crc32(index.subarray(0, -4))) return undefined;
  let at = 1;
  const number = () => {
    let value = 0;
    for (let shift = 1; at < index.length; shift *= 128) {
      const byte = index[at++]!;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  let sum = 0;
  for (let left = number(); left > 0 && at < index.length; left--) {
    sum += Math.ceil(number() / 4) * 4;
    number(); // the unpacked size
  }
  return sum;
}

/** The 48 bits that begin the end of bzip2 data; a checksum of 32 bits follows. */
const BZIP2_END = 0x177245385090n;

/** Whether bzip2 data is complete: it ends with the mark of its end, which may begin at any bit. */
export async function endsAsBzip2(read: ReadAt, { start, end }: Range): Promise<boolean> {
  const length = Math.min(11, end - start);
  const tail = await read(end - length, length);
  const bits = BigInt(`0x${tail.toString("hex") || "0"}`);
  for (let padding = 0n; padding < 8n; padding++)
    if (((bits >> (padding + 32n)) & 0xffffffffffffn) === BZIP2_END) return true;
  return false;
}
