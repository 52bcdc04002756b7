import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { bodyLength } from "../shared/body-length.ts";
import { networkError } from "../shared/http.ts";
import { interrupted, throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, ByteRange, GetOptions } from "../store.ts";
import type { GcsCalls, Media } from "./calls.ts";
import type { GcsConnection } from "./client.ts";
import { gcsStatus, translateGcsError, type GcsAttempt } from "./errors.ts";
import { describeObject } from "./info.ts";

interface Reading {
  connection: GcsConnection;
  calls: GcsCalls;
  key: Key;
  options: GetOptions;
  attempt: GcsAttempt;
}

/**
 * `Store.get`. All bytes are of one generation. The blob's properties come from `known` or from a second request: a
 * download response need not contain the user metadata.
 */
export async function readObject(
  connection: GcsConnection,
  calls: GcsCalls,
  key: Key,
  options: GetOptions = {},
): Promise<Readable> {
  const { range, known, onInfo, signal } = options;
  throwIfInterrupted(signal);
  const attempt = { action: `read ${JSON.stringify(key)} from`, key, permission: "storage.objects.get", signal };
  const reading: Reading = { connection, calls, key, options, attempt };
  const header = rangeHeader(range);
  if (header === "") throw unreadable(reading, "the range is empty, negative or fractional");
  const wanted = {
    ...(known?.tag !== undefined && { generation: known.tag }),
    ...(header !== undefined && { range: header }),
  };
  const described = onInfo === undefined || known?.tag !== undefined ? Promise.resolve(known) : describe(reading);
  described.catch(() => {}); // thrown below, after an error of the download
  const media = await open(reading, wanted).catch((error: unknown) => {
    throw translateGcsError(error, connection, attempt);
  });
  const generation = media.headers["x-goog-generation"];
  try {
    const info = await described;
    if (known?.tag !== undefined && generation !== undefined && generation !== known.tag) throw changed(reading);
    if (range !== undefined && media.headers["content-range"] === undefined)
      throw unreadable(reading, "the server does not know ranges");
    if (info?.tag !== undefined && generation !== undefined && info.tag !== generation) throw replaced(reading);
    if (info !== undefined) onInfo?.(info);
  } catch (error) {
    media.body.destroy();
    throw translateGcsError(error, connection, attempt);
  }
  return streamOf(reading, media);
}

async function describe({ connection, calls, key, options }: Reading): Promise<BlobInfo> {
  return describeObject(key, await calls.stat(connection.prefix + key, options.signal));
}

/** If the wanted generation does not exist, throws `corrupt` when the blob has another one, else `not-found`. */
async function open(reading: Reading, wanted: Parameters<GcsCalls["media"]>[1]): Promise<Media> {
  const { connection, calls, key, options } = reading;
  const name = connection.prefix + key;
  try {
    return await calls.media(name, wanted, options.signal);
  } catch (error) {
    if (gcsStatus(error) === 416) throw unreadable(reading, "the range begins at or past the end");
    if (gcsStatus(error) !== 404) throw error;
    const now = await calls.stat(name, options.signal).catch((again: unknown) => {
      if (gcsStatus(again) !== 404) throw again;
    });
    if (now !== undefined && now.generation !== wanted.generation) throw changed(reading);
    throw new FeedctlError("not-found", `cannot ${reading.attempt.action} ${connection.name}: there is no such blob`);
  }
}

/** The value of the Range header, whose end is inclusive. `""`: the range is invalid. Undefined: no range. */
function rangeHeader(range: ByteRange | undefined): string | undefined {
  if (range === undefined) return undefined;
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || start < 0) return "";
  if (end === undefined) return `bytes=${start}-`;
  return Number.isSafeInteger(end) && end > start ? `bytes=${start}-${end - 1}` : "";
}

/** Bytes that the body should have. Asked for at its end: a response without Content-Length is rare. */
async function lengthOf(reading: Reading, headers: Media["headers"]): Promise<number | undefined> {
  const { connection, calls, key, options, attempt } = reading;
  const { range, known, signal } = options;
  const announced = bodyLength(headers);
  if (announced !== undefined || range !== undefined) return announced;
  // the service may have decompressed the blob
  const stored = headers["x-goog-stored-content-encoding"] ?? "identity";
  if (stored !== "identity" && stored !== headers["content-encoding"]) return undefined;
  const generation = headers["x-goog-generation"];
  if (known !== undefined && (known.tag === undefined || known.tag === generation)) return known.size;
  const now = await calls.stat(connection.prefix + key, signal).catch((error: unknown) => {
    throw translateGcsError(error, connection, attempt);
  });
  if (generation === undefined) return undefined;
  if (now.generation !== generation) throw replaced(reading);
  return Number(now.size);
}

/** Verifies the length and, for a whole blob, the MD5 of the response. Composed objects have no MD5. */
function streamOf(reading: Reading, { headers, body }: Media): Readable {
  const { connection, options, attempt } = reading;
  const { signal } = options;
  const md5 =
    headers["content-range"] === undefined ? /md5=([^,\s]+)/.exec(headers["x-goog-hash"] ?? "")?.[1] : undefined;
  async function* verified(): AsyncGenerator<Buffer> {
    const hash = md5 === undefined ? undefined : createHash("md5");
    let received = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        received += chunk.length;
        hash?.update(chunk);
        yield chunk;
      }
    } catch (error) {
      throw translateGcsError(networkError(error), connection, attempt);
    }
    if (signal?.aborted) throw interrupted(signal.reason);
    const isProven = hash !== undefined && hash.digest("base64") === md5;
    const length = isProven ? received : await lengthOf(reading, headers);
    if (length !== undefined && received !== length) {
      const why = `the connection to ${connection.host} ended after ${received} of ${length} bytes`;
      throw new FeedctlError("unavailable", `cannot ${attempt.action} ${connection.name}: ${why}`);
    }
    if (hash !== undefined && !isProven)
      throw new FeedctlError(
        "corrupt",
        `cannot ${attempt.action} ${connection.name}: the bytes are not those of its MD5`,
      );
  }
  const stream = Readable.from(verified(), { objectMode: false, highWaterMark: 256 * 1024 });
  // Closes the connection when the consumer stops early or never starts to read.
  stream.once("close", () => body.destroy());
  return stream;
}

function changed({ connection, key }: Reading): FeedctlError {
  return new FeedctlError("corrupt", `${JSON.stringify(key)} in ${connection.name} changed while it was being read`);
}

function replaced({ connection, attempt }: Reading): FeedctlError {
  return new FeedctlError("unavailable", `cannot ${attempt.action} ${connection.name}: it was replaced meanwhile`);
}

function unreadable({ connection, attempt }: Reading, why: string): FeedctlError {
  return new FeedctlError("usage", `cannot ${attempt.action} ${connection.name}: ${why}`);
}
