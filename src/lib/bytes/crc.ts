// CRC-32C (RFC 3720, B.4) and CRC-64/NVME (NVM Express, "64b CRC"): checksums of S3 and Google that Node does not have.

export interface Crc {
  update(chunk: Uint8Array): void;
  /** Lower-case hex. */
  digest(): string;
}

/** Both registers of eight tables: what a byte contributes that is followed by 0 to 7 others. */
interface Tables {
  low: Int32Array;
  high: Int32Array;
}

/** The reflected polynomials, high and low 32 bits. */
const CRC32C = [0, 0x82f63b78] as const;
const CRC64NVME = [0x9a6c9329, 0xac4bc9b5] as const;

const built = new Map<readonly [number, number], Tables>();

export function createCrc32c(): Crc {
  const crc = start(CRC32C, [0, -1]);
  return { update: crc.update, digest: () => hex(~crc.state()[1]) };
}

export function createCrc64Nvme(): Crc {
  const crc = start(CRC64NVME, [-1, -1]);
  return {
    update: crc.update,
    digest() {
      const [high, low] = crc.state();
      return hex(~high) + hex(~low);
    },
  };
}

/** Eight bytes at a time ("slicing by 8"): five times as fast as one by one. */
function start(polynomial: readonly [number, number], initial: readonly [number, number]) {
  const { low: lows, high: highs } = tablesOf(polynomial);
  let [high, low]: readonly [number, number] = initial;
  return {
    state: (): [number, number] => [high, low],
    update(chunk: Uint8Array): void {
      let h = high;
      let l = low;
      let at = 0;
      for (const end = chunk.length - 7; at < end; at += 8) {
        l ^= chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16) | (chunk[at + 3]! << 24);
        h ^= chunk[at + 4]! | (chunk[at + 5]! << 8) | (chunk[at + 6]! << 16) | (chunk[at + 7]! << 24);
        const a = 0x700 | (l & 255);
        const b = 0x600 | ((l >>> 8) & 255);
        const c = 0x500 | ((l >>> 16) & 255);
        const d = 0x400 | (l >>> 24);
        const e = 0x300 | (h & 255);
        const f = 0x200 | ((h >>> 8) & 255);
        const g = 0x100 | ((h >>> 16) & 255);
        const i = h >>> 24;
        l = lows[a]! ^ lows[b]! ^ lows[c]! ^ lows[d]! ^ lows[e]! ^ lows[f]! ^ lows[g]! ^ lows[i]!;
        h = highs[a]! ^ highs[b]! ^ highs[c]! ^ highs[d]! ^ highs[e]! ^ highs[f]! ^ highs[g]! ^ highs[i]!;
      }
      for (; at < chunk.length; at++) {
        const byte = (l ^ chunk[at]!) & 255;
        l = ((l >>> 8) | (h << 24)) ^ lows[byte]!;
        h = (h >>> 8) ^ highs[byte]!;
      }
      [high, low] = [h, l];
    },
  };
}

function tablesOf(polynomial: readonly [number, number]): Tables {
  const found = built.get(polynomial);
  if (found !== undefined) return found;
  const [polyHigh, polyLow] = polynomial;
  const low = new Int32Array(0x800);
  const high = new Int32Array(0x800);
  for (let byte = 0; byte < 256; byte++) {
    let l = byte;
    let h = 0;
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (l & 1) === 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (!isOdd) continue;
      l ^= polyLow;
      h ^= polyHigh;
    }
    low[byte] = l;
    high[byte] = h;
  }
  for (let index = 0x100; index < 0x800; index++) {
    const before = index - 0x100;
    const byte = low[before]! & 255;
    low[index] = ((low[before]! >>> 8) | (high[before]! << 24)) ^ low[byte]!;
    high[index] = (high[before]! >>> 8) ^ high[byte]!;
  }
  const tables = { low, high };
  built.set(polynomial, tables);
  return tables;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
