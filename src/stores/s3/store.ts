// A key is stored under the target path, joined with one slash, without escapes: `a/b` under `/feeds/` is the object
// `feeds/a/b`. feedctl creates no folder markers; those of other tools are reported as foreign. Content type and
// cache-control are the object's own headers; sha256, time and user metadata are its metadata (see shared/metadata.ts).
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { describeObject, isKms } from "./blob.ts";
import { connectS3, http } from "./client.ts";
import { COPY_LIMITS, createCopier, type CopyLimits } from "./copy.ts";
import { deleteObject, deleteObjects } from "./delete.ts";
import { s3Code, s3Status, translateS3Error, type S3Attempt } from "./errors/translate.ts";
import { cloudFeatures } from "../shared/features.ts";
import { examineBucket, purgeProbes } from "./examine.ts";
import { listObjects } from "./list.ts";
import { createOddNames } from "./odd-names.ts";
import { putBlob } from "./put.ts";
import { readObject, readWholeObject } from "./read.ts";
import { unfinishedUploads } from "./sweep.ts";
import { listEarlierVersions } from "./versions.ts";
import type { BlobInfo, CallOptions, HeadOptions, RemoteBlob, Store } from "../store.ts";
import type { StoreTraits } from "../traits.ts";
import type { S3Config } from "./config.ts";

/** Bytes of an object's name. */
const MAX_NAME = 1024;
/** Default lifetime of a signed URL, in seconds. */
const HOUR = 3600;
const WEEK = 7 * 24 * HOUR;

/**
 * Opens a bucket as a store. Sends nothing; rejects with `usage` for options that cannot be combined. Tests lower
 * `copyLimits`.
 */
export async function openS3Store(
  config: S3Config,
  { known, copyLimits = COPY_LIMITS }: { known?: StoreTraits | undefined; copyLimits?: CopyLimits } = {},
): Promise<Store> {
  const connection = await connectS3(config, known);
  const { client, calls, bucket: Bucket, prefix, found } = connection;
  let bucketSeen = false;
  if (config.kmsKey) found.md5Tags = false;

  async function head(key: Key, options: HeadOptions = {}, again = false): Promise<BlobInfo | undefined> {
    const { signal, checksums } = options;
    const attempt = { action: `look up ${JSON.stringify(key)} in`, key, permission: "s3:GetObject", signal };
    try {
      const headers = await calls.head(prefix + key, signal, checksums ? { "x-amz-checksum-mode": "ENABLED" } : {});
      if (isKms(headers)) found.md5Tags = false;
      bucketSeen = true;
      return describeObject(key, headers, found);
    } catch (error) {
      const status = s3Status(error);
      if (status === 404 && bucketSeen) return undefined;
      const refused = [400, 403, 405, 409].includes(status ?? 0);
      const reason = refused || status === 404 ? await reasonFor(key, signal) : undefined;
      // GET succeeded where HEAD was refused, because the credentials were renewed in between. Try HEAD again.
      if (refused && !again && (reason === undefined || [404, 416].includes(s3Status(reason) ?? 0)))
        return head(key, options, true);
      if (status === 404 && (reason === undefined || s3Code(reason) === "NoSuchKey")) return absent(attempt, reason);
      throw translateS3Error(reason ?? error, connection, attempt);
    }
  }

  /** Repeats a failed HEAD as GET, whose response has a body that names the error. Undefined: it names none. */
  async function reasonFor(key: Key, signal: AbortSignal | undefined): Promise<unknown> {
    try {
      await (await calls.get(prefix + key, { range: "bytes=0-0" }, signal)).discard();
      return undefined;
    } catch (error) {
      return s3Code(error) === "" || s3Code(error) === "NotFound" ? undefined : error;
    }
  }

  /** Reports a blob as absent, after checking once that the bucket exists. */
  async function absent(attempt: S3Attempt, proof: unknown): Promise<undefined> {
    if (proof === undefined) {
      await client.headBucket({ Bucket }, http(attempt.signal)).catch((error: unknown) => {
        const named = s3Status(error) === 404 ? Object.assign(error as Error, { name: "NoSuchBucket" }) : error;
        throw translateS3Error(named, connection, { ...attempt, key: undefined });
      });
    }
    bucketSeen = true;
    return undefined;
  }

  const get: Store["get"] = (key, options) => readObject(connection, key, options);
  const oddNames = createOddNames(connection);
  const put: Store["put"] = async (key, source, options) => {
    await oddNames.require(key, source.size, options);
    return putBlob(connection, { head, get }, key, source, options);
  };
  const list: Store["list"] = (text, options = {}) =>
    listObjects(connection, text, options, (key) => trustsEtags(key, options.signal));

  /**
   * Whether ETags are MD5s. Under SSE-KMS they only look so, and a listing does not show the encryption: one `head` per
   * store finds out.
   */
  async function trustsEtags(key: Key, signal: AbortSignal | undefined): Promise<boolean> {
    if (found.md5Tags !== undefined) return found.md5Tags;
    try {
      const blob = await head(key, { signal });
      return blob === undefined ? false : (found.md5Tags ??= blob.md5 !== undefined);
    } catch (error) {
      if (error instanceof FeedctlError && error.code === "denied") return (found.md5Tags = false);
      throw error;
    }
  }

  async function tags(key: Key, { signal }: CallOptions = {}): Promise<Record<string, string>> {
    const attempt = {
      action: `read the tags of ${JSON.stringify(key)} in`,
      key,
      permission: "s3:GetObjectTagging",
      signal,
    };
    const { TagSet = [] } = await client
      .getObjectTagging({ Bucket, Key: prefix + key }, http(signal))
      .catch((error: unknown) => {
        throw translateS3Error(error, connection, attempt);
      });
    return Object.fromEntries(TagSet.map(({ Key: tag = "", Value: value = "" }) => [tag, value]));
  }

  function remote(blob: BlobInfo): RemoteBlob {
    const whole = prefix + blob.key;
    const attempt = { action: `make a URL for ${JSON.stringify(blob.key)} in`, permission: "s3:GetObject" };
    const url = async (seconds = HOUR) => {
      if (seconds > WEEK)
        throw new FeedctlError("usage", "an S3 URL cannot be valid for longer than a week", { hint: "--expires 7d" });
      return connection.presign(whole, seconds).catch((error: unknown) => {
        throw translateS3Error(error, connection, attempt);
      });
    };
    const publicUrl = async () => (config.makePublic ? (await url()).replace(/\?.*$/, "") : undefined);
    const origin = { type: "s3", host: connection.host, bucket: Bucket, name: whole, urlHasTag: true };
    return { blob, origin, url, publicUrl, sessionEnd: connection.sessionEnd };
  }

  /** A copy in parts gets the tags that its request names. Undefined: this server has none. */
  async function keptTags(key: Key, { signal }: CallOptions): Promise<Record<string, string> | undefined> {
    try {
      const present = await tags(key, { signal });
      return Object.keys(present).length === 0 ? undefined : present;
    } catch (error) {
      if (connection.isAmazon || isFeedctlError(error, "unavailable", "interrupted")) throw error;
      return undefined;
    }
  }

  const copier = createCopier(connection, { head }, copyLimits);

  return {
    name: connection.name,
    type: "s3",
    features: cloudFeatures(found, { listsAll: false }),
    head,
    tags,
    get,
    read: (blob, options) => readWholeObject(connection, blob, options),
    put,
    list,
    delete: (key, { signal } = {}) => deleteObject(connection, key, signal),
    deleteMany: (keys, { signal } = {}) => deleteObjects(connection, keys, signal),
    nameProblem: (key) =>
      Buffer.byteLength(prefix + key) > MAX_NAME ? `is longer than ${MAX_NAME} bytes with the target path` : undefined,
    remote,
    reaches: copier.reaches,
    async copyFrom(key, from, options) {
      await oddNames.require(key, from.blob.size, options);
      return copier.copyFrom(key, from, options);
    },
    // S3 cannot change headers in place. Copying the object onto itself does, without moving bytes through here.
    async describe(blob, options) {
      const { headers, storageClass } = blob;
      const kept = blob.size > copyLimits.whole ? await keptTags(blob.key, options) : undefined;
      const described = { headers, storageClass, tags: kept, ...options, ifExists: "replace", replaces: true } as const;
      const copied = await copier.copyFrom(blob.key, remote(blob), described);
      if (copied !== undefined) return { tag: copied.tag };
      const what = `change the headers of ${JSON.stringify(blob.key)} in ${connection.name}`;
      throw new FeedctlError("denied", `cannot ${what}: the server does not allow copying it onto itself`);
    },
    examine: (options) => examineBucket(connection, { put, list, head }, options),
    purge: (folder, { signal } = {}) => purgeProbes(connection, folder, signal),
    listKept: ({ signal } = {}) => listEarlierVersions(connection, signal),
    unfinished: unfinishedUploads(connection),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
