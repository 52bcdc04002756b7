import { createHash, type Hash } from "node:crypto";
import { addAbortSignal } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { interrupted } from "./signal.ts";
import type { BlobSource } from "../store.ts";
import { checkDelivery, readVerified } from "./verified-source.ts";

export interface PartReading {
  source: BlobSource;
  /** What the source must deliver, lower-case hex. The last part is yielded only after this is verified. */
  sha256: string | undefined;
  /** Bytes of every part but the last. */
  partSize: number;
  /** How many ranges of a `parallel` source are read at once. Memory: `width` parts and the one in use. */
  width: number;
  /** Returns a buffer of `partSize` bytes. */
  newBuffer(): Buffer;
  /** Updated with every byte, in order. */
  md5?: Hash | undefined;
  /** Called before the last part is yielded. */
  verified?: ((sha256: string) => void) | undefined;
  signal: AbortSignal | undefined;
}

/**
 * Yields a large source in order, part by part, as views of the buffers from `newBuffer`; yields nothing for an empty
 * source. A `parallel` source is read in several ranges at once. Throws as `readVerified` does.
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
    for (let copied = 0; copied < chunk.length;) {
      part ??= newBuffer();
      const count = Math.min(chunk.length - copied, partSize - filled);
      chunk.copy(part, filled, copied, copied + count);
      copied += count;
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
  const check = reading.sha256 === undefined ? source.hashCheck?.() : undefined;
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
    part.catch(() => {}); // the loop below awaits the part and gets its error
    ahead.push(part);
  };
  try {
    for (let count = 0; count < width; count++) launch();
    for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
      const bytes = await part;
      hash.update(bytes);
      md5?.update(bytes);
      check?.update(bytes);
      if (ahead.length === 0 && next >= source.size) {
        const found = hash.digest("hex");
        checkDelivery(source.size, reading.sha256, source.size, found);
        check?.end();
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
        throw new FeedctlError("corrupt", "the source delivered more bytes than the requested range");
      filled += chunk.copy(buffer, filled);
    }
  } catch (error) {
    throw signal.aborted ? interrupted(error) : error;
  }
  if (filled === size) return buffer.subarray(0, size);
  throw new FeedctlError("corrupt", `the source promised ${size} bytes of a range and delivered only ${filled}`);
}
