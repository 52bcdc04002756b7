/** What a bzip2 stream does wrong, in one line. */
export class Bzip2Error extends Error {
  override readonly name = "Bzip2Error";
}

/** Bits of `bytes` from the first byte's highest on. */
export interface BitReader {
  /** The next `count` bits as a number, at most 24. Throws at the end of the bytes. */
  take(count: number): number;
  /** Bytes used so far, the last one perhaps in part. */
  used(): number;
  /** Bits of the last used byte that are not taken yet. */
  left(): number;
}

export function createBitReader(bytes: Uint8Array): BitReader {
  let at = 0;
  let held = 0;
  let count = 0;
  return {
    take(wanted) {
      while (count < wanted) {
        if (at >= bytes.length) throw new Bzip2Error("the compressed data ends early");
        held = (held << 8) | bytes[at++]!;
        count += 8;
      }
      count -= wanted;
      return (held >>> count) & ((1 << wanted) - 1);
    },
    used: () => at,
    left: () => count,
  };
}

/** Symbols between two changes of the code. */
const RUN_OF_CODE = 50;
const MAX_BITS = 20;

interface Code {
  shortest: number;
  /** By length of the code: the last code of that length, -1 for none. */
  last: Int32Array;
  /** By length: what to subtract from a code to find its symbol. */
  offset: Int32Array;
  symbols: Uint16Array;
}

/**
 * The permuted bytes of one block into the low bytes of `table`; returns how many there are. The block's first three
 * fields (mark, checksum, origin) are read already.
 */
export function readBlock(bits: BitReader, table: Uint32Array): number {
  const front = readAlphabet(bits);
  const used = front.length;
  if (used === 0) throw damaged("an empty alphabet");
  const groups = bits.take(3);
  if (groups < 2 || groups > 6) throw damaged("a wrong number of codes");
  const selectors = readSelectors(bits, groups);
  const codes = Array.from({ length: groups }, () => readCode(bits, used + 2));
  let length = 0;
  let run = 0;
  let weight = 1;
  for (const selector of selectors) {
    const code = codes[selector]!;
    for (let i = 0; i < RUN_OF_CODE; i++) {
      const symbol = readSymbol(bits, code);
      if (symbol <= 1) {
        // The two run symbols are the digits of the run's length. The check also keeps the weight in range.
        run += weight << symbol;
        weight <<= 1;
        if (length + run > table.length) throw damaged("a run beyond the block");
        continue;
      }
      table.fill(front[0]!, length, length + run);
      length += run;
      run = 0;
      weight = 1;
      if (symbol === used + 1) return length;
      if (length >= table.length) throw damaged("more bytes than a block holds");
      const byte = front[symbol - 1]!;
      front.copyWithin(1, 0, symbol - 1);
      front[0] = byte;
      table[length++] = byte;
    }
  }
  throw damaged("no end of block");
}

function damaged(what: string): Bzip2Error {
  return new Bzip2Error(`the compressed data is damaged (${what})`);
}

function readAlphabet(bits: BitReader): Uint8Array {
  const ranges = bits.take(16);
  const found: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const members = bits.take(16);
    for (let i = 0; i < 16; i++) if ((members & (0x8000 >> i)) !== 0) found.push(range * 16 + i);
  }
  return Uint8Array.from(found);
}

function readSelectors(bits: BitReader, groups: number): Uint8Array {
  const count = bits.take(15);
  const front = Uint8Array.from({ length: groups }, (_, i) => i);
  return Uint8Array.from({ length: count }, () => {
    let at = 0;
    while (bits.take(1) === 1) if (++at >= groups) throw damaged("a code that does not exist");
    const selector = front[at]!;
    front.copyWithin(1, 0, at);
    front[0] = selector;
    return selector;
  });
}

function readCode(bits: BitReader, count: number): Code {
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

function readSymbol(bits: BitReader, { shortest, last, offset, symbols }: Code): number {
  let value = bits.take(shortest);
  for (let size = shortest; ; value = (value << 1) | bits.take(1)) {
    if (value <= last[size]!) return symbols[value - offset[size]!]!;
    if (++size > MAX_BITS) throw damaged("an unknown code");
  }
}
