import type { BlobInfo } from "./store.ts";

/**
 * Whether two blobs have the same bytes, by the strongest hash known of both. Undefined: no hash is known of both. Not
 * for the MD5 of an Azure blob: Azure stores what the writer claimed, so a difference proves nothing.
 */
export function sameContent(
  one: Pick<BlobInfo, "sha256" | "md5">,
  other: Pick<BlobInfo, "sha256" | "md5">,
): boolean | undefined {
  if (one.sha256 !== undefined && other.sha256 !== undefined) return one.sha256 === other.sha256;
  if (one.md5 !== undefined && other.md5 !== undefined) return one.md5 === other.md5;
  return undefined;
}
