// Blobs that go from one bucket to another inside the service: CopyObject, or UploadPartCopy above its limit.
import { FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/parallel.ts";
import type { Key } from "../key.ts";
import { sameContent } from "../same-content.ts";
import { plainTag } from "./blob.ts";
import type { CopySource } from "./calls.ts";
import type { Condition, ObjectRequest, S3Connection } from "./client.ts";
import { s3Code, s3Status, translateS3Error, type S3Attempt } from "./errors.ts";
import { begin, complete, discard } from "./multipart.ts";
import { MAX_PARTS, type DonePart } from "./parts.ts";
import { headersOf, requestOf } from "./put.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, PutOptions, PutResult, RemoteBlob, Store } from "../store.ts";

const MIB = 1024 * 1024;
/** Parts that the service copies at once. */
const WIDTH = 8;

export interface CopyLimits {
  /** Up to so many bytes one request copies; S3 takes no more than 5 GiB. */
  whole: number;
  /** Bytes of a part of what is larger; more where 10,000 of them would not do. */
  part: number;
}

export const COPY_LIMITS: CopyLimits = { whole: 5 * 1024 * MIB, part: 512 * MIB };

type Copier = Required<Pick<Store, "reaches" | "copyFrom">>;

export function createCopier(connection: S3Connection, store: Pick<Store, "head">, limits: CopyLimits): Copier {
  /** Buckets that these credentials may not read, or that this server does not copy from. */
  const refused = new Set<string>();

  /** With its tag: without it nobody could tell which version was copied. */
  const sourceOf = ({ origin, blob }: RemoteBlob): CopySource | undefined =>
    origin?.type !== "s3" || origin.host !== connection.host || blob.tag === undefined || refused.has(origin.bucket)
      ? undefined
      : { bucket: origin.bucket, key: origin.name, tag: blob.tag };

  async function copyFrom(key: Key, from: RemoteBlob, options: PutOptions): Promise<PutResult | undefined> {
    const { ifExists, signal, sha256 } = options;
    const attempt: S3Attempt = { action: `store ${JSON.stringify(key)} in`, permission: "s3:PutObject", signal };
    throwIfInterrupted(signal);
    const source = sourceOf(from);
    if (source === undefined) return undefined;
    let existing =
      options.replaces === undefined || ifExists === "fail" ? await store.head(key, { signal }) : undefined;
    const replaced = options.replaces ?? existing !== undefined;
    const request = requestOf(connection, key, options);
    let conditional = ifExists === "fail";
    for (;;) {
      if (ifExists === "fail" && existing !== undefined) return compare(existing, from.blob, options);
      try {
        const copy = from.blob.size <= limits.whole ? copyWhole : copyParts;
        const etag = await copy(key, source, request, conditional, from.blob.size, signal);
        return { outcome: ifExists === "replace" && replaced ? "replaced" : "created", tag: plainTag(etag), sha256 };
      } catch (error) {
        const status = s3Status(error);
        if (conditional && status === 501) {
          // It does not know If-None-Match; the look before is all that this server allows.
          conditional = false;
          continue;
        }
        if (s3Code(error) === "AccessDenied" || status === 501 || status === 405) {
          refused.add(source.bucket);
          return undefined;
        }
        if (s3Code(error) === "NoSuchKey") throw gone(source);
        if (status !== 412 && s3Code(error) !== "PreconditionFailed")
          throw translateS3Error(error, connection, attempt);
        // Either the source is another version, or the target came to stand there.
        existing = conditional ? await store.head(key, { signal }) : undefined;
        if (existing === undefined) throw changed(source);
      }
    }
  }

  /** Undefined where no hash tells: then the bytes must be read. */
  function compare(existing: BlobInfo, blob: BlobInfo, options: PutOptions): PutResult | undefined {
    const same = holdsSame(existing, blob, options);
    if (same === undefined) return undefined;
    if (same) return { outcome: "unchanged", tag: existing.tag, sha256: options.sha256 };
    const what = `cannot store ${JSON.stringify(existing.key)} in ${connection.name}`;
    throw new FeedctlError("conflict", `${what}: other bytes stand there`);
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
    // Tags would need a permission of their own, and `put` keeps none. Not every other server knows the header.
    if (connection.isAmazon) headers["x-amz-tagging-directive"] = "REPLACE";
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
  return new FeedctlError("not-found", `${JSON.stringify(key)} in s3://${bucket} is gone`);
}

function changed({ bucket, key }: CopySource): FeedctlError {
  return new FeedctlError("corrupt", `${JSON.stringify(key)} in s3://${bucket} changed while it was being copied`);
}
