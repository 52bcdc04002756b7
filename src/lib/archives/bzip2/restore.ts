import { Bzip2Error } from "./bits.ts";

const CHUNK = 64 * 1024;

/**
 * Yields the bytes of one block in chunks of at most 64 KiB, after inverting the permutation and expanding the runs.
 * `table` has the permuted bytes and is overwritten. Throws at the end if the checksum differs.
 */
export function* restoreBlock(table: Uint32Array, origin: number, expected: number): Generator<Buffer, void> {
  if (table.length === 0 || origin >= table.length)
    throw new Bzip2Error("the compressed data is damaged (a block begins outside of itself)");
  linkBytes(table);
  let chunk = Buffer.allocUnsafe(CHUNK);
  let size = 0;
  let checksum = 0xffffffff;
  let place = table[origin]! >>> 8;
  let previous = -1;
  let same = 0;
  for (let rest = table.length; rest > 0; rest--) {
    const entry = table[place]!;
    const byte = entry & 0xff;
    place = entry >>> 8;
    // After four equal bytes the fifth is the number of further ones.
    const isCount = same === 4;
    const copies = isCount ? byte : 1;
    if (!isCount) {
      same = byte === previous ? same + 1 : 1;
      previous = byte;
    } else {
      same = 0;
    }
    for (let i = 0; i < copies; i++) {
      checksum = (checksum << 8) ^ checksums[(checksum >>> 24) ^ previous]!;
      chunk[size++] = previous;
      if (size < CHUNK) continue;
      yield chunk;
      chunk = Buffer.allocUnsafe(CHUNK);
      size = 0;
    }
    if (isCount) previous = -1;
  }
  if (~checksum >>> 0 !== expected) throw new Bzip2Error("the compressed data is damaged (wrong checksum of a block)");
  if (size > 0) yield chunk.subarray(0, size);
}

/** Inverts the Burrows-Wheeler transform: stores the index of each byte's successor in the upper 24 bits. */
function linkBytes(table: Uint32Array): void {
  const next = new Uint32Array(257);
  for (const byte of table) next[byte + 1]!++;
  for (let byte = 1; byte < 257; byte++) next[byte]! += next[byte - 1]!;
  for (let i = 0; i < table.length; i++) {
    const byte = table[i]! & 0xff;
    const at = next[byte]!++;
    table[at] = (table[at]! & 0xff) | (i << 8);
  }
}

/** CRC-32 with the highest bit first. Node's crc32 uses the reverse bit order. */
const checksums = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});
