// The object name is the target path and the key, joined with one slash, without escapes: `a/b` under `/feeds/` is
// `feeds/a/b`. Content type and cache-control are properties of the object; sha256, time and user metadata are its
// metadata (see shared/metadata.ts). The tag is the generation. An object appears with its last byte, whole or not at
// all. Unfinished uploads are invisible, and the service deletes them after a week.
import type { Key } from "../../lib/key.ts";
import { FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import { cloudFeatures } from "../shared/features.ts";
import { hashFirst } from "../shared/promised-hash.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, CallOptions, DeleteFailure, PutOptions, PutResult, RemoteBlob, Store } from "../store.ts";
import { createCalls } from "./calls.ts";
import { connectGcs } from "./client.ts";
import type { StoreTraits } from "../traits.ts";
import type { GcsConfig } from "./config.ts";
import { createCopier } from "./copy.ts";
import { gcsStatus, translateGcsError, type GcsAttempt } from "./errors.ts";
import { describeObject } from "./info.ts";
import { createExaminer } from "./examine.ts";
import { listObjects } from "./list.ts";
import { putBlob } from "./put.ts";
import { readObject } from "./read.ts";
import { resourceOf } from "./upload.ts";

const HOUR = 3600;
const WEEK = 7 * 24 * HOUR;
const TOO_LONG = "Google makes no URL that works for longer than a week";
/** How many deletes run at once. */
const WIDTH = 16;
/** Google's limit for object names, in bytes of UTF-8. */
const MAX_NAME = 1024;

/**
 * Opens a bucket as a store. Sends nothing; the first call fails if the bucket does not exist. Rejects with `usage` for
 * invalid options or an invalid key file, and with `denied` for a key file that cannot be read.
 */
export async function openGcsStore(
  config: GcsConfig,
  { known }: { known?: StoreTraits | undefined } = {},
): Promise<Store> {
  const connection = await connectGcs(config, known);
  const calls = createCalls(connection);
  const { prefix, name, bucket } = connection;
  let bucketSeen = false;

  const attemptOf = (verb: string, key: Key, permission: string, signal: AbortSignal | undefined): GcsAttempt => ({
    action: `${verb} ${JSON.stringify(key)} in`,
    key,
    permission,
    signal,
  });

  async function head(key: Key, { signal }: CallOptions = {}): Promise<BlobInfo | undefined> {
    const attempt = attemptOf("look up", key, "storage.objects.get", signal);
    throwIfInterrupted(signal);
    try {
      const object = await calls.stat(prefix + key, signal);
      bucketSeen = true;
      return describeObject(key, object);
    } catch (error) {
      if (gcsStatus(error) !== 404) throw translateGcsError(error, connection, attempt);
      await requireBucket(error as Error, attempt);
      return undefined;
    }
  }

  /**
   * Throws if the bucket does not exist, so that its blobs do not count as absent: a 404 may be about the object or the
   * bucket. Sends nothing once the bucket is known to exist.
   */
  async function requireBucket({ message }: Error, attempt: GcsAttempt): Promise<void> {
    if (bucketSeen) return;
    if (!/^no such object/i.test(message)) {
      await calls.list(prefix, undefined, 1, attempt.signal).catch((error: unknown) => {
        throw translateGcsError(error, connection, { ...attempt, key: undefined });
      });
    }
    bucketSeen = true;
  }

  const get: Store["get"] = (key, options) => readObject(connection, calls, key, options);

  async function remove(key: Key, { signal }: CallOptions = {}): Promise<void> {
    const attempt = attemptOf("delete", key, "storage.objects.delete", signal);
    throwIfInterrupted(signal);
    try {
      await calls.remove(prefix + key, undefined, signal);
    } catch (error) {
      if (gcsStatus(error) !== 404) throw translateGcsError(error, connection, attempt);
      await requireBucket(error as Error, attempt);
    }
  }

  async function deleteMany(keys: readonly Key[], { signal }: CallOptions = {}): Promise<DeleteFailure[]> {
    throwIfInterrupted(signal);
    const failures: DeleteFailure[] = [];
    const tried = mapParallel(keys, WIDTH, async (key) => {
      if (signal?.aborted) return;
      await remove(key, { signal }).catch((error: unknown) => {
        if (!(error instanceof FeedctlError)) throw error;
        failures.push({ key, error });
      });
    });
    for await (const _ of tried);
    throwIfInterrupted(signal);
    return failures;
  }

  /** Reads the metadata first: a patch removes only the entries that it sets to null. */
  async function describe(blob: BlobInfo, options: PutOptions): Promise<Pick<PutResult, "tag">> {
    const { signal } = options;
    const attempt = attemptOf("change the headers of", blob.key, "storage.objects.update", signal);
    const corrupt = () => new FeedctlError("corrupt", `cannot ${attempt.action} ${name}: it has changed`);
    throwIfInterrupted(signal);
    try {
      const now = await calls.stat(prefix + blob.key, signal);
      const generation = blob.tag ?? now.generation ?? "";
      if (now.generation !== generation) throw corrupt();
      const { contentType = null, cacheControl = null, metadata } = resourceOf(connection, blob.key, options);
      const cleared = Object.keys(now.metadata ?? {}).map((entry) => [entry, null]);
      const changes = { contentType, cacheControl, metadata: { ...Object.fromEntries(cleared), ...metadata } };
      const versions = { generation, metageneration: now.metageneration };
      return { tag: (await calls.patch(prefix + blob.key, versions, changes, signal)).generation };
    } catch (error) {
      if (gcsStatus(error) === 412) throw corrupt();
      if (gcsStatus(error) !== 404) throw translateGcsError(error, connection, attempt);
      throw new FeedctlError("not-found", `cannot ${attempt.action} ${name}: it is gone`, { cause: error });
    }
  }

  function remote(blob: BlobInfo): RemoteBlob {
    const whole = prefix + blob.key;
    const publicUrl = `${connection.endpoint.href.replace(/\/$/, "")}/${bucket}/${whole.split("/").map(encodeURIComponent).join("/")}`;
    return {
      blob,
      // The ETag of a download is not the generation.
      origin: { type: "gcs", host: connection.host, bucket, name: whole, urlHasTag: false },
      async url(seconds = HOUR) {
        if (seconds > WEEK) throw new FeedctlError("usage", TOO_LONG, { hint: "--expires 7d" });
        return connection.readUrl(whole, seconds);
      },
      publicUrl: async () => (config.makePublic ? publicUrl : undefined),
    };
  }

  const nameProblem = (key: Key): string | undefined => {
    if (Buffer.byteLength(prefix + key) > MAX_NAME)
      return `is longer than ${MAX_NAME} bytes together with the target path`;
    if (/[\r\n]|^\.{1,2}$/.test(prefix + key)) return "is a name that Google does not allow";
    return (prefix + key).startsWith(".well-known/acme-challenge/") ? "has a name that Google reserves" : undefined;
  };
  const checkPut = (key: Key, { contentType, cacheControl }: PutOptions): void => {
    const problem = nameProblem(key);
    const what = `cannot store ${JSON.stringify(key)} in ${name}`;
    if (problem !== undefined) throw new FeedctlError("invalid", `${what}: it ${problem}`);
    for (const [header, value] of Object.entries({ "content type": contentType, "cache-control": cacheControl })) {
      if (value === undefined || /^[ -~]*$/.test(value)) continue;
      throw new FeedctlError("usage", `${what}: the ${header} ${JSON.stringify(value)} is not printable ASCII`);
    }
  };
  const copier = createCopier(connection, calls, { head });
  const put = hashFirst(async (key, source, options) => {
    checkPut(key, options);
    const attempt = attemptOf("store", key, "storage.objects.create", options.signal);
    return putBlob({ connection, calls, key, source, options, attempt }, { head, get });
  });
  const list: Store["list"] = (text, options = {}) => listObjects({ connection, calls }, text, options);

  return {
    name,
    type: "gcs",
    features: cloudFeatures(connection.found, { listsAll: true }),
    head,
    get,
    put,
    list,
    ...createExaminer({ connection, calls }, { put, list, delete: remove }),
    delete: remove,
    deleteMany,
    describe,
    remote,
    nameProblem,
    reaches: copier.reaches,
    async copyFrom(key, from, options) {
      checkPut(key, options);
      return copier.copyFrom(key, from, options);
    },
    [Symbol.asyncDispose]: () => connection.http.close(),
  };
}
