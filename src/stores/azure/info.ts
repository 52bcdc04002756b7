import { fromAzureMetadata } from "./metadata.ts";
import type { Key } from "../../lib/key.ts";
import type { BlobInfo } from "../store.ts";

/** The properties of a blob that both a HEAD and a listing return. */
export interface AzureProperties {
  contentLength?: number | undefined;
  lastModified?: Date | undefined;
  etag?: string | undefined;
  contentMD5?: Uint8Array | undefined;
  contentType?: string | undefined;
  cacheControl?: string | undefined;
  metadata?: Record<string, string> | undefined;
  accessTier?: string | undefined;
}

export function describeBlob(key: Key, found: AzureProperties, read = fromAzureMetadata(found.metadata)): BlobInfo {
  const { sha256, modified, metadata } = read;
  const md5 = found.contentMD5 === undefined ? "" : Buffer.from(found.contentMD5).toString("hex");
  return {
    key,
    size: found.contentLength ?? 0,
    modified: modified ?? found.lastModified ?? new Date(0),
    tag: plainTag(found.etag),
    md5: md5 === "" ? undefined : md5,
    sha256,
    contentType: found.contentType,
    cacheControl: found.cacheControl === "" ? undefined : found.cacheControl,
    metadata,
    ...(found.accessTier === "Archive" && { archived: "Archive" }),
  };
}

/** An ETag without quotes: headers quote it, listings do not. */
export function plainTag(etag: string | undefined): string | undefined {
  return etag?.replaceAll('"', "");
}

/** An ETag in the form that conditions need. */
export function quotedTag(tag: string): string {
  return `"${tag}"`;
}
