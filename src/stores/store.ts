import type { Readable } from "node:stream";
import type { Key } from "./key.ts";

/** A half-open range of bytes: `start` is included, `end` is not; without `end` to the last byte. */
export interface ByteRange {
  start: number;
  end?: number | undefined;
}

/** One stored blob as its store describes it. Hashes are lower-case hex. */
export interface BlobInfo {
  key: Key;
  /** Bytes. */
  size: number;
  modified: Date;
  /** The store's own mark of this content (ETag; on disk: modification time, size and inode). Changes when the blob does. */
  tag?: string | undefined;
  /** Only where the provider vouches for it: a plain S3 ETag, Azure's Content-MD5, GCS's md5Hash. */
  md5?: string | undefined;
  /** Only where feedctl stored it with the blob. S3 tells it in `head`, not in `list`. */
  sha256?: string | undefined;
  contentType?: string | undefined;
  cacheControl?: string | undefined;
  /** User metadata, feedctl's own entries left out. */
  metadata?: Record<string, string> | undefined;
}

/** Bytes to be stored. */
export interface BlobSource {
  /** Bytes that `open()` delivers without a range. */
  size: number;
  /** Opens the bytes; called again for every retry and for every part. Delivering fewer or more bytes is an error. */
  open(range?: ByteRange, signal?: AbortSignal): Promise<Readable>;
  /** Several ranges may be open at once, and come faster than one after the other: of a cloud's blob. */
  parallel?: boolean | undefined;
  /** A local file that holds exactly these bytes, where there is one: lets the disk store copy inside the kernel. */
  path?: string | undefined;
  /**
   * The tag that a disk store told of the file at `path`. The disk store then holds the opened file against it, which
   * answers `check` without a call per blob: without it, a source with a `check` is never copied the fast way.
   */
  pathTag?: string | undefined;
  /** Asked when all bytes were read and nothing is visible yet: rejects when they are no longer what the source holds. */
  check?(): Promise<void>;
}

export interface PutOptions {
  /** `fail`: same bytes again are `unchanged`, other bytes reject with `conflict`; atomic iff `features.atomicCreate`. `replace`: swaps atomically. */
  ifExists: "fail" | "replace";
  /**
   * With `replace`: whether a blob stands there, where the caller knows it from a listing. Spares clouds the question;
   * nothing but the told outcome depends on it.
   */
  replaces?: boolean | undefined;
  /**
   * Lower-case hex of what the source must deliver. Any difference rejects with `corrupt` and nothing becomes visible.
   * Absent: only the size is compared. A cloud then reads a source twice, or keeps it in memory up to 8 MiB, because it
   * must know the hash before it sends; a disk copies `source.path` inside the kernel and trusts it.
   */
  sha256?: string | undefined;
  /** Lower-case hex; lets clouds check the request bodies without a second pass. */
  md5?: string | undefined;
  contentType?: string | undefined;
  cacheControl?: string | undefined;
  metadata?: Record<string, string> | undefined;
  /** Kept as the file's time on disk and as metadata in the clouds. Default: the time of storing. */
  modified?: Date | undefined;
  /**
   * Whether the blob has reached the disk itself when `put` resolves. Default true. `false` leaves that to the operating
   * system, as rclone and robocopy do: many times faster for small blobs, but a power cut within the next half minute
   * may leave a blob missing, empty or cut short, though all were told to be stored. Only for what can be copied again
   * and is compared by more than its name. Clouds ignore it.
   */
  durable?: boolean | undefined;
  /**
   * A large blob whose storing breaks off leaves what it has sent, with a note; the next put of it with the same notes
   * sends only what is missing, after proving by hash what is there. Absent: nothing is left behind. The disk store
   * resumes from its own temporary file in the same way.
   */
  notes?: UploadNotes | undefined;
  signal?: AbortSignal | undefined;
}

/** `unchanged`: the same bytes were already there and were left alone. */
export type PutOutcome = "created" | "replaced" | "unchanged";

export interface PutResult {
  outcome: PutOutcome;
  /** The store's tag of the blob now. */
  tag?: string | undefined;
  /** Of the blob's bytes. Absent only when none was promised and the disk store copied a local file unread. */
  sha256?: string | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface GetOptions extends CallOptions {
  range?: ByteRange | undefined;
  /**
   * The blob as `list` or `head` told it, with its tag: the bytes come from that very version or the read fails with
   * `corrupt`, so that ranges read side by side, or after one another by a retry, are never a mixture.
   */
  known?: BlobInfo | undefined;
  /** Told once, before the first byte: how the answer itself describes the whole blob. Spares a `head`. */
  onInfo?: ((info: BlobInfo) => void) | undefined;
}

/** Where a cloud keeps a blob. */
export interface BlobOrigin {
  /** The store's type: only a store of the same type can copy by name. */
  type: string;
  /** The service, or the account in it. */
  host: string;
  /** Bucket or container. */
  bucket: string;
  /** The blob's full name there: target path and key. */
  name: string;
  /** Whether its URL answers with `blob.tag` as ETag, so that a service that fetches it can require this version. */
  urlHasTag: boolean;
}

/**
 * A blob as its provider can fetch it without this process in between. Made by one store's `remote`, understood by
 * another's `copyFrom`; what is inside concerns the adapters only. Never to be printed: it may open the blob.
 */
export interface RemoteBlob {
  blob: BlobInfo;
  /** Where the blob is stored, for a service that copies by name or needs to know whom it fetches from. */
  origin?: BlobOrigin | undefined;
  /**
   * A URL that whoever holds it may read for so many seconds, about an hour where none are given; made anew with every
   * call. `usage` for longer than the provider allows. Undefined: none can be had.
   */
  url(seconds?: number): Promise<string | undefined>;
  /** The URL that anybody may read at any time. Undefined: the blob is not public, as far as can be told. */
  publicUrl?(): Promise<string | undefined>;
}

/**
 * Remembers unfinished uploads between runs: a store's own note about one key, a few hundred bytes. What cannot be
 * saved or read counts as never written.
 */
export interface UploadNotes {
  load(key: Key): Promise<string | undefined>;
  save(key: Key, note: string): Promise<void>;
  drop(key: Key): Promise<void>;
}

/** Facts that callers plan with; each says what follows from it. */
export interface StoreFeatures {
  /** `list` yields strictly increasing keys in UTF-8 byte order. Without it a merge-join must sort first. */
  readonly sortedList: boolean;
  /** `put` with `ifExists: "fail"` cannot lose a race against another writer. Without it, callers must hold a lock. */
  readonly atomicCreate: boolean;
  /**
   * `list` tells all that `head` does. Without it only `head` and `get` tell the time that `put` was given (a listing's
   * is that of storing), the content type, the sha256 and the metadata.
   */
  readonly listsAll: boolean;
  /** Content type, cache-control, sha256 and user metadata are kept with the blob. Without it only bytes and time are. */
  readonly metadata: boolean;
}

/**
 * Where a feed's bytes are. Every rejection is a `FeedctlError`: `not-found` (the blob, the bucket or container),
 * `denied`, `unavailable` (worth a retry), `full`, `conflict`, `corrupt`, `interrupted` (the signal), `usage` (a
 * configuration that can never work). Absence is never guessed from another error.
 */
export interface Store extends AsyncDisposable {
  /** For messages: `disk /srv/packages/.npm/F1`, `s3://bucket/path`, `azure https://account/container/path`. No secrets. */
  readonly name: string;
  /** The type of its descriptor. */
  readonly type: string;
  readonly features: StoreFeatures;
  /** Absence is an answer, not an error; a missing bucket, container or root is not absence. A missing disk root is. */
  head(key: Key, options?: CallOptions): Promise<BlobInfo | undefined>;
  /**
   * Rejects with `not-found` before any byte is delivered. A read that ends early errors the stream with `corrupt`.
   * An end beyond the size is clamped. A range that holds no byte of the blob (it starts at or past the end, ends
   * before it starts, or is negative) rejects with `usage`, so an empty blob is read without a range.
   */
  get(key: Key, options?: GetOptions): Promise<Readable>;
  /** All or nothing: no partial blob is ever visible, and a failed put leaves what was there before. */
  put(key: Key, source: BlobSource, options: PutOptions): Promise<PutResult>;
  /** How the provider itself can fetch a blob. Absent: only this process can (a disk: see `localPath`). */
  remote?(blob: BlobInfo): RemoteBlob;
  /** Whether `copyFrom` has a chance: sends nothing, and remembers refusals. Present with `copyFrom`. */
  reaches?(from: RemoteBlob): boolean;
  /**
   * `put` whose bytes go from provider to provider: the very version that `from.blob` tells of, or `corrupt`. With the
   * options' content type, time, metadata and sha256, which is stored unproven: only for what is known to be true of
   * that version. Undefined, and nothing done: the provider cannot get at it, so its bytes must go through this process.
   */
  copyFrom?(key: Key, from: RemoteBlob, options: PutOptions): Promise<PutResult | undefined>;
  /**
   * Every blob whose key starts with `prefix` (a plain string prefix, not a folder), exactly once. Normal completion
   * means the listing is complete; anything less throws. Names that are no keys (folder markers, control characters)
   * are passed to `onForeign` and left out.
   */
  list(
    prefix: string,
    options?: CallOptions & { onForeign?: ((name: string) => void) | undefined },
  ): AsyncIterable<BlobInfo>;
  /** Idempotent: deleting what is not there succeeds. */
  delete(key: Key, options?: CallOptions): Promise<void>;
  /** Batch delete, idempotent; rejects if any one failed, after trying all. Absent: call `delete` in a loop. */
  deleteMany?(keys: readonly Key[], options?: CallOptions): Promise<void>;
  /**
   * Removes what puts left invisible that ended before `before` without saying so: temporary files, unfinished uploads.
   * Returns how many. Absent: the provider does it by itself.
   */
  sweep?(before: Date, options?: CallOptions): Promise<number>;
  /** The local path of a blob, where its bytes can be read as a file. Absent: not on this machine's disk. */
  localPath?(key: Key): string;
  /** Why `put` would refuse a key, without asking anybody; undefined: it would not. Absent: every key can be stored. */
  nameProblem?(key: Key): string | undefined;
  /** Whether keys that differ in case only are one blob. Absent: never. */
  foldsCase?(): Promise<boolean>;
  /**
   * Gives a stored blob the options' content type, cache-control and metadata, and its sha256 and time again; its bytes
   * stay as they are and are not sent. Rejects with `corrupt` if it is no longer the told version, with `not-found` if
   * it is gone. Returns its new tag. Absent: nothing but bytes and time is kept (`features.metadata`).
   */
  describe?(blob: BlobInfo, options: PutOptions): Promise<Pick<PutResult, "tag">>;
}
