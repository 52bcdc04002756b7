import { Bzip2Error } from "./bits.ts";

const CHUNK = 64 * 1024;

/**
 * The bytes of one block, put back into their order and their runs unrolled, in chunks of at most 64 KiB. `table` holds
 * the permuted bytes and is used up. Throws at the end when the checksum is another one.
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
    // After four equal bytes the fifth says how many more there are.
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

/** Writes the place of each byte's successor above it: the inverse of Burrows and Wheeler's permutation. */
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

/** The usual polynomial, highest bit first: not the order that Node's own crc32 takes. */
const checksums = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});
