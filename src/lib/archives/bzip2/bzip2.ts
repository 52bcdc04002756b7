import { Bzip2Error, createBitReader, type BitReader } from "./bits.ts";
import { readBlock } from "./block.ts";
import { restoreBlock } from "./restore.ts";

export { Bzip2Error } from "./bits.ts";

export interface Bunzip {
  /** The uncompressed bytes, in chunks of at most 64 KiB. */
  readonly chunks: AsyncGenerator<Buffer, void>;
  /** How many compressed bytes the chunks so far came from. */
  used(): number;
}

const LEVEL = 100_000;
/** Upper bound of a compressed block, in bytes: 20 bits for every byte, and the codes. Longer blocks are refused. */
const MAX_PACKED = 2.5 * 1024 * 1024;

/**
 * Unpacks bzip2 in a few megabytes of memory. A block of 40 bytes can unpack to 45 MB, so the output is yielded in
 * chunks. Concatenated streams are read as one; other data after the end is refused.
 */
export function bunzip2(source: AsyncIterable<Uint8Array>): Bunzip {
  const iterator = source[Symbol.asyncIterator]();
  let pending = Buffer.alloc(0);
  let used = 0;

  async function fill(): Promise<Buffer> {
    const pieces: Uint8Array[] = [pending];
    for (let size = pending.length; size < MAX_PACKED;) {
      const { done, value } = await iterator.next();
      if (done === true) break;
      pieces.push(value);
      size += value.length;
    }
    pending = pieces.length === 1 ? pending : Buffer.concat(pieces);
    return pending;
  }

  function drop(bytes: number): void {
    pending = pending.subarray(bytes);
    used += bytes;
  }

  async function* unpack(): AsyncGenerator<Buffer, void> {
    const table = new Uint32Array(9 * LEVEL);
    try {
      for (let first = true; first || (await fill()).length > 0; first = false) {
        const header = (await fill()).toString("latin1", 0, 4);
        if (!/^BZh[1-9]$/.test(header))
          throw new Bzip2Error(first ? "it is not bzip2 data" : "data follows the end of the compressed data");
        drop(4);
        yield* unpackStream(table.subarray(0, Number(header[3]) * LEVEL));
      }
    } finally {
      await iterator.return?.();
    }
  }

  /** Blocks are not aligned to bytes, so the unused bits of the last byte are kept for the next block. */
  async function* unpackStream(table: Uint32Array): AsyncGenerator<Buffer, void> {
    let checksum = 0;
    let spare = 0;
    for (;;) {
      const bits = createBitReader(await fill());
      bits.take(spare);
      const mark = `${hex(bits)}${hex(bits)}`;
      const expected = (bits.take(16) * 0x10000 + bits.take(16)) >>> 0;
      if (mark === "177245385090") {
        if (expected !== checksum) throw new Bzip2Error("the compressed data is damaged (wrong checksum of the whole)");
        return drop(bits.used());
      }
      if (mark !== "314159265359") throw new Bzip2Error("the compressed data is damaged (a block is missing)");
      if (bits.take(1) === 1) throw new Bzip2Error("the compressed data is of a kind that bzip2 no longer writes");
      const origin = bits.take(24);
      const length = readBlock(bits, table);
      spare = (8 - bits.left()) % 8;
      drop(bits.used() - (spare === 0 ? 0 : 1));
      yield* restoreBlock(table.subarray(0, length), origin, expected);
      checksum = (((checksum << 1) | (checksum >>> 31)) ^ expected) >>> 0;
    }
  }

  return { chunks: unpack(), used: () => used };
}

function hex(bits: BitReader): string {
  return bits.take(24).toString(16).padStart(6, "0");
}
