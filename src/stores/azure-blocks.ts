import { createHash } from "node:crypto";
import { FeedctlError, isFeedctlError } from "../errors.ts";
import type { BlobSource, PutOptions } from "./store.ts";

export interface BlockReading {
  source: BlobSource;
  blockSize: number;
  /** A buffer of `blockSize` bytes (of the source's size if that is less). */
  newBlock(): Buffer;
  signal: AbortSignal | undefined;
  /** The message's first half. */
  doing: string;
}

export interface BlockReader {
  /** The source's bytes in order: full blocks, then the rest. Rejects when there are too few or too many. */
  blocks: AsyncIterable<Buffer>;
  /** To be called when `blocks` has ended: the MD5, or throws `corrupt`. */
  verify(promised: PutOptions): Buffer;
}

/** Reads a source once, in order, in blocks, and hashes it on the way. */
export function readBlocks({ source, blockSize, newBlock, signal, doing }: BlockReading): BlockReader {
  const sha256 = createHash("sha256");
  const md5 = createHash("md5");

  async function* blocks(): AsyncGenerator<Buffer> {
    const interrupted = () => new FeedctlError("interrupted", `${doing}: interrupted`);
    const isStopped = () => signal?.aborted === true;
    if (isStopped()) throw interrupted();
    let total = 0;
    let filled = 0;
    let block: Buffer | undefined;
    let stream: Awaited<ReturnType<BlobSource["open"]>> | undefined;
    const stop = () => stream?.destroy(interrupted());
    signal?.addEventListener("abort", stop, { once: true });
    try {
      stream = await source.open(undefined, signal);
      if (isStopped()) throw interrupted();
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        total += chunk.length;
        if (total > source.size) throw wrongSize(doing, source.size, "more");
        sha256.update(chunk);
        md5.update(chunk);
        for (let taken = 0; taken < chunk.length; ) {
          block ??= newBlock();
          const count = Math.min(chunk.length - taken, blockSize - filled);
          chunk.copy(block, filled, taken, taken + count);
          taken += count;
          filled += count;
          if (filled < blockSize) continue;
          yield block.subarray(0, filled);
          block = undefined;
          filled = 0;
        }
      }
      if (isStopped()) throw interrupted();
      if (total < source.size) throw wrongSize(doing, source.size, `only ${total}`);
    } catch (error) {
      if (isStopped()) throw interrupted();
      if (isFeedctlError(error)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new FeedctlError("unavailable", `${doing}: its source cannot be read: ${why}`, { cause: error });
    } finally {
      signal?.removeEventListener("abort", stop);
      stream?.destroy();
    }
    if (block !== undefined) yield block.subarray(0, filled);
  }

  return {
    blocks: blocks(),
    verify(promised) {
      const found = sha256.digest("hex");
      if (found !== promised.sha256) {
        throw new FeedctlError("corrupt", `${doing}: its SHA-256 is ${found}, not ${promised.sha256} as promised`);
      }
      const content = md5.digest();
      if (promised.md5 !== undefined && promised.md5 !== content.toString("hex")) {
        throw new FeedctlError("corrupt", `${doing}: its MD5 is ${content.toString("hex")}, not ${promised.md5} as promised`);
      }
      return content;
    },
  };
}

function wrongSize(doing: string, promised: number, found: string): FeedctlError {
  return new FeedctlError("corrupt", `${doing}: its source delivers ${found} bytes, not ${promised}`);
}
