// What the service says of an object, as a `BlobInfo`.
import type { Key } from "../key.ts";
import { decodeMetadata } from "../shared/metadata.ts";
import type { BlobInfo } from "../store.ts";

/** The members of an object resource that this adapter uses. Numbers come as text. */
export interface GcsObject {
  name?: string;
  size?: string;
  generation?: string;
  metageneration?: string;
  timeCreated?: string;
  updated?: string;
  /** Base64. Missing of composed objects. */
  md5Hash?: string;
  contentType?: string;
  cacheControl?: string;
  metadata?: Record<string, string>;
}

/** For a request's `fields`: nothing else is sent. */
export const FIELDS =
  "name,size,generation,metageneration,timeCreated,updated,md5Hash,contentType,cacheControl,metadata";

/** The tag is the generation: a number that changes with every content, and not with its description. */
export function describeObject(key: Key, object: GcsObject): BlobInfo {
  const { sha256, mtime, metadata } = decodeMetadata(object.metadata ?? {});
  return {
    key,
    size: Number(object.size ?? 0),
    modified: firstDate(mtime, object.timeCreated, object.updated),
    tag: object.generation,
    md5: object.md5Hash === undefined ? undefined : Buffer.from(object.md5Hash, "base64").toString("hex"),
    sha256,
    contentType: object.contentType || undefined,
    cacheControl: object.cacheControl || undefined,
    metadata,
  };
}

/** rclone's form of `mtime` in Google Cloud Storage: RFC 3339. */
export function writeTime(time: Date): string {
  return time.toISOString();
}

function firstDate(...times: (string | undefined)[]): Date {
  const dates = times.map((time) => new Date(time ?? ""));
  return dates.find((date) => !Number.isNaN(date.getTime())) ?? new Date(0);
}
