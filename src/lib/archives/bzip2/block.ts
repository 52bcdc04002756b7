import { damaged, type BitReader } from "./bits.ts";
import { readCode, readSymbol } from "./code.ts";

/** Each selector applies to this many symbols. */
const RUN_OF_CODE = 50;

/**
 * Decodes the permuted bytes of one block into the low bytes of `table`; returns their number. The caller has read the
 * first three fields of the block (magic, checksum, origin).
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
        // The two run symbols are the digits of the run's length. The check also bounds the weight.
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
