import { addAbortSignal, type Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { contentTypeOf } from "../../lib/content-type.ts";
import type { Throttle } from "../../lib/throttle.ts";
import type { Key } from "../../stores/key.ts";
import type { BlobInfo, BlobSource, PutOptions, PutResult, Store, UploadNotes } from "../../stores/store.ts";
import type { Context } from "../context.ts";

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
  /** What the copy is to be served with, whatever its source is. Default: as the source. */
  served?: { cacheControl: string | undefined; metadata: Record<string, string> | undefined } | undefined;
  /** Slows the reading of the source down. */
  throttle?: Throttle | undefined;
  /** As in `PutOptions`. */
  durable?: boolean | undefined;
  /** As in `PutOptions`. */
  notes?: UploadNotes | undefined;
}

/** Up to here the answer that brings the bytes also tells what they are; larger ones are read in ranges side by side. */
const ONE_ANSWER = 8 * 1024 * 1024;

/**
 * Copies one blob with its time, content type, cache-control and metadata: from provider to provider where they can do
 * it between them, else through this process. Nothing is visible before all is there, and never a blob that is not the
 * listed one any more: that rejects with `corrupt`.
 */
export async function copyBlob(context: Context, input: CopyInput): Promise<PutResult> {
  const { source, target, blob, throttle } = input;
  const { signal } = context;
  const copied = await copyRemotely(context, input);
  if (copied !== undefined) return copied;
  const read: BlobSource["open"] = async (range, cancel) => {
    const stream = await source.get(blob.key, { range, signal: cancel ?? signal, known: blob });
    return throttle === undefined ? stream : throttle(stream);
  };
  const first = await openFirst(context, input);
  const path = throttle === undefined ? source.localPath?.(blob.key) : undefined;
  const bytes: BlobSource = {
    size: blob.size,
    open: async (range, cancel) => (range === undefined ? first.take(cancel) : undefined) ?? read(range, cancel),
    parallel: source.localPath === undefined && throttle === undefined,
    ...(path !== undefined && { path, pathTag: blob.tag }),
    // a cloud delivers one version of a blob or none; a file may change under the hand that reads it
    ...(source.localPath !== undefined && {
      check: async () => requireSame(blob, await source.head(blob.key, { signal }), source),
    }),
  };
  try {
    return await target.put(input.as ?? blob.key, bytes, putOptions(context, input, first.described));
  } finally {
    first.close();
  }
}

/** Undefined where the providers cannot, or where a hash is expected that only reading the bytes would prove. */
async function copyRemotely(context: Context, input: CopyInput): Promise<PutResult | undefined> {
  const { source, target, blob, expected, throttle } = input;
  const remote = throttle === undefined ? source.remote?.(blob) : undefined;
  if (remote === undefined || target.copyFrom === undefined || target.reaches?.(remote) !== true) return undefined;
  const described = await describeBlob(context, source, blob);
  if (expected !== undefined && expected.sha256 !== described.sha256) return undefined;
  return target.copyFrom(input.as ?? blob.key, { ...remote, blob: described }, putOptions(context, input, described));
}

function putOptions(context: Context, input: CopyInput, described: BlobInfo): PutOptions {
  return {
    ifExists: input.ifExists,
    replaces: input.replaces,
    sha256: input.expected?.sha256 ?? described.sha256,
    md5: input.expected?.md5 ?? described.md5,
    contentType: input.contentType ?? described.contentType ?? contentTypeOf(described.key),
    ...(input.served ?? { cacheControl: described.cacheControl, metadata: described.metadata }),
    modified: described.modified,
    durable: input.durable,
    notes: input.notes,
    signal: context.signal,
  };
}

interface FirstRead {
  /** What is known of the blob: from its listing, or from the answer that brings its bytes. */
  described: BlobInfo;
  /** The stream that is open already, once. */
  take(signal: AbortSignal | undefined): Readable | undefined;
  /** Closes it if nobody has taken it. */
  close(): void;
}

async function openFirst(context: Context, { source, blob, throttle }: CopyInput): Promise<FirstRead> {
  if (source.features.listsAll || blob.size > ONE_ANSWER) {
    return { described: await describeBlob(context, source, blob), take: () => undefined, close: () => {} };
  }
  let told: BlobInfo | undefined;
  const { signal } = context;
  let stream: Readable | undefined = await source.get(blob.key, {
    signal,
    known: blob,
    onInfo: (info) => (told = info),
  });
  const unread = stream;
  unread.on("error", () => {}); // one that comes before the stream is taken is met again by its reader
  return {
    // what the listing knows beside it, such as an MD5 that the answer does not repeat, is no less true
    described: { ...blob, ...(told ?? (await describeBlob(context, source, blob))) },
    take(cancel) {
      const taken = stream;
      stream = undefined;
      if (taken !== undefined && cancel !== undefined) addAbortSignal(cancel, taken);
      return taken === undefined || throttle === undefined ? taken : throttle(taken);
    },
    close: () => stream?.destroy(),
  };
}

function requireSame(listed: BlobInfo, now: BlobInfo | undefined, { name }: Store): void {
  const what = `${JSON.stringify(listed.key)} in ${name}`;
  if (now === undefined) throw new FeedctlError("not-found", `${what} is gone`);
  if (listed.tag === undefined || listed.tag === now.tag) return;
  throw new FeedctlError("corrupt", `${what} changed while it was being copied`);
}

/** All that the store knows of a listed blob. Rejects with `not-found` or `corrupt` when it is another one by now. */
export async function describeBlob(context: Context, store: Store, blob: BlobInfo): Promise<BlobInfo> {
  if (store.features.listsAll) return blob;
  const now = await store.head(blob.key, { signal: context.signal });
  requireSame(blob, now, store);
  return now as BlobInfo;
}
