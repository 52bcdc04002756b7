import { createHash, type Hash } from "node:crypto";
import { addAbortSignal } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { interrupted } from "./signal.ts";
import type { BlobSource } from "../store.ts";
import { checkDelivery, readVerified } from "./verified-source.ts";

export interface PartReading {
  source: BlobSource;
  /** What the source must deliver, lower-case hex; the last part comes only after that is proven. */
  sha256: string | undefined;
  /** Bytes of every part but the last. */
  partSize: number;
  /** How many ranges of a `parallel` source are read at once; so many parts are in memory, and the one in use. */
  width: number;
  /** A buffer of `partSize` bytes. */
  newBuffer(): Buffer;
  /** Fed with every byte, in order. */
  md5?: Hash | undefined;
  /** Told before the last part comes. */
  verified?: ((sha256: string) => void) | undefined;
  signal: AbortSignal | undefined;
}

/**
 * A large source in order, part by part, as views of the buffers asked for; nothing for an empty one. A `parallel`
 * source is read by several ranges at once, any other from first to last. Throws as `readVerified` does.
 */
export function readParts(reading: PartReading): AsyncGenerator<Buffer> {
  const { source, partSize } = reading;
  return source.parallel === true && source.size > partSize ? readRanges(reading) : readInOrder(reading);
}

async function* readInOrder(reading: PartReading): AsyncGenerator<Buffer> {
  const { source, sha256, partSize, newBuffer, md5, verified, signal } = reading;
  let part: Buffer | undefined;
  let filled = 0;
  for await (const chunk of readVerified(source, sha256, signal, verified)) {
    md5?.update(chunk);
    for (let taken = 0; taken < chunk.length;) {
      part ??= newBuffer();
      const count = Math.min(chunk.length - taken, partSize - filled);
      chunk.copy(part, filled, taken, taken + count);
      taken += count;
      filled += count;
      if (filled < partSize) continue;
      yield part;
      part = undefined;
      filled = 0;
    }
  }
  if (part !== undefined) yield part.subarray(0, filled);
}

async function* readRanges(reading: PartReading): AsyncGenerator<Buffer> {
  const { source, partSize, width, newBuffer, md5 } = reading;
  const stop = new AbortController();
  const signal = reading.signal === undefined ? stop.signal : AbortSignal.any([reading.signal, stop.signal]);
  const hash = createHash("sha256");
  const ahead: Promise<Buffer>[] = [];
  let next = 0;
  const launch = () => {
    if (next >= source.size) return;
    const range = { start: next, end: Math.min(next + partSize, source.size) };
    next = range.end;
    const part = readRange(source, range, newBuffer(), signal);
    part.catch(() => {}); // whoever awaits it hears of it
    ahead.push(part);
  };
  try {
    for (let count = 0; count < width; count++) launch();
    for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
      const bytes = await part;
      hash.update(bytes);
      md5?.update(bytes);
      if (ahead.length === 0 && next >= source.size) {
        const found = hash.digest("hex");
        checkDelivery(source.size, reading.sha256, source.size, found);
        await source.check?.();
        reading.verified?.(found);
      }
      launch();
      yield bytes;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ahead);
  }
}

async function readRange(
  source: BlobSource,
  range: { start: number; end: number },
  buffer: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const size = range.end - range.start;
  let filled = 0;
  try {
    const stream = addAbortSignal(signal, await source.open(range, signal));
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (filled + chunk.length > size)
        throw new FeedctlError("corrupt", "the source delivered more than was asked for");
      filled += chunk.copy(buffer, filled);
    }
  } catch (error) {
    throw signal.aborted ? interrupted(error) : error;
  }
  if (filled === size) return buffer.subarray(0, size);
  throw new FeedctlError("corrupt", `the source promised ${size} bytes of a range and delivered only ${filled}`);
}
