import { contentTypeOf } from "../lib/content-type.ts";
import { hashStream } from "../lib/hash.ts";
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
  /** What the bytes must hash to, where the catalog knows it; other bytes reject with `corrupt`. */
  expected?: { sha256: string; md5: string } | undefined;
  contentType?: string | undefined;
}

/** Copies one blob with its time, content type, cache-control and metadata. Nothing is visible before all is there. */
export async function copyBlob(context: Context, input: CopyInput): Promise<PutResult> {
  const { source, target, blob } = input;
  const { signal } = context;
  const described = source.features.metadata ? await source.head(blob.key, { signal }) : undefined;
  const path = source.localPath?.(blob.key);
  const bytes: BlobSource = {
    size: blob.size,
    open: (range, cancel) => source.get(blob.key, { range, signal: cancel ?? signal }),
    ...(path === undefined ? {} : { path }),
  };
  return target.put(input.as ?? blob.key, bytes, {
    ifExists: input.ifExists,
    sha256: input.expected?.sha256 ?? described?.sha256 ?? blob.sha256 ?? (await hashStream(await bytes.open())).sha256,
    md5: input.expected?.md5 ?? described?.md5 ?? blob.md5,
    contentType: input.contentType ?? described?.contentType ?? blob.contentType ?? contentTypeOf(blob.key),
    cacheControl: described?.cacheControl ?? blob.cacheControl,
    metadata: described?.metadata ?? blob.metadata,
    modified: described?.modified ?? blob.modified,
    signal,
  });
}

export interface CloserLook {
  from: BlobInfo;
  to: BlobInfo;
  /** Proven by hash: the same bytes. */
  equal: boolean;
}

/**
 * Finds out what listings do not tell: the blobs' own times and hashes by a request each, and where one side knows its
 * hash the other's by reading, if that is cheaper than a copy (a local file) or wanted (`checksum`).
 */
export async function lookCloser(context: Context, pair: { source: Store; target: Store; from: BlobInfo; to: BlobInfo; checksum: boolean }): Promise<CloserLook> {
  const { source, target } = pair;
  const [from, to] = await Promise.all([describe(context, source, pair.from), describe(context, target, pair.to)]);
  const known = equalByHash(from, to);
  if (known !== undefined) return { from, to, equal: known };
  const timesDiffer = Math.abs(from.modified.getTime() - to.modified.getTime()) > 1;
  if (!pair.checksum && !timesDiffer) return { from, to, equal: false };
  const local = source.localPath !== undefined && to.sha256 !== undefined;
  if (!pair.checksum && !local) return { from, to, equal: false };
  const [a, b] = await Promise.all([withHash(context, source, from), withHash(context, target, to)]);
  return { from: a, to: b, equal: a.sha256 === b.sha256 };
}

async function describe(context: Context, store: Store, blob: BlobInfo): Promise<BlobInfo> {
  if (!store.features.metadata || store.features.listsGivenTime) return blob;
  return (await store.head(blob.key, { signal: context.signal })) ?? blob;
}

async function withHash(context: Context, store: Store, blob: BlobInfo): Promise<BlobInfo> {
  if (blob.sha256 !== undefined) return blob;
  const { sha256, md5 } = await hashStream(await store.get(blob.key, { signal: context.signal }));
  return { ...blob, sha256, md5 };
}
