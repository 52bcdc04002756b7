// The upload of a blob in parts, which becomes visible with its last request or leaves nothing behind.
import { setTimeout as sleep } from "node:timers/promises";
import { FeedctlError } from "../errors.ts";
import type { Key } from "./key.ts";
import { http, type S3Connection } from "./s3-client.ts";
import { s3Code, s3Status, translateS3Error } from "./s3-errors.ts";
import type { PromisedOptions } from "./promised-hash.ts";
import type { BlobSource, Store } from "./store.ts";
import { readVerified } from "./verified-source.ts";

const MIB = 1024 * 1024;
const MIN_PART = 8 * MIB;
const MAX_PARTS = 10_000;
/** Parts in flight, unless they are so large that their buffers would not fit. */
const WIDTH = 4;
const BUFFER_BUDGET = 512 * MIB;
const MAX_TRIES = 5;
/** How long parts under way may go on after a failure or an interruption. */
const GRACE_MS = 3_000;

/** At least 8 MiB, in whole MiB, so that 10,000 of them hold the blob. */
export function partSizeFor(size: number): number {
  return Math.max(MIN_PART, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

export type ObjectRequest = {
  Bucket: string;
  Key: string;
  Metadata: Record<string, string>;
  ContentType?: string;
  CacheControl?: string;
} & S3Connection["creation"];

/** Rejects with the SDK's errors, or with a `FeedctlError` for what is wrong with the source. */
export async function upload(
  connection: S3Connection,
  store: Pick<Store, "head">,
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
  request: ObjectRequest,
  condition: { IfNoneMatch?: string },
): Promise<string | undefined> {
  const { client } = connection;
  const { Bucket, Key } = request;
  const { UploadId } = await client.createMultipartUpload(request, http(options.signal));
  // A web page, for one, has none.
  if (UploadId === undefined)
    throw new FeedctlError("unavailable", `${connection.host} gave an answer that is not S3's`);
  const target = { Bucket, Key, UploadId };
  try {
    const parts = await uploadParts(connection.calls, target, key, source, options);
    const whole = { ...target, ...condition, MultipartUpload: { Parts: parts } };
    return (await client.completeMultipartUpload(whole, http(options.signal))).ETag;
  } catch (error) {
    // The answer to a completion got lost, and its repetition found the upload gone: the blob tells whether it is ours.
    if (s3Code(error) === "NoSuchUpload") {
      const stored = await store.head(key, { signal: options.signal });
      if (stored?.sha256 === options.sha256 && stored.size === source.size) return stored.tag;
    }
    await endUpload(client, target).catch((failure: unknown) => {
      throw leftBehind(error, connection, key, failure, options.signal);
    });
    throw error;
  }
}

type UploadTarget = { Bucket: string; Key: string; UploadId: string };

/** A part whose connection was cut may still be arriving, and brings the upload back to life: ended is what is gone. */
export async function endUpload(client: S3Connection["client"], target: UploadTarget): Promise<void> {
  for (let count = 0; count < MAX_TRIES; count++) {
    try {
      await client.abortMultipartUpload(target);
    } catch (error) {
      if (s3Status(error) === 404) return;
      throw error;
    }
    // Where looking is not allowed or not known, the accepted request must do.
    const found = await client.listParts({ ...target, MaxParts: 1 }).then(
      () => true,
      () => false,
    );
    if (!found) return;
    await sleep(50 * 2 ** count);
  }
  throw new FeedctlError("unavailable", "parts kept arriving");
}

/** The first error counts; that its unfinished parts stay and cost money is added as a hint. */
function leftBehind(error: unknown, place: S3Connection, key: Key, failure: unknown, signal: AbortSignal | undefined) {
  const attempt = { action: `store ${JSON.stringify(key)} in`, permission: "s3:PutObject", signal };
  const { code, message, hint, cause } = translateS3Error(error, place, attempt);
  const why = translateS3Error(failure, place, { action: "end the upload in", permission: "s3:AbortMultipartUpload" });
  const left = `an unfinished multipart upload is left (${why.message}); end it, or let a lifecycle rule do so`;
  return new FeedctlError(code, message, { hint: hint === undefined ? left : `${hint}; ${left}`, cause });
}

async function uploadParts(
  calls: S3Connection["calls"],
  target: UploadTarget,
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
) {
  const partSize = partSizeFor(source.size);
  const width = Math.max(1, Math.min(WIDTH, Math.floor(BUFFER_BUDGET / partSize)));
  const reading = new AbortController();
  const sending = new AbortController();
  const signal = options.signal === undefined ? reading.signal : AbortSignal.any([options.signal, reading.signal]);
  const spare: Buffer[] = [];
  const done: { PartNumber: number; ETag: string | undefined }[] = [];
  const inFlight = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  let cut: NodeJS.Timeout | undefined;
  // A part whose connection is cut may arrive after the upload's end and be left behind: give those under way a moment.
  const cutSoon = () => void (cut ??= setTimeout(() => sending.abort(), GRACE_MS));
  options.signal?.addEventListener("abort", cutSoon, { once: true });

  const sendPart = async (PartNumber: number, buffer: Buffer, length: number) => {
    const part = { uploadId: target.UploadId, partNumber: PartNumber, bytes: buffer.subarray(0, length) };
    const ETag = await calls.putPart(target.Key, part, sending.signal);
    done.push({ PartNumber, ETag });
    spare.push(buffer);
  };
  const launch = (partNumber: number, buffer: Buffer, length: number) => {
    const flight: Promise<void> = sendPart(partNumber, buffer, length)
      .catch((error: unknown) => {
        failure ??= { error };
        reading.abort();
      })
      .finally(() => inFlight.delete(flight));
    inFlight.add(flight);
  };

  try {
    let buffer: Buffer = Buffer.allocUnsafeSlow(partSize);
    let filled = 0;
    let partNumber = 1;
    for await (const chunk of readSource(key, source, options, signal)) {
      for (let offset = 0; offset < chunk.length;) {
        const copied = chunk.copy(buffer, filled, offset);
        offset += copied;
        filled += copied;
        if (filled < partSize) continue;
        launch(partNumber++, buffer, filled);
        while (inFlight.size >= width) await Promise.race(inFlight);
        buffer = spare.pop() ?? Buffer.allocUnsafeSlow(partSize);
        filled = 0;
      }
    }
    if (filled > 0) launch(partNumber, buffer, filled);
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

/** `readVerified`, with an error of the source's own kept apart from those of S3. */
export async function* readSource(
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* readVerified(source, options.sha256, signal);
  } catch (error) {
    if (error instanceof FeedctlError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FeedctlError("unavailable", `cannot read the bytes for ${JSON.stringify(key)}: ${why}`, { cause: error });
  }
}
