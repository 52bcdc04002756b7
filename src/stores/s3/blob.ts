// Converts S3's response headers to a `BlobInfo`, and a blob's time to user metadata.
import type { Key } from "../../lib/key.ts";
import { givenHeaders, receivedValue } from "../shared/headers.ts";
import { decodeMetadata } from "../shared/metadata.ts";
import type { BlobInfo } from "../store.ts";
import type { StoreTraits } from "../traits.ts";

/** Seconds since 1970, with a fraction: rclone's form of `mtime` in S3. */
export function writeSeconds(time: Date): string {
  return String(time.getTime() / 1000);
}

const USER = "x-amz-meta-";

/** From response headers, names in lower case. `modified` is the stored `mtime` if any, else Last-Modified. */
export function describeObject(
  key: Key,
  headers: Readonly<Record<string, string>>,
  { md5Tags }: Pick<StoreTraits, "md5Tags">,
): BlobInfo {
  const received = (name: string) => (headers[name] === undefined ? undefined : receivedValue(headers[name]));
  const stored: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(USER)) stored[name.slice(USER.length)] = receivedValue(value);
  const { sha256, mtime, metadata } = decodeMetadata(stored);
  const seconds = Number(mtime || Number.NaN);
  const storageClass = headers["x-amz-storage-class"];
  const isRestored = /ongoing-request="false"/.test(headers["x-amz-restore"] ?? "");
  const encrypted = isKms(headers) || headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined;
  return {
    key,
    size: sizeOf(headers),
    modified: firstDate(Math.round(seconds * 1000), headers["last-modified"] ?? "") ?? new Date(0),
    tag: plainTag(headers["etag"]),
    md5: encrypted || md5Tags === false ? undefined : md5OfTag(headers["etag"]),
    sha256: sha256 ?? checksumOf(headers, "sha256"),
    checksums: {
      sha1: checksumOf(headers, "sha1"),
      crc64nvme: checksumOf(headers, "crc64nvme"),
      crc32c: checksumOf(headers, "crc32c"),
      crc32: checksumOf(headers, "crc32"),
    },
    contentType: received("content-type"),
    cacheControl: received("cache-control"),
    headers: givenHeaders({
      contentEncoding: contentCoding(headers["content-encoding"]),
      contentDisposition: received("content-disposition"),
      contentLanguage: headers["content-language"],
      expires: headers["expires"],
    }),
    metadata,
    ...(storageClass !== "STANDARD" && { storageClass }),
    ...(isArchive(storageClass) && !isRestored && { archived: storageClass }),
  };
}

/** Objects of these classes must be restored before they can be read. */
export function isArchive(storageClass: string | undefined): boolean {
  return storageClass === "GLACIER" || storageClass === "DEEP_ARCHIVE";
}

/** `aws-chunked` is a coding of an upload, which some servers keep although the stored bytes do not have it. */
function contentCoding(value: string | undefined): string | undefined {
  return value
    ?.split(/ *, */)
    .filter((coding) => coding !== "aws-chunked")
    .join(",");
}

/**
 * A hash of the whole object that S3 has checked. Undefined: unknown, or a hash of the hashes of its parts (`...-3`), or
 * not asked for.
 */
function checksumOf(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  const text = headers[`x-amz-checksum-${name}`];
  if (text === undefined || text.includes("-") || headers["x-amz-checksum-type"] === "COMPOSITE") return undefined;
  return Buffer.from(text, "base64").toString("hex");
}

/** The size of the whole object, also if the response holds a range of it: `bytes 0-9/1000`. */
function sizeOf(headers: Readonly<Record<string, string>>): number {
  const whole = /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  return Number(whole ?? headers["content-length"] ?? 0);
}

function firstDate(...times: (number | string)[]): Date | undefined {
  return times.map((time) => new Date(time)).find((date) => !Number.isNaN(date.getTime()));
}

export function plainTag(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//, "").replace(/^"|"$/g, "");
}

/**
 * The MD5 of an ETag, lower-case hex. Undefined for a multipart upload, whose ETag has a dash. The ETag of an object
 * that is encrypted with KMS looks like an MD5 and is not: see `isKms`.
 */
export function md5OfTag(etag: string | undefined): string | undefined {
  const tag = plainTag(etag);
  return tag !== undefined && /^[0-9a-f]{32}$/.test(tag) ? tag : undefined;
}

export function isKms(headers: Readonly<Record<string, string>>): boolean {
  return headers["x-amz-server-side-encryption"]?.startsWith("aws:kms") ?? false;
}
