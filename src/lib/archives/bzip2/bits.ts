/** The bzip2 stream is malformed. The message is one line. */
export class Bzip2Error extends Error {
  override readonly name = "Bzip2Error";
}

/** Reads bits, the highest bit of each byte first. */
export interface BitReader {
  /** Returns the next `count` bits, at most 24, as a number. Throws at the end of the bytes. */
  take(count: number): number;
  /** How many bytes have been read, a partly used last byte included. */
  used(): number;
  /** How many bits of the last byte are unused. */
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
