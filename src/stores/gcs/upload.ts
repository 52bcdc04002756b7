// Storing a blob: one request up to 8 MiB, a resumable upload above. Nothing is visible before the last byte is stored.
import { createHash, type Hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Key } from "../key.ts";
import { encodeMetadata } from "../shared/metadata.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { readParts } from "../shared/read-parts.ts";
import type { BlobSource, PutOptions } from "../store.ts";
import type { GcsCalls, UploadState } from "./calls.ts";
import type { GcsConnection } from "./client.ts";
import { translateGcsError, type GcsAttempt } from "./errors.ts";
import { writeTime, type GcsObject } from "./info.ts";

const MIB = 1024 * 1024;
/** Up to here one request carries the whole blob. */
const SINGLE = 8 * MIB;
/** Bytes of one request of a resumable upload; the service wants multiples of 256 KiB. */
const PART = 16 * MIB;
/** How many ranges of a parallel source are read at once. */
const WIDTH = 2;
/** How often one part is sent before the upload fails. */
const TRIES = 4;

export interface Upload {
  connection: GcsConnection;
  calls: GcsCalls;
  key: Key;
  source: BlobSource;
  options: PromisedOptions;
  attempt: GcsAttempt;
}

export function isLarge(source: BlobSource): boolean {
  return source.size > SINGLE;
}

/** Everything that an object is created with but its bytes. */
export function resourceOf(connection: GcsConnection, key: Key, options: PutOptions): GcsObject {
  return {
    name: connection.prefix + key,
    ...(options.contentType !== undefined && { contentType: options.contentType }),
    ...(options.cacheControl !== undefined && { cacheControl: options.cacheControl }),
    metadata: encodeMetadata(options, writeTime),
  };
}

/** A small source whole, with its MD5; throws `corrupt` when it is not what was promised. */
export async function readSmall({ source, options }: Upload): Promise<{ bytes: Buffer; md5: string }> {
  const hash = createHash("md5");
  const { sha256, signal } = options;
  const newBuffer = () => Buffer.allocUnsafe(source.size);
  let bytes: Buffer = Buffer.alloc(0);
  for await (const part of readParts({ source, sha256, partSize: source.size, width: 1, newBuffer, md5: hash, signal }))
    bytes = part;
  return { bytes, md5: promisedMd5(hash, options) };
}

/** Returns the object as the service describes it, and the MD5 of what was sent. */
export async function uploadLarge(
  upload: Upload,
  generation: string | undefined,
): Promise<{ object: GcsObject; md5: string | undefined }> {
  const { connection, calls, key, source, options } = upload;
  const { sha256, signal } = options;
  const session = await calls.begin(resourceOf(connection, key, options), source.size, generation, signal);
  const hash = createHash("md5");
  const spare: Buffer[] = [];
  // Slow: without the shared pool, so that a part's memory is its own and can be used again.
  const newBuffer = () => spare.pop() ?? Buffer.allocUnsafeSlow(PART);
  let sent: Promise<GcsObject | undefined> = Promise.resolve(undefined);
  let start = 0;
  let md5: string | undefined;
  try {
    for await (const bytes of readParts({
      source,
      sha256,
      partSize: PART,
      width: WIDTH,
      newBuffer,
      md5: hash,
      signal,
    })) {
      // While one part is sent the next is read.
      await sent;
      if (start + bytes.length === source.size) md5 = promisedMd5(hash, options);
      const part = { bytes, start, total: source.size, md5 };
      sent = sendPart(upload, session, part).finally(() => spare.push(Buffer.from(bytes.buffer, 0, PART)));
      sent.catch(() => {}); // thrown when it is awaited
      start += bytes.length;
    }
    const object = await sent;
    if (object !== undefined) return { object, md5 };
    throw new FeedctlError("unavailable", `cannot ${upload.attempt.action} ${connection.name}: the upload did not end`);
  } catch (error) {
    await sent.catch(() => {});
    // The service drops it after a week anyway, and nothing of it is visible.
    await calls.cancelUpload(session).catch(() => {});
    throw error;
  }
}

/** Sends one part; after a failure only what the service has not stored. Returns the object after the last part. */
async function sendPart(
  upload: Upload,
  session: URL,
  part: { bytes: Buffer; start: number; total: number; md5: string | undefined },
): Promise<GcsObject | undefined> {
  const { calls, options, connection, attempt } = upload;
  const { signal } = options;
  const end = part.start + part.bytes.length;
  let stored = part.start;
  for (let count = 1; ; count++) {
    let state: UploadState;
    try {
      const bytes = part.bytes.subarray(stored - part.start);
      state = await calls.append(session, { ...part, bytes, start: stored }, signal);
    } catch (error) {
      const failure = translateGcsError(error, connection, attempt);
      if (!isFeedctlError(failure, "unavailable") || failure.throttled || count === TRIES) throw error;
      await sleep(200 * 2 ** count, undefined, { signal });
      state = await calls.uploadState(session, part.total, signal);
    }
    if ("object" in state) return state.object;
    if (state.stored >= end) return undefined;
    // It may store less than it was sent, but it must not forget.
    if (state.stored < stored || count === TRIES)
      throw new FeedctlError(
        "unavailable",
        `cannot ${attempt.action} ${connection.name}: the upload makes no progress`,
      );
    stored = state.stored;
  }
}

/** In Base64, as the service writes it. */
function promisedMd5(hash: Hash, { md5 }: PutOptions): string {
  const found = hash.digest();
  if (md5 === undefined || md5 === found.toString("hex")) return found.toString("base64");
  throw new FeedctlError("corrupt", `the bytes hash to MD5 ${found.toString("hex")}, but ${md5} was promised`);
}
