import { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { describeObject, plainTag } from "./blob.ts";
import type { S3Calls, Wanted } from "./calls.ts";
import type { S3Connection } from "./client.ts";
import { s3Status, translateS3Error, type S3Attempt, type S3Place } from "./errors/translate.ts";
import { bodyLength } from "../shared/body-length.ts";
import { networkError, type HttpAnswer } from "../shared/http.ts";
import { HELD } from "../held.ts";
import type { BlobInfo, ByteRange, CallOptions, GetOptions, HeldBlob } from "../store.ts";

const READ_AHEAD = 256 * 1024;

/** `Store.get`. */
export async function readObject(connection: S3Connection, key: Key, options: GetOptions = {}): Promise<Readable> {
  const attempt = attemptOf(key, options);
  const { headers, body } = await openObject(connection, key, options, connection.calls.get);
  const length = lengthOf(connection, key, headers, options);
  const stream = wholeBody(body, length, connection, attempt);
  // The body may break while its length is asked for: the reader gets that error.
  if (length instanceof Promise) stream.on("error", () => {});
  try {
    options.onInfo?.(describe(connection, key, headers, await length));
  } catch (error) {
    stream.destroy();
    throw translateS3Error(error, connection, attempt);
  }
  return stream;
}

/** `Store.read`. */
export async function readWholeObject(
  connection: S3Connection,
  blob: BlobInfo,
  { signal }: CallOptions = {},
): Promise<HeldBlob | undefined> {
  if (blob.size > HELD) return undefined;
  const { key } = blob;
  const options: GetOptions = { known: blob, signal };
  const { headers, body, bytes } = await openObject(connection, key, options, connection.calls.getWhole);
  const length = await lengthOf(connection, key, headers, options); // known: nothing is asked for
  const read = bytes ?? (await collect(wholeBody(body, length, connection, attemptOf(key, options))));
  if (read.length !== blob.size) return undefined;
  return { info: describe(connection, key, headers, length), bytes: read };
}

function attemptOf(key: Key, { signal }: CallOptions): S3Attempt {
  return { action: `read ${JSON.stringify(key)} from`, key, permission: "s3:GetObject", signal };
}

/** Requests an object, or a range of it, and checks that the response is of the wanted version. */
async function openObject(
  connection: S3Connection,
  key: Key,
  options: GetOptions,
  request: S3Calls["get"],
): Promise<HttpAnswer> {
  const { range, known, signal } = options;
  const attempt = attemptOf(key, options);
  const wrong = (why: string) => new FeedctlError("usage", `cannot ${attempt.action} ${connection.name}: ${why}`);
  const changed = () =>
    new FeedctlError("corrupt", `${JSON.stringify(key)} in ${connection.name} changed while it was being read`);
  const wanted: Wanted = {};
  if (range !== undefined) {
    wanted.range = rangeHeader(range);
    if (wanted.range === "") throw wrong("the range is empty, negative or fractional");
  } else wanted["x-amz-checksum-mode"] = "ENABLED";
  if (known?.tag !== undefined) wanted["if-match"] = `"${known.tag}"`;
  const answer = await request(connection.prefix + key, wanted, signal).catch((error: unknown) => {
    const status = s3Status(error);
    if (status === 412 && known !== undefined) throw changed();
    if (status !== 416) throw translateS3Error(error, connection, attempt);
    throw known?.tag !== undefined && range !== undefined && range.start < known.size
      ? changed()
      : wrong("the range begins at or past the end");
  });
  const { headers } = answer;
  try {
    if (range !== undefined && headers["content-range"] === undefined) throw wrong("the server does not know ranges");
    // Some servers ignore If-Match.
    if (known?.tag !== undefined && plainTag(headers["etag"]) !== known.tag) throw changed();
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
  return answer;
}

/** Bytes that a body should have. Undefined: nobody knows. */
type Length = number | undefined | Promise<number | undefined>;

/** A promise when the headers do not say it and the blob is not known: then the server is asked once more. */
function lengthOf(connection: S3Connection, key: Key, headers: Record<string, string>, options: GetOptions): Length {
  const { range, known, signal } = options;
  const announced = bodyLength(headers) ?? (range === undefined ? known?.size : undefined);
  const tag = plainTag(headers["etag"]);
  if (announced !== undefined || range !== undefined || tag === undefined) return announced;
  return connection.calls.head(connection.prefix + key, signal).then((now) => {
    if (plainTag(now["etag"]) === tag) return bodyLength(now);
    throw new FeedctlError("unavailable", `cannot read ${JSON.stringify(key)}: it was replaced meanwhile`);
  });
}

function describe({ found }: S3Connection, key: Key, headers: Record<string, string>, length: number | undefined) {
  const isSaid = length === undefined || headers["content-range"] !== undefined;
  return describeObject(key, isSaid ? headers : { ...headers, "content-length": String(length) }, found);
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The Range header, whose end is inclusive. `""`: the range is invalid. */
function rangeHeader({ start, end }: ByteRange): string {
  if (!Number.isSafeInteger(start) || start < 0) return "";
  if (end === undefined) return `bytes=${start}-`;
  return Number.isSafeInteger(end) && end > start ? `bytes=${start}-${end - 1}` : "";
}

/** A stream of the body that fails if it ends early: a broken connection must not look like the end of the blob. */
export function wholeBody(body: Readable, length: Length, place: S3Place, attempt: S3Attempt): Readable {
  let received = 0;
  const stream = new Readable({
    highWaterMark: READ_AHEAD,
    read() {
      body.resume();
    },
    // Closes the connection even if nothing was read.
    destroy(error, callback) {
      body.destroy();
      callback(error);
    },
  });
  body.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (!stream.push(chunk)) body.pause();
  });
  const finish = (wanted: number | undefined) => {
    if (wanted === undefined || received === wanted) return void stream.push(null);
    const why = `the connection to ${place.host} ended after ${received} of ${wanted} bytes`;
    stream.destroy(new FeedctlError("unavailable", `cannot ${attempt.action} ${place.name}: ${why}`));
  };
  body.once("end", () => {
    if (!(length instanceof Promise)) return finish(length);
    length.then(finish, (error: unknown) => stream.destroy(translateS3Error(error, place, attempt)));
  });
  body.once("error", (error) => {
    // After the end or after `destroy` the error does not matter.
    if (!stream.destroyed) stream.destroy(translateS3Error(networkError(error), place, attempt));
  });
  body.once("close", () => {
    if (stream.destroyed || body.readableEnded) return;
    stream.destroy(
      translateS3Error(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }), place, attempt),
    );
  });
  // The "data" listener has started the flow. Wait for the first read.
  body.pause();
  return stream;
}
