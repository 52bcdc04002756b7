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

export function damaged(what: string): Bzip2Error {
  return new Bzip2Error(`the compressed data is damaged (${what})`);
}
