import { createCipheriv, createHash } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { BlobSource, ByteRange } from "../../src/stores/store.ts";

const CHUNK = 64 * 1024;

const KEPT = 4;
const large = new Map<string, Buffer>();
const hashes = new WeakMap<Uint8Array, string>();

/**
 * `length` pseudo-random bytes, the same for the same `seed`. Nobody may change them: the last large ones are kept, as
 * making and hashing them took a fifth of the processor time of the stores' tests.
 */
export function someBytes(length: number, seed = 1): Buffer {
  if (length < 2 ** 20) return makeBytes(length, seed);
  const name = `${length} ${seed}`;
  const bytes = large.get(name) ?? makeBytes(length, seed);
  large.delete(name);
  large.set(name, bytes);
  for (const oldest of large.keys()) if (large.size > KEPT) large.delete(oldest);
  return bytes;
}

function makeBytes(length: number, seed: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export function sha256(bytes: Uint8Array): string {
  const isKept = bytes instanceof Buffer && [...large.values()].includes(bytes);
  const known = isKept ? hashes.get(bytes) : undefined;
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (isKept) hashes.set(bytes, hash);
  return hash;
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface SourceFault {
  /** Offset of the fault in the blob, whichever range is read. */
  at: number;
  /** Fails the stream with this error; without it the stream hangs until it is destroyed. */
  error?: Error | undefined;
  /** Called when the offset is reached, before failing or hanging. */
  reached?: (() => void) | undefined;
}

export interface TestSource extends BlobSource {
  /** Resolves once every stream that was opened is destroyed or read to its end; rejects after a second. */
  settled(): Promise<void>;
  /** How often `open` was called. */
  opened(): number;
}

/** `bytes` as a source. `size` may be wrong; `fault` occurs at its offset in every stream that covers it. */
export function sourceOf(bytes: Buffer, options: { size?: number; fault?: SourceFault } = {}): TestSource {
  const streams: Readable[] = [];
  const { fault, size = bytes.length } = options;
  return {
    size,
    open: async (range?: ByteRange) => {
      const stream = rangeStream(bytes, range?.start ?? 0, range?.end ?? bytes.length, fault);
      streams.push(stream);
      return stream;
    },
    opened: () => streams.length,
    settled: async () => {
      for (let i = 0; i < 6000; i++) {
        if (streams.every((stream) => stream.destroyed || stream.readableEnded)) return;
        await sleep(10);
      }
      throw new Error(`a source stream was left open (${streams.length} were opened)`);
    },
  };
}

function rangeStream(bytes: Buffer, start: number, end: number, fault: SourceFault | undefined): Readable {
  const strikes = fault !== undefined && fault.at >= start && fault.at < end;
  const last = strikes ? fault.at : Math.min(end, bytes.length);
  let offset = start;
  return new Readable({
    highWaterMark: CHUNK,
    read() {
      if (offset < last) {
        const chunk = bytes.subarray(offset, Math.min(offset + CHUNK, last));
        offset += chunk.length;
        this.push(chunk);
      } else if (!strikes) this.push(null);
      else {
        // Asynchronous: an error inside open() is another case.
        setImmediate(() => {
          fault.reached?.();
          if (fault.error !== undefined) this.destroy(fault.error);
        });
      }
    },
  });
}

/** Runs `work` on every item, at most `width` at a time. */
export async function concurrently<T>(width: number, items: Iterable<T>, work: (item: T) => Promise<unknown>) {
  const iterator = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
