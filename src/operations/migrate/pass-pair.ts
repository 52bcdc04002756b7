import type { FileRow } from "../../catalog/files.ts";
import type { SavedProof } from "../../catalog/migration/proofs.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { Copy } from "./copy-proven.ts";

/** What catalog, source, target and proofs have at one key. */
export type PassEntry = {
  row: FileRow;
  source: BlobInfo;
  target: BlobInfo;
  proof: SavedProof;
};

export type PassPair = { key: string } & Partial<PassEntry>;

/**
 * Whether what the target shows was proven to be the right bytes: by its own hash, or by a tag seen when it was proven. Of
 * an asset the proof must also tell that the blob says of itself what the row does, for a listing need not.
 */
export function isProven({ row, source, target, proof }: PassPair): boolean {
  const sha256 = row?.sha256 ?? source?.sha256;
  const md5 = row?.md5 ?? source?.md5;
  if (target === undefined) return false;
  const described = row?.described ?? null;
  if (described !== null && (proof?.tag !== target.tag || proof?.described !== described)) return false;
  if (proof !== undefined && proof.tag === target.tag && (sha256 === undefined || proof.sha256 === sha256)) {
    // a blob without a row has no hash to hold the proof against: its source must not be newer than the copy
    return row !== undefined || source === undefined || source.modified <= target.modified;
  }
  return sha256 !== undefined && md5 !== undefined && target.sha256 === sha256 && target.md5 === md5;
}

/** The target's blob, if it is proven to have the row's bytes. */
export function provenCopy({ row, target, proof }: PassPair, migrationId: number): Copy | undefined {
  if (row === undefined || target === undefined || proof?.tag !== target.tag || proof?.sha256 !== row.sha256)
    return undefined;
  return { blob: target, own: proof.copiedBy === migrationId };
}
