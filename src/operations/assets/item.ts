import type { AssetRow, NewAsset } from "../../catalog/assets/assets.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import type { FeedctlError } from "../../errors.ts";
import { contentTypeOf } from "../../lib/content-type.ts";
import { mayBeDetected, needsBytes } from "../../lib/detect-type.ts";
import type { Hashes } from "../../lib/bytes/hash.ts";
import type { Key } from "../../lib/key.ts";
import type { PutOptions, PutResult, Store } from "../../stores/store.ts";

/** A file to be stored in an asset directory. */
export interface AssetItem {
  /** Its path in the directory. */
  key: Key;
  /** Its source, for messages. */
  from: string;
  /** The local source file, if the caller deletes it once the content is stored. */
  local?: string | undefined;
  size: number;
  hashes: Hashes;
  modifiedAt: Date;
  /** Default: that of the file it replaces, else now. */
  createdAt?: Date | undefined;
  /** As the user gave it. */
  contentType?: string | undefined;
  /** The result of `detectType`. Absent: the type is derived from the name. */
  detectedType?: string | undefined;
  /** Null: inherited. */
  cacheControl?: string | null | undefined;
  metadata?: UserMetadata | undefined;
  put(store: Store, options: PutOptions): Promise<PutResult>;
  /** The error of the source that explains `failure`; undefined when the store failed. */
  problem?(failure: unknown): Promise<FeedctlError | undefined>;
  /** For a move: the row that is deleted in the transaction that records this item. */
  movedFrom?: AssetRow | undefined;
}

/** What to do when the path has a file with other content. `skip` also skips the same content. */
export type IfExists = "fail" | "skip" | "replace";

/** `unchanged`: the same content is stored already. `skipped`: a file exists, and `ifExists` is `skip`. */
export type AssetStatus = "stored" | "overwritten" | "unchanged" | "skipped" | "conflict" | "invalid" | "failed";

export interface AssetOutcome {
  type: "file";
  path: string;
  /** Its source. */
  from: string;
  status: AssetStatus;
  size?: number;
  contentType?: string;
  sha256?: string;
  /** Why it was not stored. */
  reason?: string;
  /** With `stored`: the row existed, but its blob was missing in the store. */
  restored?: true;
}

/** An item and its outcome. */
export interface AssetAnswer {
  item: AssetItem;
  outcome: AssetOutcome;
}

/** The row of an item. Properties that the item does not set are taken from `row`, the file that it replaces. */
export function newAsset(
  item: AssetItem,
  row: AssetRow | undefined,
  uploadedBy: string,
  storeTag: string | null,
): NewAsset {
  return {
    asset: true,
    key: item.key,
    size: item.size,
    ...item.hashes,
    contentType: item.contentType ?? keptType(item, row) ?? item.detectedType ?? contentTypeOf(item.key),
    storeTag,
    modifiedAt: item.modifiedAt.toISOString(),
    createdAt: item.createdAt?.toISOString(),
    uploadedBy,
    cacheControl: item.cacheControl === undefined ? (row?.ownCacheControl ?? null) : item.cacheControl,
    metadata: item.metadata ?? row?.metadata ?? {},
  };
}

/** The media type to keep on overwrite: one that a user set, not one that may have been detected from the old bytes. */
function keptType({ key, detectedType }: AssetItem, row: AssetRow | undefined): string | undefined {
  const isDetected = detectedType !== undefined && needsBytes(key) && mayBeDetected(row?.contentType ?? "");
  return isDetected ? undefined : row?.contentType;
}

export function assetOutcome(item: AssetItem, status: AssetStatus, reason?: string): AssetOutcome {
  return {
    type: "file",
    path: item.key,
    from: item.from,
    status,
    size: item.size,
    sha256: item.hashes.sha256,
    ...(reason !== undefined && { reason }),
  };
}
