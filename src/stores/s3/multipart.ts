// Multipart uploads. The blob becomes visible with the last request. A failed upload is aborted, or kept with a note if
// the caller passes `notes`.
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { http, type Condition, type ObjectRequest, type S3Connection } from "./client.ts";
import { s3Code, translateS3Error } from "./errors/translate.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { uploadParts, type DonePart } from "./parts.ts";
import { findResumable, isWorthKeeping, noteOf } from "./resume.ts";
import { endUpload, type UploadTarget } from "./unfinished.ts";
import type { BlobSource, Store } from "../store.ts";

/** Rejects with the SDK's errors, or with a `FeedctlError` for what is wrong with the source. */
export async function upload(
  connection: S3Connection,
  store: Pick<Store, "head">,
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
  request: ObjectRequest,
  condition: Condition,
): Promise<string | undefined> {
  const { notes, signal } = options;
  const { size } = source;
  const earlier = notes && (await findResumable(connection, notes, key, request, size, signal));
  const target = earlier === undefined ? await begin(connection, request, signal) : targetOf(request, earlier.uploadId);
  let noted = earlier !== undefined;
  let tag: string | undefined;
  try {
    if (notes !== undefined && !noted) {
      await notes.save(key, noteOf(target.UploadId, request, size));
      noted = true;
    }
    const parts = await uploadParts(connection.calls, target, key, source, options, earlier?.stored ?? new Map());
    tag = await complete(connection, target, parts, condition, signal);
  } catch (error) {
    const done = s3Code(error) === "NoSuchUpload" ? await store.head(key, { signal }) : undefined;
    // If the response to a completion is lost, its retry finds no upload. The blob's sha256 shows that it succeeded.
    if (done?.sha256 !== options.sha256 || done.size !== size) {
      if (noted && isWorthKeeping(error, signal)) throw error;
      if (noted) await notes?.drop(key);
      await discard(connection, target, key, error, signal);
      throw error;
    }
    tag = done.tag;
  }
  await notes?.drop(key);
  return tag;
}

export async function begin(
  { client, host }: S3Connection,
  request: ObjectRequest,
  signal: AbortSignal | undefined,
): Promise<UploadTarget> {
  const { Expires, ...others } = request;
  // The SDK writes the header from a date; it refuses a value that is none.
  const expires = new Date(Expires ?? "");
  const created = { ...others, ...(!Number.isNaN(expires.getTime()) && { Expires: expires }) };
  const { UploadId } = await client.createMultipartUpload(created, http(signal));
  // A proxy's web page has none.
  if (UploadId === undefined) throw new FeedctlError("unavailable", `the response of ${host} is not from S3`);
  return targetOf(request, UploadId);
}

function targetOf({ Bucket, Key }: ObjectRequest, UploadId: string): UploadTarget {
  return { Bucket, Key, UploadId };
}

export async function complete(
  { client }: S3Connection,
  target: UploadTarget,
  Parts: DonePart[],
  condition: Condition,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const whole = { ...target, ...condition, MultipartUpload: { Parts } };
  return (await client.completeMultipartUpload(whole, http(signal))).ETag;
}

/** Aborts a failed upload. If that fails too, rejects with the first error and mentions the second in its hint. */
export async function discard(
  connection: S3Connection,
  target: UploadTarget,
  key: Key,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  await endUpload(connection.client, target).catch((failure: unknown) => {
    throw leftBehind(error, connection, key, failure, signal);
  });
}

/** The first error, with a hint that the unfinished parts are still there and cost money. */
function leftBehind(error: unknown, place: S3Connection, key: Key, failure: unknown, signal: AbortSignal | undefined) {
  const attempt = { action: `store ${JSON.stringify(key)} in`, key, permission: "s3:PutObject", signal };
  const { code, message, hint, cause } = translateS3Error(error, place, attempt);
  const why = translateS3Error(failure, place, { action: "end the upload in", permission: "s3:AbortMultipartUpload" });
  const left = `an unfinished multipart upload is left (${why.message}); abort it, or let a lifecycle rule do so`;
  return new FeedctlError(code, message, { hint: hint === undefined ? left : `${hint}; ${left}`, cause });
}
