/** Keeps the first bytes of what comes by in pieces. */
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
      // a copy: what a stream hands out may be filled anew, and is much larger
      const piece = Buffer.from(chunk.subarray(0, left));
      pieces.push(piece);
      left -= piece.length;
    },
    bytes: () => Buffer.concat(pieces),
  };
}
