import type { Unchecked } from "../../catalog/connection/check-keys.ts";
import type { FileRow } from "../../catalog/files.ts";
import type { SavedProof } from "../../catalog/migration/proofs.ts";
import { isKey, keyProblem, type Key } from "../../lib/key.ts";
import { sameBlob, sameTag } from "../../stores/same-tag.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { Copy, ProvenInput } from "./copy-proven.ts";

/** The entries of catalog, source, target and proofs at one key. */
export type PassEntry = {
  row: FileRow;
  source: BlobInfo;
  target: BlobInfo;
  proof: SavedProof;
};

export type PassPair = { key: Key } & Partial<PassEntry>;

/** Why a row of the catalog cannot be copied. */
export function invalidKey(key: string): string {
  return `its key ${keyProblem(key)}`;
}

/** Why a file in the source that has no key cannot be copied. */
export function foreignName(problem: string): string {
  return `its name ${problem}; it cannot belong to a feed: rename, move or delete it`;
}

/** Entries as they are listed: the catalog's rows are not checked yet. */
export type ListedEntry = Omit<PassEntry, "row"> & { row: Unchecked<FileRow> };

export function hasValidKey(pair: { key: string } & Partial<ListedEntry>): pair is PassPair {
  return isKey(pair.key);
}

/**
 * Whether the target's blob is proven to hold the right bytes: by the hash in its listing, or by the tag of its proof.
 * For an asset the proof must also cover the row's properties (`described`), which listings need not contain.
 */
export function isProven({ row, source, target, proof }: PassPair): boolean {
  const sha256 = row?.sha256 ?? source?.sha256;
  const md5 = row?.md5 ?? source?.md5;
  if (target === undefined) return false;
  const described = row?.described ?? null;
  if (described !== null && (!sameTag(proof?.tag, target.tag) || proof?.described !== described)) return false;
  if (proof?.unread === false && sameTag(proof.tag, target.tag) && (sha256 === undefined || proof.sha256 === sha256)) {
    // a blob without a row has no hash to compare: its source must not be newer than the copy
    return row !== undefined || source === undefined || source.modified <= target.modified;
  }
  return sha256 !== undefined && md5 !== undefined && target.sha256 === sha256 && target.md5 === md5;
}

/**
 * Whether the blob that a proof is about is the feed's, so that it may be replaced or deleted: a migration copied it, or
 * the target was the feed's store before (`ownTarget`). Any other blob existed before and may be another program's.
 */
export function isOwnCopy(ownTarget: boolean, copiedBy: number | null | undefined): boolean {
  return ownTarget || typeof copiedBy === "number";
}

/** How to treat the target's blob: other bytes are replaced only when a proof shows that they are the feed's. */
export function existingAs(
  ownTarget: boolean,
  to: BlobInfo | undefined,
  proof: Pick<SavedProof, "tag" | "copiedBy" | "unread"> | undefined,
): ProvenInput["ifExists"] {
  if (to === undefined || proof === undefined) return "fail";
  if (ownTarget && proof.unread) return "repair";
  if (!sameBlob(proof.tag, to.tag) || !isOwnCopy(ownTarget, proof.copiedBy)) return "fail";
  // something about the file changed since it was proven: its bytes decide
  return sameTag(proof.tag, to.tag) ? "replace" : "repair";
}

/** The target's blob, if it is proven to hold the row's bytes. */
export function provenCopy({ row, target, proof }: PassPair, migrationId: number): Copy | undefined {
  if (row === undefined || target === undefined || proof === undefined || proof.unread) return undefined;
  if (!sameTag(proof.tag, target.tag) || proof.sha256 !== row.sha256) return undefined;
  return { blob: target, own: proof.copiedBy === migrationId };
}
