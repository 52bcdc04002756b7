// Storing a blob: one PutObject up to 8 MiB, a multipart upload above. Nothing is visible before the last request.
import { createHash, hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { FeedctlError } from "../errors.ts";
import type { Key } from "./key.ts";
import { encodeMetadata, plainTag } from "./s3-blob.ts";
import type { S3Connection } from "./s3-client.ts";
import { s3Code, s3Status, translateS3Error, type S3Attempt } from "./s3-errors.ts";
import type { BlobInfo, BlobSource, PutOptions, PutResult, Store } from "./store.ts";
import { throwIfInterrupted } from "./signal.ts";
import { readVerified } from "./verified-source.ts";

const MIB = 1024 * 1024;
const SINGLE = 8 * MIB;
const MAX_PARTS = 10_000;
/** Parts in flight, unless they are so large that their buffers would not fit. */
const WIDTH = 4;
const BUFFER_BUDGET = 512 * MIB;
const MAX_TRIES = 5;

/** At least 8 MiB, in whole MiB, so that 10,000 of them hold the blob. */
export function partSizeFor(size: number): number {
  return Math.max(SINGLE, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

export async function putBlob(
  connection: S3Connection,
  store: Pick<Store, "head" | "get">,
  key: Key,
  source: BlobSource,
  options: PutOptions,
): Promise<PutResult> {
  const { ifExists, signal } = options;
  const attempt: S3Attempt = { action: `store ${JSON.stringify(key)} in`, permission: "s3:PutObject", signal };
  throwIfInterrupted(signal);
  const small = source.size <= SINGLE;
  let existed = false;
  if (ifExists === "replace") {
    existed = (await store.head(key, { signal })) !== undefined;
  } else if (!connection.trustsConditions || !small) {
    // A server may ignore If-None-Match; and 412 after gigabytes would be late news.
    const same = await compareExisting(connection, store, key, source, options);
    if (same !== undefined) return same;
  }
  const bytes = small ? await readWhole(key, source, options) : undefined;
  const request = {
    Bucket: connection.bucket,
    Key: connection.prefix + key,
    ...connection.creation,
    ...(options.contentType !== undefined && { ContentType: options.contentType }),
    ...(options.cacheControl !== undefined && { CacheControl: options.cacheControl }),
    Metadata: encodeMetadata(options),
  };
  let conditional = ifExists === "fail";
  for (let count = 1; ; count++) {
    const condition = conditional ? { IfNoneMatch: "*" } : {};
    try {
      const etag =
        bytes === undefined
          ? await upload(connection, store, key, source, options, request, condition)
          : await send(connection, bytes, options, { ...request, ...condition });
      return { outcome: existed ? "replaced" : "created", tag: plainTag(etag) };
    } catch (error) {
      const status = s3Status(error);
      if (conditional && status === 501) {
        // It does not know If-None-Match; the look before is all that this server allows.
        conditional = false;
        continue;
      }
      // 412: it is there. 409: another write of it is under way, and whether it succeeds is open.
      const contended = conditional && (status === 412 || s3Code(error) === "ConditionalRequestConflict");
      if (!contended || count === MAX_TRIES) throw translateS3Error(error, connection, attempt);
      const same = await compareExisting(connection, store, key, source, options);
      if (same !== undefined) return same;
      await sleep(50 * 2 ** count);
    }
  }
}

/** `unchanged` if the key holds these bytes; rejects with `conflict` if it holds others; undefined if it is free. */
async function compareExisting(
  connection: S3Connection,
  store: Pick<Store, "head" | "get">,
  key: Key,
  source: BlobSource,
  options: PutOptions,
): Promise<PutResult | undefined> {
  const existing = await store.head(key, { signal: options.signal });
  if (existing === undefined) return undefined;
  if (await holdsSame(store, existing, source, options)) return { outcome: "unchanged", tag: existing.tag };
  throw new FeedctlError("conflict", `cannot store ${JSON.stringify(key)} in ${connection.name}: other bytes stand there`);
}

async function holdsSame(store: Pick<Store, "get">, existing: BlobInfo, source: BlobSource, options: PutOptions) {
  if (existing.size !== source.size) return false;
  if (existing.sha256 !== undefined) return existing.sha256 === options.sha256;
  if (existing.md5 !== undefined && options.md5 !== undefined) return existing.md5 === options.md5;
  const hasher = createHash("sha256");
  for await (const chunk of await store.get(existing.key, { signal: options.signal })) hasher.update(chunk as Buffer);
  return hasher.digest("hex") === options.sha256;
}

type ObjectRequest = { Bucket: string; Key: string; Metadata: Record<string, string> } & S3Connection["creation"];

async function send({ client }: S3Connection, bytes: Buffer, options: PutOptions, request: ObjectRequest) {
  const ContentMD5 = options.md5 === undefined ? hash("md5", bytes, "base64") : Buffer.from(options.md5, "hex").toString("base64");
  const body = { Body: bytes, ContentLength: bytes.length, ContentMD5 };
  return (await client.putObject({ ...request, ...body }, http(options.signal))).ETag;
}

/** Rejects with the SDK's errors, or with a `FeedctlError` for what is wrong with the source. */
async function upload(
  connection: S3Connection,
  store: Pick<Store, "head">,
  key: Key,
  source: BlobSource,
  options: PutOptions,
  request: ObjectRequest,
  condition: { IfNoneMatch?: string },
): Promise<string | undefined> {
  const { client } = connection;
  const { Bucket, Key } = request;
  const { UploadId } = await client.createMultipartUpload(request, http(options.signal));
  const target = { Bucket, Key, UploadId };
  try {
    const parts = await uploadParts(client, target, key, source, options);
    const whole = { ...target, ...condition, MultipartUpload: { Parts: parts } };
    return (await client.completeMultipartUpload(whole, http(options.signal))).ETag;
  } catch (error) {
    // The answer to a completion got lost, and its repetition found the upload gone: the blob tells whether it is ours.
    if (s3Code(error) === "NoSuchUpload") {
      const stored = await store.head(key, { signal: options.signal });
      if (stored?.sha256 === options.sha256 && stored.size === source.size) return stored.tag;
    }
    await client.abortMultipartUpload(target).catch((abortError: unknown) => {
      if (s3Code(abortError) !== "NoSuchUpload") throw leftBehind(error, connection, key, options.signal);
    });
    throw error;
  }
}

/** The first error counts; that its unfinished parts stay and cost money is added as a hint. */
function leftBehind(error: unknown, connection: S3Connection, key: Key, signal: AbortSignal | undefined): FeedctlError {
  const attempt = { action: `store ${JSON.stringify(key)} in`, permission: "s3:PutObject", signal };
  const { code, message, hint, cause } = translateS3Error(error, connection, attempt);
  const left = "an unfinished multipart upload is left; end it (s3:AbortMultipartUpload) or let a lifecycle rule do so";
  return new FeedctlError(code, message, { hint: hint === undefined ? left : `${hint}; ${left}`, cause });
}

async function uploadParts(
  client: S3Connection["client"],
  target: { Bucket: string; Key: string; UploadId: string | undefined },
  key: Key,
  source: BlobSource,
  options: PutOptions,
) {
  const partSize = partSizeFor(source.size);
  const width = Math.max(1, Math.min(WIDTH, Math.floor(BUFFER_BUDGET / partSize)));
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const spare: Buffer[] = [];
  const done: { PartNumber: number; ETag: string | undefined }[] = [];
  const inFlight = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;

  const sendPart = async (PartNumber: number, buffer: Buffer, length: number) => {
    const Body = buffer.subarray(0, length);
    const body = { Body, ContentLength: length, ContentMD5: hash("md5", Body, "base64") };
    const { ETag } = await client.uploadPart({ ...target, PartNumber, ...body }, { abortSignal: signal });
    done.push({ PartNumber, ETag });
    spare.push(buffer);
  };
  const launch = (partNumber: number, buffer: Buffer, length: number) => {
    const flight: Promise<void> = sendPart(partNumber, buffer, length)
      .catch((error: unknown) => {
        failure ??= { error };
        stop.abort();
      })
      .finally(() => inFlight.delete(flight));
    inFlight.add(flight);
  };

  try {
    let buffer: Buffer = Buffer.allocUnsafeSlow(partSize);
    let filled = 0;
    let partNumber = 1;
    for await (const chunk of readSource(key, source, options, signal)) {
      for (let offset = 0; offset < chunk.length; ) {
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
    // Parts still under way when the upload is aborted would be left behind.
    stop.abort();
    await Promise.all(inFlight);
    throw failure.error;
  }
  return done.sort((a, b) => a.PartNumber - b.PartNumber);
}

async function readWhole(key: Key, source: BlobSource, options: PutOptions): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readSource(key, source, options, options.signal)) chunks.push(chunk);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** `readVerified`, with an error of the source's own kept apart from those of S3. */
async function* readSource(key: Key, source: BlobSource, options: PutOptions, signal?: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* readVerified(source, options.sha256, signal);
  } catch (error) {
    if (error instanceof FeedctlError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FeedctlError("unavailable", `cannot read the bytes for ${JSON.stringify(key)}: ${why}`, { cause: error });
  }
}

export function http(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
