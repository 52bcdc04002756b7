import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { FeedctlError } from "../errors.ts";
import { contentTypeOf } from "../lib/content-type.ts";
import type { Throttle } from "../lib/throttle.ts";
import type { Key } from "../stores/key.ts";
import type { BlobInfo, BlobSource, PutResult, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { equalByHash } from "./plan-mirror.ts";

export interface CopyInput {
  source: Store;
  target: Store;
  /** As the source lists it. */
  blob: BlobInfo;
  /** Another key in the target; default: the same. */
  as?: Key | undefined;
  ifExists: "fail" | "replace";
  /** As in `PutOptions`. */
  replaces?: boolean | undefined;
  /** What the bytes must hash to, where the catalog knows it; other bytes reject with `corrupt`. */
  expected?: { sha256: string; md5: string } | undefined;
  contentType?: string | undefined;
  /** Slows the reading of the source down. */
  throttle?: Throttle | undefined;
  /** As in `PutOptions`. */
  durable?: boolean | undefined;
}

/**
 * Copies one blob with its time, content type, cache-control and metadata. Nothing is visible before all is there, and
 * never a blob that is not the listed one any more: that rejects with `corrupt`.
 */
export async function copyBlob(context: Context, input: CopyInput): Promise<PutResult> {
  const { source, target, blob, throttle } = input;
  const { signal } = context;
  const described = source.features.metadata ? await source.head(blob.key, { signal }) : undefined;
  if (source.features.metadata) requireSame(blob, described, source);
  const path = throttle === undefined ? source.localPath?.(blob.key) : undefined;
  const read: BlobSource["open"] = (range, cancel) =>
    source.get(blob.key, { range, signal: cancel ?? signal, known: blob });
  const bytes: BlobSource = {
    size: blob.size,
    open: throttle === undefined ? read : async (range, cancel) => throttle(await read(range, cancel)),
    ...(path !== undefined && { path, pathTag: blob.tag }),
    // a cloud delivers one version of a blob or none; a file may change under the hand that reads it
    ...(source.localPath !== undefined && {
      check: async () => requireSame(blob, await source.head(blob.key, { signal }), source),
    }),
  };
  return target.put(input.as ?? blob.key, bytes, {
    ifExists: input.ifExists,
    replaces: input.replaces,
    sha256: input.expected?.sha256 ?? described?.sha256 ?? blob.sha256,
    md5: input.expected?.md5 ?? described?.md5 ?? blob.md5,
    contentType: input.contentType ?? described?.contentType ?? blob.contentType ?? contentTypeOf(blob.key),
    cacheControl: described?.cacheControl ?? blob.cacheControl,
    metadata: described?.metadata ?? blob.metadata,
    modified: described?.modified ?? blob.modified,
    durable: input.durable,
    signal,
  });
}

function requireSame(listed: BlobInfo, now: BlobInfo | undefined, { name }: Store): void {
  const what = `${JSON.stringify(listed.key)} in ${name}`;
  if (now === undefined) throw new FeedctlError("not-found", `${what} is gone`);
  if (listed.tag === undefined || listed.tag === now.tag) return;
  throw new FeedctlError("corrupt", `${what} changed while it was being copied`);
}

export interface LookInput {
  source: Store;
  target: Store;
  from: BlobInfo;
  to: BlobInfo;
  /** Read where no hash is known. */
  checksum: boolean;
  /** Milliseconds within which two times are equal. */
  timeWindow: number;
}

/**
 * Finds out what listings do not tell: the blobs' own times and hashes by a request each, and where one side knows its
 * hash the other's by reading, if that is cheaper than a copy (a local file) or wanted (`checksum`).
 */
export async function lookCloser(context: Context, pair: LookInput): Promise<{ from: BlobInfo; to: BlobInfo }> {
  const { source, target } = pair;
  const [from, to] = await Promise.all([describe(context, source, pair.from), describe(context, target, pair.to)]);
  if (from.size !== to.size || equalByHash(from, to) !== undefined) return { from, to };
  const timesDiffer = Math.abs(from.modified.getTime() - to.modified.getTime()) > pair.timeWindow;
  const cheaper = timesDiffer && source.localPath !== undefined && to.sha256 !== undefined;
  if (!pair.checksum && !cheaper) return { from, to };
  const [fromHashed, toHashed] = await Promise.all([withHash(context, source, from), withHash(context, target, to)]);
  return { from: fromHashed, to: toHashed };
}

async function describe(context: Context, store: Store, blob: BlobInfo): Promise<BlobInfo> {
  if (!store.features.metadata || store.features.listsGivenTime) return blob;
  const now = await store.head(blob.key, { signal: context.signal });
  requireSame(blob, now, store);
  return now as BlobInfo;
}

async function withHash(context: Context, store: Store, blob: BlobInfo): Promise<BlobInfo> {
  if (blob.sha256 !== undefined) return blob;
  return { ...blob, sha256: await sha256Of(await store.get(blob.key, { signal: context.signal })) };
}

async function sha256Of(stream: Readable): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
