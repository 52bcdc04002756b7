import { createHash } from "node:crypto";
import { addAbortSignal } from "node:stream";
import { FeedctlError } from "../errors.ts";
import { interrupted, throwIfInterrupted } from "./signal.ts";
import type { BlobSource } from "./store.ts";

export interface VerifiedReading {
  /** What the source must deliver; undefined: only its size is checked. */
  sha256: string | undefined;
  signal?: AbortSignal | undefined;
  /** Is told the sha256 before the last chunk is delivered. */
  verified?: ((sha256: string) => void) | undefined;
}

/**
 * The source's bytes from first to last, hashed and counted on the way. Throws `corrupt` when they differ from
 * `source.size` or `sha256`; the last chunk is held back until that is known, so that a request which announced its
 * length can never complete with wrong bytes. Throws `interrupted` on the signal, even while the source hangs.
 * Memory: one chunk. `Readable.from(readVerified(...))` makes a stream of it.
 */
export async function* readVerified(
  source: BlobSource,
  { sha256, signal, verified }: VerifiedReading,
): AsyncGenerator<Buffer, void, undefined> {
  throwIfInterrupted(signal);
  const hash = createHash("sha256");
  let size = 0;
  let held: Buffer | undefined;
  try {
    const stream = await source.open(undefined, signal);
    if (signal !== undefined) addAbortSignal(signal, stream);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > source.size) break;
      hash.update(chunk);
      if (held !== undefined) yield held;
      held = chunk;
    }
  } catch (error) {
    throw signal?.aborted ? interrupted(error) : error;
  }
  const found = hash.digest("hex");
  checkDelivery(source.size, sha256, size, found);
  verified?.(found);
  if (held !== undefined) yield held;
}

/** Throws `corrupt` when what a source delivered is not what was promised of it. */
export function checkDelivery(size: number, sha256: string | undefined, deliveredSize: number, deliveredSha256?: string): void {
  if (deliveredSize !== size) {
    const delivered = deliveredSize > size ? "more" : `only ${deliveredSize}`;
    throw new FeedctlError("corrupt", `the source promised ${size} bytes and delivered ${delivered}`);
  }
  if (sha256 !== undefined && deliveredSha256 !== sha256) {
    throw new FeedctlError("corrupt", `the bytes hash to sha256 ${deliveredSha256}, but ${sha256} was promised`);
  }
}
