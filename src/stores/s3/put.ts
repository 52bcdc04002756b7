// Stores a blob: one PutObject up to 8 MiB, a multipart upload above. Nothing is visible before the last request.
import { createHash, hash } from "node:crypto";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { sameContent } from "../same-content.ts";
import { md5OfTag, plainTag, writeSeconds } from "./blob.ts";
import type { ObjectRequest, S3Connection, S3Creation } from "./client.ts";
import { s3Code, s3Status, translateS3Error, type S3Attempt } from "./errors/translate.ts";
import { upload } from "./multipart.ts";
import { named } from "./parts.ts";
import { forget } from "./resume.ts";
import { encodeMetadata } from "../shared/metadata.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { pause, throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, BlobSource, PutOptions, PutResult, Store } from "../store.ts";
import { hashSource, readVerified } from "../shared/verified-source.ts";

const SINGLE = 8 * 1024 * 1024;
const MAX_TRIES = 5;

/** `Store.put`. The hash is sent before the bytes: without one in the options a large source is read twice. */
export async function putBlob(
  connection: S3Connection,
  store: Pick<Store, "head" | "get">,
  key: Key,
  source: BlobSource,
  options: PutOptions,
): Promise<PutResult> {
  const { sha256, signal } = options;
  throwIfInterrupted(signal);
  if (sha256 !== undefined) return putHashed(connection, store, key, source, { ...options, sha256 });
  const read = source.size <= SINGLE ? await readWhole(key, source, options) : undefined;
  const hashed = { ...options, sha256: read?.sha256 ?? (await hashSource(source, signal)) };
  return putHashed(connection, store, key, source, hashed, read?.bytes);
}

/** `held`: all bytes of the source, if it has been read already. */
async function putHashed(
  connection: S3Connection,
  store: Pick<Store, "head" | "get">,
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
  held?: Buffer,
): Promise<PutResult> {
  const { ifExists, sha256, signal } = options;
  const attempt: S3Attempt = { action: `store ${JSON.stringify(key)} in`, key, permission: "s3:PutObject", signal };
  const small = source.size <= SINGLE;
  const compare = async () => {
    const same = await compareExisting(connection, store, key, source, options).catch(async (error: unknown) => {
      if (!small && isFeedctlError(error, "conflict")) await forget(connection, options.notes, key);
      throw error;
    });
    if (!small && same !== undefined) await forget(connection, options.notes, key);
    return same;
  };
  let existed = false;
  if (ifExists === "replace") {
    existed = options.replaces ?? (await store.head(key, { signal })) !== undefined;
  } else if (!connection.isAmazon || !small) {
    // Other servers may ignore If-None-Match. For a large blob a 412 would come only after gigabytes were sent.
    const same = await compare();
    if (same !== undefined) return same;
  }
  const bytes = small ? (held ?? (await readWhole(key, source, options)).bytes) : undefined;
  const md5 = bytes === undefined ? undefined : (options.md5 ?? source.held?.md5 ?? hash("md5", bytes));
  const request = requestOf(connection, key, options);
  let conditional = ifExists === "fail" && connection.found.conditionalCreate !== false;
  for (let count = 1; ; count++) {
    const condition = conditional ? { IfNoneMatch: "*" } : {};
    try {
      const etag =
        bytes === undefined
          ? await upload(connection, store, key, source, options, request, condition)
          : await connection.calls.put(request.Key, { bytes, sha256, md5 }, headersOf(request, conditional), signal);
      if (md5 !== undefined) await checkTag(connection, store, key, { etag, md5, sha256, size: source.size }, signal);
      return { outcome: existed ? "replaced" : "created", tag: plainTag(etag), sha256 };
    } catch (error) {
      const status = s3Status(error);
      if (conditional && status === 501) {
        // The server does not support If-None-Match. The comparison before the put is the only check it allows.
        conditional = false;
        connection.found.conditionalCreate = false;
        continue;
      }
      // 412: the key exists. 409: another write of it is in progress and may still fail.
      const contended = conditional && (status === 412 || s3Code(error) === "ConditionalRequestConflict");
      if (!contended || count === MAX_TRIES) throw translateS3Error(error, connection, attempt);
      const same = await compare();
      if (same !== undefined) return same;
      // versitygw takes a delete marker for the object, so that a deleted key could never be stored again.
      if (status === 412 && count > 1 && !connection.isAmazon) conditional = false;
      await pause(50 * 2 ** count, signal);
    }
  }
}

/**
 * Compares the ETag in the response to a put with the MD5 of the bytes that were sent. When they differ, the blob is read
 * back once: if its bytes are right, the ETags of this server are no MD5s. Throws `corrupt` when its bytes are wrong, or when
 * its ETag is another one than in the response: the server or a proxy changes what it gets.
 */
async function checkTag(
  { found, name }: S3Connection,
  store: Pick<Store, "head" | "get">,
  key: Key,
  sent: { etag: string | undefined; md5: string; sha256: string; size: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const told = md5OfTag(sent.etag);
  if (told === sent.md5) found.md5Tags ??= true;
  if (told === undefined || told === sent.md5 || found.md5Tags === false) return;
  const stored = await store.head(key, { signal });
  if (stored?.size === sent.size && stored.tag === plainTag(sent.etag) && found.md5Tags !== true) {
    if ((await hashOf(store, key, signal)) === sent.sha256) {
      found.md5Tags = false;
      return;
    }
  }
  throw new FeedctlError("corrupt", `${name} does not have the bytes of ${JSON.stringify(key)} that were sent`, {
    hint: "a proxy or the server changes what it stores, or what it answers; see: feedctl store test",
  });
}

/**
 * `unchanged` if the key has the same bytes; undefined if it does not exist. Rejects with `conflict` for other bytes.
 */
async function compareExisting(
  connection: S3Connection,
  store: Pick<Store, "head" | "get">,
  key: Key,
  source: BlobSource,
  options: PromisedOptions,
): Promise<PutResult | undefined> {
  const existing = await store.head(key, { signal: options.signal });
  if (existing === undefined) return undefined;
  if (await holdsSame(store, existing, source, options))
    return { outcome: "unchanged", tag: existing.tag, sha256: options.sha256 };
  throw new FeedctlError(
    "conflict",
    `cannot store ${JSON.stringify(key)} in ${connection.name}: it already exists with other content`,
  );
}

async function holdsSame(store: Pick<Store, "get">, existing: BlobInfo, source: BlobSource, options: PromisedOptions) {
  if (existing.size !== source.size) return false;
  const same = sameContent(existing, options);
  if (same !== undefined) return same;
  return (await hashOf(store, existing.key, options.signal)) === options.sha256;
}

async function hashOf(store: Pick<Store, "get">, key: Key, signal: AbortSignal | undefined): Promise<string> {
  const hasher = createHash("sha256");
  for await (const chunk of await store.get(key, { signal })) hasher.update(chunk as Buffer);
  return hasher.digest("hex");
}

/** The parameters that an object is created with, without its bytes. */
export function requestOf(connection: S3Connection, key: Key, options: PutOptions): ObjectRequest {
  const { contentEncoding, contentDisposition, contentLanguage, expires } = options.headers ?? {};
  return {
    Bucket: connection.bucket,
    Key: connection.prefix + key,
    ...connection.creation,
    ...(options.contentType !== undefined && { ContentType: options.contentType }),
    ...(options.cacheControl !== undefined && { CacheControl: options.cacheControl }),
    ...(contentEncoding !== undefined && { ContentEncoding: contentEncoding }),
    ...(contentDisposition !== undefined && { ContentDisposition: contentDisposition }),
    ...(contentLanguage !== undefined && { ContentLanguage: contentLanguage }),
    ...(expires !== undefined && { Expires: expires }),
    ...(options.tags !== undefined && { Tagging: new URLSearchParams(options.tags).toString() }),
    ...(options.storageClass !== undefined && {
      StorageClass: options.storageClass as S3Creation["StorageClass"] & string,
    }),
    Metadata: encodeMetadata(options, writeSeconds),
  };
}

/** The headers of such a request, for `S3Calls`. */
export function headersOf(request: ObjectRequest, conditional: boolean): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [property, name] of HEADERS) {
    const value = request[property];
    if (value !== undefined) headers[name] = value;
  }
  for (const [name, value] of Object.entries(request.Metadata)) headers[`x-amz-meta-${name}`] = value;
  if (conditional) headers["if-none-match"] = "*";
  return headers;
}

const HEADERS = [
  ["ContentType", "content-type"],
  ["CacheControl", "cache-control"],
  ["ContentEncoding", "content-encoding"],
  ["ContentDisposition", "content-disposition"],
  ["ContentLanguage", "content-language"],
  ["Expires", "expires"],
  ["Tagging", "x-amz-tagging"],
  ["ACL", "x-amz-acl"],
  ["ServerSideEncryption", "x-amz-server-side-encryption"],
  ["SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id"],
  ["StorageClass", "x-amz-storage-class"],
] as const;

async function readWhole(
  key: Key,
  source: BlobSource,
  { sha256: promised, signal }: PutOptions,
): Promise<{ bytes: Buffer; sha256: string }> {
  const chunks: Buffer[] = [];
  let sha256 = "";
  const verified = readVerified(source, promised, signal, (found) => (sha256 = found));
  for await (const chunk of named(key, verified)) chunks.push(chunk);
  return { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), sha256 };
}
