import { addAbortSignal, type Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { contentTypeOf } from "../../lib/content-type.ts";
import type { Throttle } from "../../lib/concurrency/throttle.ts";
import type { Key } from "../../lib/key.ts";
import { sourceOf } from "../../stores/held.ts";
import { sameBlob } from "../../stores/same-tag.ts";
import { checkOf } from "../../stores/known-hash.ts";
import type {
  BlobInfo,
  BlobSource,
  GetOptions,
  HeadOptions,
  HeldBlob,
  PutOptions,
  PutResult,
  Store,
  UploadNotes,
} from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { Preserve } from "./preserve.ts";

export interface CopyInput {
  source: Store;
  target: Store;
  /** The source blob, as the source lists it. */
  blob: BlobInfo;
  /** Key in the target. Default: the source's key. */
  as?: Key | undefined;
  ifExists: "fail" | "replace";
  /** As in `PutOptions`. */
  replaces?: boolean | undefined;
  /** Hashes from the catalog that the bytes must have; other bytes reject with `corrupt`. */
  expected?: { sha256: string; md5: string } | undefined;
  contentType?: string | undefined;
  /** Cache-control and metadata of the copy. Default: those of the source. */
  served?: { cacheControl: string | undefined; metadata: Record<string, string> | undefined } | undefined;
  /** Both stores must have it: see `requirePreservable`. */
  preserve?: Preserve | undefined;
  /** As in `PutOptions`. */
  mode?: number | undefined;
  /** Limits the rate at which the source is read. */
  throttle?: Throttle | undefined;
  /** As in `PutOptions`. */
  durable?: boolean | undefined;
  /** As in `PutOptions`. */
  notes?: UploadNotes | undefined;
}

/** Up to this size one GET returns a blob's bytes and its headers. Larger blobs need a HEAD, and are read in ranges. */
const ONE_REQUEST = 8 * 1024 * 1024;

/**
 * Copies one blob with its modification time, content type, cache-control and metadata: on the provider's side where
 * both stores support it, else through this process. The copy is visible only when it is complete. Rejects with
 * `corrupt` when the blob changed after it was listed, and with `not-found` when it was deleted.
 */
export async function copyBlob(context: Context, input: CopyInput): Promise<PutResult> {
  const { source, target, blob, throttle } = input;
  const { signal } = context;
  await requireReadable(context, source, blob);
  const tags = input.preserve?.tags === true ? await source.tags?.(blob.key, { signal }) : undefined;
  const copied = await copyRemotely(context, input, tags);
  if (copied !== undefined) return copied;
  const held = await readHeld(context, input);
  if (held !== undefined) {
    // the listing may have more, such as an MD5 that the response lacks
    const options = putOptions(context, input, { ...blob, ...held.info }, tags);
    return target.put(input.as ?? blob.key, sourceOf(held), options);
  }
  const compared = comparedBy(input);
  const read: BlobSource["open"] = async (range, cancel) => {
    const stream = await source.get(blob.key, { range, signal: cancel ?? signal, known: blob, compared });
    return throttle === undefined ? stream : throttle(stream);
  };
  const first = await openFirst(context, input);
  const path = throttle === undefined ? source.localPath?.(blob.key) : undefined;
  const bytes: BlobSource = {
    size: blob.size,
    open: async (range, cancel) => (range === undefined ? first.take(cancel) : undefined) ?? read(range, cancel),
    parallel: source.localPath === undefined && throttle === undefined,
    hashCheck: () => checkOf(first.described, compared),
    ...(path !== undefined && { path, pathTag: blob.tag, pathRoot: path.slice(0, -blob.key.length - 1) }),
    // clouds serve one version of a blob per request; a file may change while it is being read
    ...(source.localPath !== undefined && {
      check: async () => requireSame(blob, await source.head(blob.key, { signal }), source),
    }),
  };
  try {
    return await target.put(input.as ?? blob.key, bytes, putOptions(context, input, first.described, tags));
  } finally {
    first.close();
  }
}

/** Throws `denied` for a blob in an archive, before anything is requested of it but whether it was restored meanwhile. */
export async function requireReadable(context: Context, source: Store, blob: BlobInfo): Promise<void> {
  if (blob.archived === undefined) return;
  if ((await source.head(blob.key, { signal: context.signal }))?.archived === undefined) return;
  throw new FeedctlError("denied", `${JSON.stringify(blob.key)} in ${source.name} is archived (${blob.archived})`, {
    hint: "restore it from its archive class first",
    blobOnly: true,
    archived: true,
  });
}

/**
 * Copies on the provider's side. Undefined when the stores cannot, or when only reading the bytes proves `expected`.
 */
async function copyRemotely(
  context: Context,
  input: CopyInput,
  tags: PutOptions["tags"],
): Promise<PutResult | undefined> {
  const { source, target, blob, expected, throttle } = input;
  const remote = throttle === undefined ? source.remote?.(blob) : undefined;
  if (remote === undefined || target.copyFrom === undefined || target.reaches?.(remote) !== true) return undefined;
  const described = await describeBlob(context, source, blob);
  if (expected !== undefined && expected.sha256 !== described.sha256) return undefined;
  return target.copyFrom(
    input.as ?? blob.key,
    { ...remote, blob: described },
    putOptions(context, input, described, tags),
  );
}

/** The blob in memory, if it is small. Between two local disks copying without it is faster. */
async function readHeld({ signal }: Context, input: CopyInput): Promise<HeldBlob | undefined> {
  const { source, target, blob, throttle } = input;
  const isLocal = source.localPath !== undefined && target.localPath !== undefined;
  if (isLocal || throttle !== undefined) return undefined;
  return source.read?.(blob, { compared: comparedBy(input), signal });
}

function putOptions(context: Context, input: CopyInput, described: BlobInfo, tags: PutOptions["tags"]): PutOptions {
  return {
    ifExists: input.ifExists,
    replaces: input.replaces,
    sha256: input.expected?.sha256 ?? described.sha256,
    md5: input.expected?.md5 ?? described.md5,
    contentType: input.contentType ?? described.contentType ?? contentTypeOf(described.key),
    ...(input.served ?? { cacheControl: described.cacheControl, metadata: described.metadata }),
    headers: described.headers,
    tags,
    storageClass: input.preserve?.storageClass === true ? described.storageClass : undefined,
    modified: described.modified,
    mode: input.mode,
    durable: input.durable,
    notes: input.notes,
    signal: context.signal,
  };
}

interface FirstRead {
  /** The blob's properties: of its listing, completed by a HEAD or by the GET that opened the stream. */
  described: BlobInfo;
  /** Returns the stream of a small blob, which is already open; undefined on a second call, and for large blobs. */
  take(signal: AbortSignal | undefined): Readable | undefined;
  /** Closes the stream unless it was taken. */
  close(): void;
}

/** The put compares the bytes with the catalog's hashes, else with the sha256 that is stored with the blob. */
function comparedBy({ expected }: CopyInput): NonNullable<GetOptions["compared"]> {
  return expected === undefined ? "sha256" : "all";
}

async function openFirst(context: Context, input: CopyInput): Promise<FirstRead> {
  const { source, blob, throttle } = input;
  if (source.features.listsAll || blob.size > ONE_REQUEST) {
    return {
      described: await describeBlob(context, source, blob, { checksums: true }),
      take: () => undefined,
      close: () => {},
    };
  }
  let reported: BlobInfo | undefined;
  const { signal } = context;
  let stream: Readable | undefined = await source.get(blob.key, {
    signal,
    known: blob,
    compared: comparedBy(input),
    onInfo: (info) => (reported = info),
  });
  const unread = stream;
  unread.on("error", () => {}); // an error before `take` would crash the process; the stream's reader gets it later
  return {
    // the listing may have more, such as an MD5 that the response lacks
    described: { ...blob, ...(reported ?? (await describeBlob(context, source, blob))) },
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
  if (now === undefined) throw new FeedctlError("not-found", `${what} does not exist any more`);
  if (listed.tag === undefined || sameBlob(listed.tag, now.tag)) return;
  throw new FeedctlError("corrupt", `${what} changed while it was being copied`);
}

/**
 * All properties of a listed blob, by a HEAD where listings are incomplete. Rejects with `not-found` or `corrupt` when
 * it changed.
 */
export async function describeBlob(
  context: Context,
  store: Store,
  blob: BlobInfo,
  { checksums }: Pick<HeadOptions, "checksums"> = {},
): Promise<BlobInfo> {
  if (store.features.listsAll) return blob;
  const now = await store.head(blob.key, { signal: context.signal, checksums });
  requireSame(blob, now, store);
  return now as BlobInfo;
}
