/** Collects the first bytes of a stream of chunks. */
export interface Head {
  add(chunk: Uint8Array): void;
  bytes(): Buffer;
}

export function createHead(limit: number): Head {
  const pieces: Buffer[] = [];
  let left = limit;
  return {
    add(chunk) {
      if (left === 0) return;
      // A copy: the stream may reuse its chunk, which is also much larger.
      const piece = Buffer.from(chunk.subarray(0, left));
      pieces.push(piece);
      left -= piece.length;
    },
    bytes: () => Buffer.concat(pieces),
  };
}
