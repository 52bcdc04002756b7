// Sends the parts of a blob, several at once, with bounded memory.
import { hash } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { readParts } from "../shared/read-parts.ts";
import type { S3Connection } from "./client.ts";
import type { StoredPart, UploadTarget } from "./unfinished.ts";
import type { BlobSource } from "../store.ts";

const MIB = 1024 * 1024;
const MIN_PART = 8 * MIB;
export const MAX_PARTS = 10_000;
/** How many parts are in flight and how many ranges are read ahead, if their buffers fit into the budget. */
const WIDTH = 4;
const BUFFER_BUDGET = 512 * MIB;
/** How long parts in flight may continue after a failure or an interruption. */
const GRACE_MS = 3_000;

export interface DonePart {
  PartNumber: number;
  ETag: string | undefined;
}

/** Bytes of a part: at least 8 MiB, in whole MiB, and large enough for at most 10,000 parts. */
export function partSizeFor(size: number): number {
  return Math.max(MIN_PART, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

/** How many parts are sent and how many ranges are read at once. 0 ranges: the source is read in order. */
export function widthsFor(partSize: number): { sent: number; read: number } {
  const buffers = Math.floor(BUFFER_BUDGET / partSize);
  const sent = Math.max(1, Math.min(WIDTH, Math.ceil(buffers / 2)));
  return { sent, read: Math.max(0, Math.min(WIDTH, buffers - sent)) };
}

/** Sends the parts that `stored` lacks. Resolves with all parts in order when all are stored. */
export async function uploadParts(
  calls: S3Connection["calls"],
  target: UploadTarget,
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
  stored: ReadonlyMap<number, StoredPart>,
): Promise<DonePart[]> {
  const partSize = partSizeFor(source.size);
  const width = widthsFor(partSize);
  const reading = new AbortController();
  const sending = new AbortController();
  const signal = options.signal === undefined ? reading.signal : AbortSignal.any([options.signal, reading.signal]);
  const spare: Buffer[] = [];
  const done: DonePart[] = [];
  const inFlight = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  let cut: NodeJS.Timeout | undefined;
  // A part whose connection is cut may be stored after the upload was aborted, and stay. Give parts in flight a moment.
  const cutSoon = () => void (cut ??= setTimeout(() => sending.abort(), GRACE_MS));
  options.signal?.addEventListener("abort", cutSoon, { once: true });

  const sendPart = async (PartNumber: number, bytes: Buffer) => {
    const md5 = hash("md5", bytes);
    const existing = stored.get(PartNumber);
    const same = existing?.size === bytes.length && existing.tag === md5;
    const part = { uploadId: target.UploadId, partNumber: PartNumber, bytes, md5 };
    const ETag = same ? existing.tag : await calls.putPart(target.Key, part, sending.signal);
    done.push({ PartNumber, ETag });
    spare.push(Buffer.from(bytes.buffer));
  };
  const launch = (partNumber: number, bytes: Buffer) => {
    const flight: Promise<void> = sendPart(partNumber, bytes)
      .catch((error: unknown) => {
        failure ??= { error };
        reading.abort();
      })
      .finally(() => inFlight.delete(flight));
    inFlight.add(flight);
  };

  const parts = readParts({
    source: { ...source, parallel: source.parallel === true && width.read > 0 },
    sha256: options.sha256,
    partSize,
    width: width.read,
    // Not from Node's shared pool: `bytes.buffer` of a part must be exactly this buffer.
    newBuffer: () => spare.pop() ?? Buffer.allocUnsafeSlow(partSize),
    signal,
  });
  try {
    let partNumber = 1;
    for await (const part of named(key, parts)) {
      launch(partNumber++, part);
      while (inFlight.size >= width.sent) await Promise.race(inFlight);
    }
    await Promise.all(inFlight);
    if (failure !== undefined) throw failure.error;
  } catch (error) {
    failure ??= { error };
    cutSoon();
    await Promise.all(inFlight);
    throw failure.error;
  } finally {
    clearTimeout(cut);
    options.signal?.removeEventListener("abort", cutSoon);
  }
  return done.sort((a, b) => a.PartNumber - b.PartNumber);
}

/** Passes chunks on. Wraps an error of the source, so that it is not reported as an error of S3. */
export async function* named(key: Key, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    if (error instanceof FeedctlError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FeedctlError("unavailable", `cannot read the bytes for ${JSON.stringify(key)}: ${why}`, { cause: error });
  }
}
