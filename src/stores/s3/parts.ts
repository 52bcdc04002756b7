// Sending a blob part by part, several at once, with bounded memory.
import { hash } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../key.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { readParts } from "../shared/read-parts.ts";
import type { S3Connection } from "./client.ts";
import type { StoredPart, UploadTarget } from "./unfinished.ts";
import type { BlobSource } from "../store.ts";

const MIB = 1024 * 1024;
const MIN_PART = 8 * MIB;
export const MAX_PARTS = 10_000;
/** Parts in flight, and ranges of the source ahead of them, unless their buffers would not fit. */
const WIDTH = 4;
const BUFFER_BUDGET = 512 * MIB;
/** How long parts under way may go on after a failure or an interruption. */
const GRACE_MS = 3_000;

export interface DonePart {
  PartNumber: number;
  ETag: string | undefined;
}

/** At least 8 MiB, in whole MiB, so that 10,000 of them hold the blob. */
export function partSizeFor(size: number): number {
  return Math.max(MIN_PART, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

/** How many parts are sent and how many ranges are read at once; 0: one after the other, through a single buffer. */
export function widthsFor(partSize: number): { sent: number; read: number } {
  const buffers = Math.floor(BUFFER_BUDGET / partSize);
  const sent = Math.max(1, Math.min(WIDTH, Math.ceil(buffers / 2)));
  return { sent, read: Math.max(0, Math.min(WIDTH, buffers - sent)) };
}

/** Sends what `stored` does not hold already. Resolves with all parts in order, once all are there. */
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
  // A part whose connection is cut may arrive after the upload's end and be left behind: give those under way a moment.
  const cutSoon = () => void (cut ??= setTimeout(() => sending.abort(), GRACE_MS));
  options.signal?.addEventListener("abort", cutSoon, { once: true });

  const sendPart = async (PartNumber: number, bytes: Buffer) => {
    const md5 = hash("md5", bytes);
    const there = stored.get(PartNumber);
    const same = there?.size === bytes.length && there.tag === md5;
    const part = { uploadId: target.UploadId, partNumber: PartNumber, bytes, md5 };
    const ETag = same ? there.tag : await calls.putPart(target.Key, part, sending.signal);
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
    // Of its own memory, so that a part's view leads back to the whole.
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

/** What a source delivers, with an error of its own kept apart from those of S3. */
export async function* named(key: Key, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    if (error instanceof FeedctlError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FeedctlError("unavailable", `cannot read the bytes for ${JSON.stringify(key)}: ${why}`, { cause: error });
  }
}
