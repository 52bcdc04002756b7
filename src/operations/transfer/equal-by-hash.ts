import type { BlobInfo } from "../../stores/store.ts";

/** Whether two blobs have the same hash. Undefined when no hash is known of both. */
export function equalByHash(source: BlobInfo, target: BlobInfo): boolean | undefined {
  if (source.sha256 !== undefined && target.sha256 !== undefined) return source.sha256 === target.sha256;
  if (source.md5 !== undefined && target.md5 !== undefined) return source.md5 === target.md5;
  return undefined;
}
