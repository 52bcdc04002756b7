import type { BlobInfo } from "./store.ts";

/**
 * Whether two blobs have the same bytes, by the strongest hash that is known of both; undefined when none is. Not for MD5s
 * that a provider only keeps as its writers claimed them (Azure): there a difference proves nothing.
 */
export function sameContent(
  one: Pick<BlobInfo, "sha256" | "md5">,
  other: Pick<BlobInfo, "sha256" | "md5">,
): boolean | undefined {
  if (one.sha256 !== undefined && other.sha256 !== undefined) return one.sha256 === other.sha256;
  if (one.md5 !== undefined && other.md5 !== undefined) return one.md5 === other.md5;
  return undefined;
}
