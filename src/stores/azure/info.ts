import { fromAzureMetadata } from "./metadata.ts";
import type { Key } from "../../lib/key.ts";
import { givenHeaders } from "../shared/headers.ts";
import type { BlobInfo, PutOptions } from "../store.ts";

/** The properties of a blob that both a HEAD and a listing return. */
export interface AzureProperties {
  contentLength?: number | undefined;
  lastModified?: Date | undefined;
  etag?: string | undefined;
  contentMD5?: Uint8Array | undefined;
  contentType?: string | undefined;
  cacheControl?: string | undefined;
  contentEncoding?: string | undefined;
  contentDisposition?: string | undefined;
  contentLanguage?: string | undefined;
  metadata?: Record<string, string> | undefined;
  accessTier?: string | undefined;
}

export function describeBlob(key: Key, found: AzureProperties, read = fromAzureMetadata(found.metadata)): BlobInfo {
  const { sha256, modified, metadata } = read;
  const { contentEncoding, contentDisposition, contentLanguage } = found;
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
    headers: givenHeaders({ contentEncoding, contentDisposition, contentLanguage }),
    metadata,
    storageClass: found.accessTier,
    ...(found.accessTier === "Archive" && { archived: "Archive" }),
  };
}

/** The headers of a request that sets all of a blob's: Azure removes those that it leaves out, including the MD5. */
export function httpHeaders({ contentType, cacheControl, headers = {} }: PutOptions, md5: Uint8Array | undefined) {
  const { contentEncoding, contentDisposition, contentLanguage } = headers;
  return {
    ...(md5 !== undefined && { blobContentMD5: md5 }),
    ...(contentType !== undefined && { blobContentType: contentType }),
    ...(cacheControl !== undefined && { blobCacheControl: cacheControl }),
    ...(contentEncoding !== undefined && { blobContentEncoding: contentEncoding }),
    ...(contentDisposition !== undefined && { blobContentDisposition: contentDisposition }),
    ...(contentLanguage !== undefined && { blobContentLanguage: contentLanguage }),
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
