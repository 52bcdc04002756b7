import type { Readable } from "node:stream";
import type { FeedctlError } from "../errors.ts";
import type { Key } from "../lib/key.ts";
import type { BlobHeaders, BlobInfo, ByteRange, HeldBlob } from "./blob.ts";
import type { StoreFeatures } from "./features.ts";
import type { HashCheck } from "./hash-check.ts";
import type { StoreTraits } from "./traits.ts";
import type { UnfinishedUploads } from "./unfinished.ts";

export type { BlobHeaders, BlobInfo, ByteRange, HeldBlob };

/** Bytes to be stored. */
export interface BlobSource {
  /** Bytes that `open()` delivers without a range. It is called again for every retry and part. */
  size: number;
  open(range?: ByteRange, signal?: AbortSignal): Promise<Readable>;
  /** The same bytes, if they are in memory. */
  held?: Pick<HeldBlob, "bytes" | "sha256" | "md5"> | undefined;
  /** Whether several ranges may be read at once, and reading them so is faster. True of blobs in a cloud. */
  parallel?: boolean | undefined;
  /** For a reader of ranges, each of which is only a part for the source's own comparison. Undefined: no hash is known. */
  hashCheck?(): HashCheck | undefined;
  /** A local file that holds exactly these bytes, if any. Lets the disk store copy inside the kernel. */
  path?: string | undefined;
  /**
   * The tag that a disk store returned for the file at `path`. The disk store compares the opened file with it, which
   * saves calling `check` for each blob. A source that has a `check` and no tag is never copied by the fast path.
   */
  pathTag?: string | undefined;
  /** A folder above `path`. Links below it are not followed. Absent: only the file itself must not be a link. */
  pathRoot?: string | undefined;
  /** Called after the last byte is read and before the blob is visible. Rejects when the source has changed since. */
  check?(): Promise<void>;
}

export interface PutOptions {
  /**
   * `fail`: the same bytes again are `unchanged`, other bytes reject with `conflict`; atomic iff
   * `features.atomicCreate`. `replace`: swaps atomically.
   */
  ifExists: "fail" | "replace";
  /**
   * With `replace`: whether the key already exists, if the caller knows it from a listing. Saves a request to a cloud.
   * Only the reported outcome depends on it.
   */
  replaces?: boolean | undefined;
  /**
   * Lower-case hex of what the source must deliver. Any difference rejects with `corrupt` and nothing becomes visible.
   * Absent: only the size is compared. A cloud must know the hash before it sends, so it then reads the source twice,
   * or keeps it in memory up to 8 MiB. A disk copies `source.path` inside the kernel without hashing it.
   */
  sha256?: string | undefined;
  /** Lower-case hex; lets clouds check the request bodies without a second pass. */
  md5?: string | undefined;
  contentType?: string | undefined;
  cacheControl?: string | undefined;
  headers?: BlobHeaders | undefined;
  metadata?: Record<string, string> | undefined;
  /** The provider's tags of an object, which it keeps apart from metadata. Only for a store that has the method `tags`. */
  tags?: Record<string, string> | undefined;
  /** The storage class or access tier, by the provider's name. Default: that of the store's options, else the provider's. */
  storageClass?: string | undefined;
  /** Stored as the file's modification time on disk and as metadata in a cloud. Default: the time of the put. */
  modified?: Date | undefined;
  /** Permission bits of the file on a disk. Default: those of a new file. Clouds ignore it. */
  mode?: number | undefined;
  /**
   * Whether the blob is flushed to the disk before `put` resolves. Default true. Without it small blobs are many times
   * faster, but a power cut may leave one missing, empty or truncated that was reported as stored. Only for blobs that
   * can be copied again and are compared by more than their names. Clouds ignore it.
   */
  durable?: boolean | undefined;
  /**
   * Makes the put of a large blob resumable. An interrupted put keeps what it has sent and saves a note; the next put
   * of the same blob with the same notes verifies that part by hash and sends the rest. The disk store resumes from its
   * temporary file in the same way. Absent: an interrupted put leaves nothing behind.
   */
  notes?: UploadNotes | undefined;
  signal?: AbortSignal | undefined;
}

/** `unchanged`: the key already held the same bytes, and nothing was written. */
export type PutOutcome = "created" | "replaced" | "unchanged";

export interface PutResult {
  outcome: PutOutcome;
  /** The tag of the stored blob. */
  tag?: string | undefined;
  /** Hash of the bytes. Absent only if the options had none and the disk store copied a local file in the kernel. */
  sha256?: string | undefined;
}

/** A blob that the provider did not delete, and why: a lock on it, a hold, a lease, a missing permission. */
export interface DeleteFailure {
  key: Key;
  error: FeedctlError;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface HeadOptions extends CallOptions {
  /** Also ask for the checksums, for which S3 needs the permission to decrypt the blob. */
  checksums?: boolean | undefined;
}

export interface ExamineOptions extends CallOptions {
  /** Where probes may be stored; ends in a slash, and no blob is below it. Absent: the provider is only asked. */
  folder?: string | undefined;
}

/** An earlier version, or a blob that was deleted softly. */
export type KeptBlob = Pick<BlobInfo, "size">;

export interface ListOptions extends CallOptions {
  /** Clouds also yield blobs whose names are not keys, such as `a//b`, `folder/` and `a/../b`. For use with stores only. */
  anyName?: boolean | undefined;
  /**
   * Called for a name that is left out. `problem`: why the name of a file, a folder or a blob is not a key ("holds ...").
   * Undefined: it has no content of its own (a link, a special file, a folder marker).
   */
  onForeign?: ((name: string, problem?: string) => void) | undefined;
}

export interface GetOptions extends CallOptions {
  range?: ByteRange | undefined;
  /**
   * The blob as `list` or `head` returned it, with its tag. The bytes come from that version, or the read fails with
   * `corrupt`: ranges that are read in parallel or after a retry never mix two versions.
   */
  known?: BlobInfo | undefined;
  /**
   * Which hashes the caller compares the bytes with: `sha256`, the blob's own where it has one; `all`, one that the caller
   * knows better than the store. The others are compared while a whole blob is read from a store with retries: a
   * difference errors the stream with `corrupt` before its last chunk.
   */
  compared?: "sha256" | "all" | undefined;
  /** Called once, before the first byte, with the whole blob as the response describes it. Saves a `head`. */
  onInfo?: ((info: BlobInfo) => void) | undefined;
}

/** Where a blob is stored in a cloud. */
export interface BlobOrigin {
  /** The store's type. Only a store of the same type can copy by name. */
  type: string;
  /** The service, or the account in it. */
  host: string;
  /** Bucket or container. */
  bucket: string;
  /** The blob's full name there: target path and key. */
  name: string;
  /** Whether its URL responds with `blob.tag` as the ETag, so that a service that fetches it can require a version. */
  urlHasTag: boolean;
}

/**
 * A blob that another provider can fetch by itself, without this process in between. Created by the `remote` of one
 * store and passed to the `copyFrom` of another; only adapters read its members. Never print it: it may grant access.
 */
export interface RemoteBlob {
  blob: BlobInfo;
  /** Where the blob is stored, for a service that copies by name or must know the source's host. */
  origin?: BlobOrigin | undefined;
  /**
   * Creates a signed URL that is valid for `seconds`, by default about an hour. Throws `usage` for longer than the
   * provider allows. Undefined: these credentials cannot sign URLs.
   */
  url(seconds?: number): Promise<string | undefined>;
  /** When the session of the signing credentials ends, and every URL with it. `unknown`: some time. Undefined: never. */
  sessionEnd?(): Promise<Date | "unknown" | undefined>;
  /** The URL that is readable without a signature. Undefined: the blob is not known to be public. */
  publicUrl?(): Promise<string | undefined>;
}

/**
 * Remembers unfinished uploads between runs: one note per key, a few hundred bytes in the store's own format. A note
 * that cannot be saved or read is treated as absent.
 */
export interface UploadNotes {
  load(key: Key): Promise<string | undefined>;
  save(key: Key, note: string): Promise<void>;
  drop(key: Key): Promise<void>;
}

/**
 * Where a feed's blobs are. Every rejection is a `FeedctlError`: `not-found` (the blob, bucket or container),
 * `denied`, `unavailable` (worth a retry), `full`, `conflict`, `corrupt`, `interrupted` (the signal), `usage` (a
 * configuration that can never work). Only the provider's own "not found" becomes `not-found`.
 */
export interface Store extends AsyncDisposable {
  /** For messages: `disk /srv/packages/.npm/F1`, `s3://bucket/path`, `azure https://account/container`. No secrets. */
  readonly name: string;
  /** The type of its descriptor. */
  readonly type: string;
  readonly features: StoreFeatures;
  /**
   * Undefined: the blob does not exist, which is also the result below a missing disk root. A missing bucket or
   * container rejects with `not-found`.
   */
  head(key: Key, options?: HeadOptions): Promise<BlobInfo | undefined>;
  /**
   * Rejects with `not-found` before any byte is delivered. A read that ends early errors the stream with `corrupt`.
   * An end beyond the size is clamped. A range without a byte of the blob (it starts at or past the end, ends before it
   * starts, or is negative) rejects with `usage`, so an empty blob must be read without a range.
   */
  get(key: Key, options?: GetOptions): Promise<Readable>;
  /**
   * Reads a whole small blob at once, several times faster than by a stream. `blob` is from `list` or `head`; the bytes are
   * of that version. Rejects as `get` does. Undefined: the blob is too large, or something was unusual: call `get`, which
   * returns the blob or rejects with the reason. Absent: call `get`.
   */
  read?(blob: BlobInfo, options?: Pick<GetOptions, "compared" | "signal">): Promise<HeldBlob | undefined>;
  /** The tags of a blob, by a request of their own. Rejects with `not-found`. Absent: the store has none. */
  tags?(key: Key, options?: CallOptions): Promise<Record<string, string>>;
  /** All or nothing: no partial blob is ever visible, and a failed put leaves what was there before. */
  put(key: Key, source: BlobSource, options: PutOptions): Promise<PutResult>;
  /** How another provider can fetch a blob. Absent: only this process can read it (a disk: see `localPath`). */
  remote?(blob: BlobInfo): RemoteBlob;
  /** Whether `copyFrom` may succeed. Sends nothing; remembers sources that were refused. Present with `copyFrom`. */
  reaches?(from: RemoteBlob): boolean;
  /**
   * `put` whose bytes go from provider to provider. Copies the version that `from.blob` describes, or rejects with
   * `corrupt`. The sha256 of the options is stored without being verified, so it must be known to be true of that
   * version. Undefined: nothing was done, because the provider cannot read the source; the bytes must go through this
   * process.
   */
  copyFrom?(key: Key, from: RemoteBlob, options: PutOptions): Promise<PutResult | undefined>;
  /**
   * Every blob whose key starts with `prefix` (a plain string prefix, not a folder), exactly once. Normal completion
   * means the listing is complete; anything less throws. Names that are not valid keys are passed to
   * `onForeign` and left out.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<BlobInfo>;
  /** Idempotent: deleting a blob that does not exist succeeds. */
  delete(key: Key, options?: CallOptions): Promise<void>;
  /**
   * Deletes a batch, idempotently. Tries all keys and returns those that were not deleted. Rejects when a request fails
   * as a whole. Absent: call `delete` in a loop.
   */
  deleteMany?(keys: readonly Key[], options?: CallOptions): Promise<DeleteFailure[]>;
  /** Uploads that were begun and never completed. Absent: the provider does not list them, and discards them itself. */
  readonly unfinished?: UnfinishedUploads | undefined;
  /**
   * Finds out how the provider treats blobs: asks it, and where asking does not help stores probes in a folder and deletes
   * them, with all versions. Later calls of this store go by what was found. Absent: there is nothing to find out.
   */
  examine?(options: ExamineOptions): Promise<StoreTraits>;
  /** Deletes everything below a folder with all its versions: for probes. Absent: a deleted blob leaves no version. */
  purge?(folder: string, options?: CallOptions): Promise<void>;
  /** What the provider keeps of blobs that were deleted or replaced. Absent: nothing that can be listed. */
  listKept?(options?: CallOptions): AsyncIterable<KeptBlob>;
  /** The path of the local file that holds a blob. Absent: the blobs are not on this machine's disk. */
  localPath?(key: Key): string;
  /**
   * Why `put` would refuse a key ("is longer than ..."); sends nothing. Undefined: it would not. Absent: every key can
   * be stored.
   */
  nameProblem?(key: Key): string | undefined;
  /** Whether keys that differ only in case name the same blob. Absent: never. */
  foldsCase?(): Promise<boolean>;
  /**
   * Replaces the content type, cache-control, metadata, sha256 and time of a stored blob with those of the options,
   * without sending its bytes. If the options have no `headers`, the headers of `blob` are kept. Rejects with `corrupt`
   * if the stored blob has changed since `blob` was read, and with `not-found` if it does not exist. Returns its new tag.
   * Absent: the store keeps no metadata (`features.metadata`).
   */
  describe?(blob: BlobInfo, options: PutOptions): Promise<Pick<PutResult, "tag">>;
}
