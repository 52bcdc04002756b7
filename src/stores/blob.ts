import type { Key } from "../lib/key.ts";

/** A half-open range of bytes: `start` is included, `end` is not. Without `end` it reaches to the last byte. */
export interface ByteRange {
  start: number;
  end?: number | undefined;
}

/** Headers that a cloud keeps beside content type and cache-control. Azure and Google keep no `expires`. */
export interface BlobHeaders {
  contentEncoding?: string | undefined;
  contentDisposition?: string | undefined;
  contentLanguage?: string | undefined;
  expires?: string | undefined;
}

/** One stored blob as its store describes it. Hashes are lower-case hex. */
export interface BlobInfo {
  key: Key;
  /** Bytes. */
  size: number;
  modified: Date;
  /** The store's version tag (an ETag; on disk: times, size and inode). Changes with the blob; compare by `sameTag`. */
  tag?: string | undefined;
  /** Only where the provider reports one: a plain S3 ETag, Azure's Content-MD5, GCS's md5Hash. */
  md5?: string | undefined;
  /** Only where feedctl stored it with the blob, or S3 keeps it as a checksum. S3 returns it from `head` and `get` only. */
  sha256?: string | undefined;
  /** Further hashes: S3's `x-amz-checksum-...`, which only a `get` of the whole blob and a `head` for them report. */
  checksums?: { [Name in "sha1" | "crc64nvme" | "crc32c" | "crc32"]?: string | undefined } | undefined;
  contentType?: string | undefined;
  cacheControl?: string | undefined;
  /** Undefined: it has none of them. */
  headers?: BlobHeaders | undefined;
  /** User metadata without feedctl's own entries. */
  metadata?: Record<string, string> | undefined;
  /** The storage class or access tier, by the provider's name. Undefined: S3's STANDARD, or, by a `get`, not reported. */
  storageClass?: string | undefined;
  /** The archive class of a blob that cannot be read before somebody restores it. */
  archived?: string | undefined;
}

/** A whole small blob in memory. */
export interface HeldBlob {
  /** As the response that delivered the bytes describes it. */
  info: BlobInfo;
  bytes: Buffer;
  /** Lower-case hex of the bytes, where the store has computed it. */
  sha256?: string | undefined;
  /** Lower-case hex of the bytes, where the store has computed it. */
  md5?: string | undefined;
}
