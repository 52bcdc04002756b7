import type { Hash } from "node:crypto";
import type { BlobSource } from "./store.ts";
import { readVerified } from "./verified-source.ts";

export interface BlockReading {
  source: BlobSource;
  /** What the source must deliver; the last block comes only after that is proven. */
  sha256: string;
  blockSize: number;
  /** A buffer of `blockSize` bytes (of the source's size if that is less). */
  newBlock(): Buffer;
  /** Is fed with every byte. */
  md5: Hash;
  signal: AbortSignal | undefined;
}

/** Reads a source once, in order: full blocks, then the rest; nothing for an empty one. */
export async function* readBlocks(reading: BlockReading): AsyncGenerator<Buffer> {
  const { source, sha256, blockSize, newBlock, md5, signal } = reading;
  let block: Buffer | undefined;
  let filled = 0;
  for await (const chunk of readVerified(source, sha256, signal)) {
    md5.update(chunk);
    for (let taken = 0; taken < chunk.length;) {
      block ??= newBlock();
      const count = Math.min(chunk.length - taken, blockSize - filled);
      chunk.copy(block, filled, taken, taken + count);
      taken += count;
      filled += count;
      if (filled < blockSize) continue;
      yield block;
      block = undefined;
      filled = 0;
    }
  }
  if (block !== undefined) yield block.subarray(0, filled);
}
