// Server-side copies from one bucket to another: CopyObject, or UploadPartCopy above its limit.
import { FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Key } from "../../lib/key.ts";
import { sameContent } from "../same-content.ts";
import { plainTag } from "./blob.ts";
import type { CopySource } from "./calls.ts";
import type { Condition, ObjectRequest, S3Connection } from "./client.ts";
import { s3Code, s3Status, translateS3Error, type S3Attempt } from "./errors/translate.ts";
import { begin, complete, discard } from "./multipart.ts";
import { MAX_PARTS, type DonePart } from "./parts.ts";
import { headersOf, requestOf } from "./put.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, PutOptions, PutResult, RemoteBlob, Store } from "../store.ts";

const MIB = 1024 * 1024;
/** How many parts the service copies at once. */
const WIDTH = 8;

export interface CopyLimits {
  /** The largest blob that one request copies, in bytes. S3's limit is 5 GiB. */
  whole: number;
  /** Bytes of a part of a larger blob. Parts are larger if the blob would have more than 10,000 of them. */
  part: number;
}

export const COPY_LIMITS: CopyLimits = { whole: 5 * 1024 * MIB, part: 512 * MIB };

type Copier = Required<Pick<Store, "reaches" | "copyFrom">>;

export function createCopier(connection: S3Connection, store: Pick<Store, "head">, limits: CopyLimits): Copier {
  /** Source buckets that these credentials may not read, or that the server cannot copy from. */
  const refused = new Set<string>();

  /** Undefined without a tag, because the copied version would be unknown. */
  const sourceOf = ({ origin, blob }: RemoteBlob): CopySource | undefined =>
    origin?.type !== "s3" || origin.host !== connection.host || blob.tag === undefined || refused.has(origin.bucket)
      ? undefined
      : { bucket: origin.bucket, key: origin.name, tag: blob.tag };

  async function copyFrom(key: Key, from: RemoteBlob, options: PutOptions): Promise<PutResult | undefined> {
    const { ifExists, signal, sha256 } = options;
    const attempt: S3Attempt = { action: `store ${JSON.stringify(key)} in`, key, permission: "s3:PutObject", signal };
    throwIfInterrupted(signal);
    const source = sourceOf(from);
    if (source === undefined) return undefined;
    let existing =
      options.replaces === undefined || ifExists === "fail" ? await store.head(key, { signal }) : undefined;
    const replaced = options.replaces ?? existing !== undefined;
    const request = requestOf(connection, key, options);
    let conditional = ifExists === "fail" && connection.found.conditionalCreate !== false;
    for (;;) {
      if (ifExists === "fail" && existing !== undefined) return compare(existing, from.blob, options);
      try {
        const copy = from.blob.size <= limits.whole ? copyWhole : copyParts;
        const etag = await copy(key, source, request, conditional, from.blob.size, signal);
        return { outcome: ifExists === "replace" && replaced ? "replaced" : "created", tag: plainTag(etag), sha256 };
      } catch (error) {
        const status = s3Status(error);
        if (conditional && status === 501) {
          // The server does not support If-None-Match. The `head` before the copy is the only check it allows.
          conditional = false;
          connection.found.conditionalCreate = false;
          continue;
        }
        if (s3Code(error) === "AccessDenied" || status === 501 || status === 405) {
          refused.add(source.bucket);
          return undefined;
        }
        if (s3Code(error) === "NoSuchKey") throw gone(source);
        if (status !== 412 && s3Code(error) !== "PreconditionFailed")
          throw translateS3Error(error, connection, attempt);
        // Either the source has changed, or the target was created meanwhile.
        existing = conditional ? await store.head(key, { signal }) : undefined;
        if (existing !== undefined) continue;
        if (!conditional || connection.isAmazon) throw changed(source);
        // versitygw takes a delete marker for the object. Without the condition only a changed source is refused.
        conditional = false;
      }
    }
  }

  /** `unchanged` or `conflict` for an existing target. Undefined without a known hash: the bytes must be compared. */
  function compare(existing: BlobInfo, blob: BlobInfo, options: PutOptions): PutResult | undefined {
    const same = holdsSame(existing, blob, options);
    if (same === undefined) return undefined;
    if (same) return { outcome: "unchanged", tag: existing.tag, sha256: options.sha256 };
    const what = `cannot store ${JSON.stringify(existing.key)} in ${connection.name}`;
    throw new FeedctlError("conflict", `${what}: it already exists with other content`);
  }

  async function copyWhole(
    _key: Key,
    source: CopySource,
    request: ObjectRequest,
    conditional: boolean,
    _size: number,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const headers = headersOf(request, conditional);
    headers["x-amz-metadata-directive"] = "REPLACE";
    // Without it S3 copies the object's tags, which needs another permission. Other servers may not know the header.
    // An object that is copied onto itself, to change its headers, keeps its tags.
    const isItself = source.bucket === request.Bucket && source.key === request.Key;
    if ((connection.isAmazon && !isItself) || request.Tagging !== undefined)
      headers["x-amz-tagging-directive"] = "REPLACE";
    return connection.calls.copy(request.Key, source, headers, signal);
  }

  async function copyParts(
    key: Key,
    source: CopySource,
    request: ObjectRequest,
    conditional: boolean,
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const condition: Condition = conditional ? { IfNoneMatch: "*" } : {};
    const target = await begin(connection, request, signal);
    try {
      const done: DonePart[] = [];
      const copied = mapParallel(rangesOf(size, limits.part), WIDTH, async ({ PartNumber, start, end }) => {
        const part = { uploadId: target.UploadId, partNumber: PartNumber, start, end };
        return { PartNumber, ETag: await connection.calls.copyPart(request.Key, source, part, signal) };
      });
      for await (const part of copied) done.push(part);
      done.sort((a, b) => a.PartNumber - b.PartNumber);
      return await complete(connection, target, done, condition, signal);
    } catch (error) {
      await discard(connection, target, key, error, signal);
      throw error;
    }
  }

  return { reaches: (from) => sourceOf(from) !== undefined, copyFrom };
}

function holdsSame(existing: BlobInfo, blob: BlobInfo, options: PutOptions): boolean | undefined {
  if (existing.size !== blob.size) return false;
  return sameContent(existing, { sha256: options.sha256 ?? blob.sha256, md5: options.md5 ?? blob.md5 });
}

function* rangesOf(size: number, atLeast: number): Generator<{ PartNumber: number; start: number; end: number }> {
  const part = Math.max(atLeast, Math.ceil(size / MAX_PARTS / MIB) * MIB);
  for (let start = 0, PartNumber = 1; start < size; start += part, PartNumber++)
    yield { PartNumber, start, end: Math.min(start + part, size) };
}

function gone({ bucket, key }: CopySource): FeedctlError {
  return new FeedctlError("not-found", `${JSON.stringify(key)} in s3://${bucket} does not exist any more`);
}

function changed({ bucket, key }: CopySource): FeedctlError {
  return new FeedctlError("corrupt", `${JSON.stringify(key)} in s3://${bucket} changed while it was being copied`);
}
