import { createHash } from "node:crypto";
import { addAbortSignal } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { interrupted, throwIfInterrupted } from "./signal.ts";
import type { BlobSource } from "../store.ts";

/**
 * Yields the source's bytes, hashed and counted. Throws `corrupt` when they differ from `source.size` or `sha256`. The
 * last chunk is held back until both are verified, so that a request that announced its length can never complete with
 * wrong bytes. Throws `interrupted` on the signal, even while the source hangs. Without `sha256` only the size is
 * checked. Calls `verified(hash)` before it yields the last chunk. Memory: one chunk.
 * `Readable.from(readVerified(...))` makes a stream of it.
 */
export async function* readVerified(
  source: BlobSource,
  sha256: string | undefined,
  signal?: AbortSignal,
  verified?: (sha256: string) => void,
): AsyncGenerator<Buffer, void, undefined> {
  throwIfInterrupted(signal);
  if (source.held !== undefined) return yield verifyHeld(source, source.held, sha256, verified);
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
  await source.check?.();
  verified?.(found);
  if (held !== undefined) yield held;
}

function verifyHeld(
  { size }: BlobSource,
  held: NonNullable<BlobSource["held"]>,
  sha256: string | undefined,
  verified?: (sha256: string) => void,
): Buffer {
  const found = held.sha256 ?? createHash("sha256").update(held.bytes).digest("hex");
  checkDelivery(size, sha256, held.bytes.length, found);
  verified?.(found);
  return held.bytes;
}

/** Throws `corrupt` when a source delivered another size or sha256 than it promised. */
export function checkDelivery(
  size: number,
  sha256: string | undefined,
  deliveredSize: number,
  deliveredSha256?: string,
): void {
  if (deliveredSize !== size) {
    const delivered = deliveredSize > size ? "more" : `only ${deliveredSize}`;
    throw new FeedctlError("corrupt", `the source promised ${size} bytes and delivered ${delivered}`);
  }
  if (sha256 !== undefined && deliveredSha256 !== sha256) {
    throw new FeedctlError("corrupt", `the bytes hash to sha256 ${deliveredSha256}, but ${sha256} was promised`);
  }
}

/** The sha256 of a source's bytes, lower-case hex. Throws `corrupt` when their number is not `source.size`. */
export async function hashSource(source: BlobSource, signal?: AbortSignal): Promise<string> {
  let sha256 = "";
  const bytes = readVerified(source, undefined, signal, (found) => (sha256 = found));
  for await (const _ of bytes);
  return sha256;
}
