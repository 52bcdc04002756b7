import { damaged, type BitReader } from "./bits.ts";

const MAX_BITS = 20;

/** One of the Huffman codes of a block. */
export interface Code {
  shortest: number;
  /** The last code of each length; -1: none. */
  last: Int32Array;
  /** By length: subtract it from a code to get the index of its symbol. */
  offset: Int32Array;
  symbols: Uint16Array;
}

export function readCode(bits: BitReader, count: number): Code {
  const lengths = new Uint8Array(count);
  let length = bits.take(5);
  for (let symbol = 0; symbol < count; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_BITS) throw damaged("a code of impossible length");
      if (bits.take(1) === 0) break;
      length += bits.take(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  const symbols = new Uint16Array(count);
  const last = new Int32Array(MAX_BITS + 1).fill(-1);
  const offset = new Int32Array(MAX_BITS + 1);
  let shortest = 0;
  let next = 0;
  let placed = 0;
  for (let size = 1; size <= MAX_BITS; size++) {
    next <<= 1;
    offset[size] = next - placed;
    for (let symbol = 0; symbol < count; symbol++) {
      if (lengths[symbol] !== size) continue;
      symbols[placed++] = symbol;
      last[size] = next++;
      if (shortest === 0) shortest = size;
    }
    if (next > 1 << size) throw damaged("a code with too many symbols");
  }
  return { shortest, last, offset, symbols };
}

export function readSymbol(bits: BitReader, { shortest, last, offset, symbols }: Code): number {
  let value = bits.take(shortest);
  for (let size = shortest; ; value = (value << 1) | bits.take(1)) {
    if (value <= last[size]!) return symbols[value - offset[size]!]!;
    if (++size > MAX_BITS) throw damaged("an unknown code");
  }
}
