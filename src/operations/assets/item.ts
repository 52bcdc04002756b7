import type { AssetRow, NewAsset } from "../../catalog/assets/assets.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import type { FeedctlError } from "../../errors.ts";
import { contentTypeOf } from "../../lib/content-type.ts";
import { mayBeDetected, needsBytes } from "../../lib/detect-type.ts";
import type { Hashes } from "../../lib/hash.ts";
import type { Key } from "../../stores/key.ts";
import type { PutOptions, PutResult, Store } from "../../stores/store.ts";

/** Content on its way into an asset directory. */
export interface AssetItem {
  /** Its path. */
  key: Key;
  /** Where it comes from, for people. */
  from: string;
  /** The file on this machine that is deleted once the directory has its bytes; absent: none is. */
  local?: string | undefined;
  size: number;
  hashes: Hashes;
  modifiedAt: Date;
  /** Default: as the file had it that is replaced, else now or by its name. */
  createdAt?: Date | undefined;
  /** As somebody wants it. */
  contentType?: string | undefined;
  /** As `detectType` says; absent: only its name tells. */
  detectedType?: string | undefined;
  /** Null: inherited. */
  cacheControl?: string | null | undefined;
  metadata?: UserMetadata | undefined;
  put(store: Store, options: PutOptions): Promise<PutResult>;
  /** Whether it is the source that is at fault, in contrast to the store. */
  problem?(failure: unknown): Promise<FeedctlError | undefined>;
  /** A file that goes in the same moment in which this one comes: a move. */
  instead?: AssetRow | undefined;
}

/** What becomes of a file that stands there already with other bytes. */
export type IfExists = "fail" | "skip" | "replace";

/** `unchanged`: the same bytes are there. `skipped`: something is there, and was to be left alone. */
export type AssetStatus = "stored" | "overwritten" | "unchanged" | "skipped" | "conflict" | "invalid" | "failed";

export interface AssetOutcome {
  type: "file";
  path: string;
  /** Where it came from. */
  from: string;
  status: AssetStatus;
  size?: number;
  contentType?: string;
  sha256?: string;
  /** Why it was not stored. */
  reason?: string;
  /** With `stored`: the catalog had it, but the store had lost its blob. */
  restored?: true;
}

/** What became of an item. */
export interface AssetAnswer {
  item: AssetItem;
  outcome: AssetOutcome;
}

/** The row of an item, with what it takes over from the file it replaces. */
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

/** A type that somebody has given a file outlives its bytes; one that the bytes before may have told does not. */
function keptType({ key, detectedType }: AssetItem, row: AssetRow | undefined): string | undefined {
  const told = detectedType !== undefined && needsBytes(key) && mayBeDetected(row?.contentType ?? "");
  return told ? undefined : row?.contentType;
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
