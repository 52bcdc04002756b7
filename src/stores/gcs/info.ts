// Translates the properties of an object into a `BlobInfo`.
import type { Key } from "../../lib/key.ts";
import { givenHeaders } from "../shared/headers.ts";
import { decodeMetadata } from "../shared/metadata.ts";
import type { BlobInfo } from "../store.ts";

/** The properties of an object that this adapter uses. The service sends numbers as strings. */
export interface GcsObject {
  name?: string;
  size?: string;
  generation?: string;
  metageneration?: string;
  timeCreated?: string;
  /** Of an earlier version: when it was deleted or replaced. */
  timeDeleted?: string;
  updated?: string;
  /** Base64. Composed objects do not have it. */
  md5Hash?: string;
  /** Base64 of its big-endian bytes. */
  crc32c?: string;
  storageClass?: string;
  contentType?: string;
  cacheControl?: string;
  contentEncoding?: string;
  contentDisposition?: string;
  contentLanguage?: string;
  metadata?: Record<string, string>;
}

/** The `fields` parameter of requests: the service returns only these. */
export const FIELDS =
  "name,size,generation,metageneration,timeCreated,updated,md5Hash,crc32c,storageClass,contentType,cacheControl,contentEncoding," +
  "contentDisposition,contentLanguage,metadata";

/** The tag is the generation: it changes when the content is replaced, not when the metadata changes. */
export function describeObject(key: Key, object: GcsObject): BlobInfo {
  const { contentEncoding, contentDisposition, contentLanguage } = object;
  const { sha256, mtime, metadata } = decodeMetadata(object.metadata ?? {});
  return {
    key,
    size: Number(object.size ?? 0),
    modified: firstDate(mtime, object.timeCreated, object.updated),
    tag: object.generation,
    md5: object.md5Hash === undefined ? undefined : Buffer.from(object.md5Hash, "base64").toString("hex"),
    sha256,
    ...(object.md5Hash === undefined &&
      object.crc32c !== undefined && { checksums: { crc32c: Buffer.from(object.crc32c, "base64").toString("hex") } }),
    storageClass: object.storageClass,
    contentType: object.contentType || undefined,
    cacheControl: object.cacheControl || undefined,
    headers: givenHeaders({ contentEncoding, contentDisposition, contentLanguage }),
    metadata,
  };
}

/** The format of the `mtime` metadata: RFC 3339, as rclone writes it. */
export function writeTime(time: Date): string {
  return time.toISOString();
}

function firstDate(...times: (string | undefined)[]): Date {
  const dates = times.map((time) => new Date(time ?? ""));
  return dates.find((date) => !Number.isNaN(date.getTime())) ?? new Date(0);
}
