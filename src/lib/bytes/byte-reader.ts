/** Reads exact numbers of bytes from a stream of chunks. Memory: one chunk and the returned bytes. */
export interface ByteReader {
  /** Returns exactly `length` bytes, or fewer at the end of the source. */
  read(length: number): Promise<Buffer>;
  /** Skips `length` bytes. Returns how many there were. */
  skip(length: number): Promise<number>;
  /** Closes the source. Idempotent; later reads return no bytes. */
  close(): Promise<void>;
}

export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let rest: Uint8Array = Buffer.alloc(0);
  let ended = false;

  /** Returns at most `length` bytes without copying them. Undefined: the end. */
  async function next(length: number): Promise<Uint8Array | undefined> {
    while (rest.length === 0) {
      if (ended) return undefined;
      const { done, value } = await iterator.next();
      if (done === true) {
        ended = true;
        return undefined;
      }
      rest = value;
    }
    const taken = rest.subarray(0, length);
    rest = rest.subarray(taken.length);
    return taken;
  }

  return {
    async read(length) {
      const pieces: Uint8Array[] = [];
      let missing = length;
      while (missing > 0) {
        const piece = await next(missing);
        if (piece === undefined) break;
        pieces.push(piece);
        missing -= piece.length;
      }
      return Buffer.concat(pieces);
    },
    async skip(length) {
      let missing = length;
      while (missing > 0) {
        const piece = await next(missing);
        if (piece === undefined) break;
        missing -= piece.length;
      }
      return length - missing;
    },
    async close() {
      ended = true;
      rest = Buffer.alloc(0);
      await iterator.return?.();
    },
  };
}
