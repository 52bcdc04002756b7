// Uploads a blob: one request up to 8 MiB, a resumable upload above. The object appears with its last byte.
import { createHash, type Hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { encodeMetadata } from "../shared/metadata.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { readParts } from "../shared/read-parts.ts";
import type { BlobSource, PutOptions } from "../store.ts";
import type { GcsCalls, UploadState } from "./calls.ts";
import type { GcsConnection } from "./client.ts";
import { translateGcsError, type GcsAttempt } from "./errors.ts";
import { writeTime, type GcsObject } from "./info.ts";

const MIB = 1024 * 1024;
/** The largest blob that is uploaded with one request, in bytes. */
const SINGLE = 8 * MIB;
/** Bytes per request of a resumable upload. The service requires a multiple of 256 KiB. */
const PART = 16 * MIB;
/** How many ranges of a parallel source are read at once. */
const WIDTH = 2;
/** How often a part is sent before the upload fails. */
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

/** The properties of a new object. */
export function resourceOf(connection: GcsConnection, key: Key, options: PutOptions): GcsObject {
  const { contentEncoding, contentDisposition, contentLanguage } = options.headers ?? {};
  return {
    name: connection.prefix + key,
    ...(options.storageClass !== undefined && { storageClass: options.storageClass }),
    ...(options.contentType !== undefined && { contentType: options.contentType }),
    ...(options.cacheControl !== undefined && { cacheControl: options.cacheControl }),
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(contentDisposition !== undefined && { contentDisposition }),
    ...(contentLanguage !== undefined && { contentLanguage }),
    metadata: encodeMetadata(options, writeTime),
  };
}

/** Reads a small source. `md5` is in Base64. Throws `corrupt` if size or hash are not as promised. */
export async function readSmall({ source, options }: Upload): Promise<{ bytes: Buffer; md5: string }> {
  const hash = createHash("md5");
  const { sha256, signal } = options;
  const newBuffer = () => Buffer.allocUnsafe(source.size);
  let bytes: Buffer = Buffer.alloc(0);
  for await (const part of readParts({ source, sha256, partSize: source.size, width: 1, newBuffer, md5: hash, signal }))
    bytes = part;
  return { bytes, md5: promisedMd5(hash, options) };
}

/** Returns the object as the service describes it, and the MD5 of the bytes sent, in Base64. */
export async function uploadLarge(
  upload: Upload,
  generation: string | undefined,
): Promise<{ object: GcsObject; md5: string | undefined }> {
  const { connection, calls, key, source, options } = upload;
  const { sha256, signal } = options;
  const session = await calls.begin(resourceOf(connection, key, options), source.size, generation, signal);
  const hash = createHash("md5");
  const spare: Buffer[] = [];
  // Not from Node's shared pool: the whole ArrayBuffer of a part is used again for another part.
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
      // One part is sent while the next is read.
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
    // A failed cancel is harmless: the upload is invisible, and the service deletes it after a week.
    await calls.cancelUpload(session).catch(() => {});
    throw error;
  }
}

/**
 * Sends a part. After a failure asks the service what it has stored and sends the rest. Returns the object after the
 * last part, otherwise undefined.
 */
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
    // The service may store less than it was sent, but never less than it has confirmed.
    if (state.stored < stored || count === TRIES)
      throw new FeedctlError(
        "unavailable",
        `cannot ${attempt.action} ${connection.name}: the upload makes no progress`,
      );
    stored = state.stored;
  }
}

/** The MD5 in Base64. Throws `corrupt` if it is not the one in the options. */
function promisedMd5(hash: Hash, { md5 }: PutOptions): string {
  const found = hash.digest();
  if (md5 === undefined || md5 === found.toString("hex")) return found.toString("base64");
  throw new FeedctlError("corrupt", `the bytes hash to MD5 ${found.toString("hex")}, but ${md5} was promised`);
}
