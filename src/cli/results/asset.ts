import type { PrunedHistory } from "../../operations/assets/history.ts";
import type { KeptRow } from "../../catalog/assets/history.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import type { DeletedAssets } from "../../operations/assets/delete.ts";
import type { DownloadSummary, SavedAsset } from "../../operations/assets/download.ts";
import type { AssetOutcome } from "../../operations/assets/item.ts";
import type { AssetEntry, ShownAsset } from "../../operations/assets/list.ts";
import type { MadeFolder } from "../../operations/assets/make-folders.ts";
import type { Described } from "../../operations/assets/set-properties.ts";
import type { UploadEvent } from "../../operations/assets/upload.ts";
import type { AssetUrl } from "../../operations/assets/url.ts";
import { keptMembers } from "./kept.ts";
import type * as result from "./schemas/asset.ts";

export function assetListResult(entry: AssetEntry, long: boolean): result.AssetListResult {
  const { path } = entry;
  if ("folder" in entry) return { path, folder: true };
  const { size, contentType, sha256, md5, sha1, sha512, createdAt, modifiedAt, uploadedBy, cacheControl } = entry.file;
  const short = { path, size, contentType, sha256 };
  if (!long) return short;
  const metadata = metadataResult(entry.file.metadata);
  return { ...short, md5, sha1, sha512, createdAt, modifiedAt, uploadedBy, cacheControl, metadata };
}

/** Copies user metadata, whose member names are data. */
function metadataResult(metadata: UserMetadata): UserMetadata {
  return Object.fromEntries(Object.entries(metadata).map(([name, { value, header }]) => [name, { value, header }]));
}

export function assetDetailsResult(shown: ShownAsset): result.AssetDetailsResult {
  const { path, cacheControl } = shown;
  const metadata = metadataResult(shown.metadata);
  if (shown.folder) {
    const { folder, files, bytes, createdAt } = shown;
    return { path, folder, files, bytes, cacheControl, metadata, createdAt };
  }
  const { folder, size, contentType, md5, sha1, sha256, sha512, createdAt, modifiedAt, ...others } = shown;
  const { uploadedBy, ownCacheControl, versions } = others;
  return {
    path,
    folder,
    size,
    contentType,
    md5,
    sha1,
    sha256,
    sha512,
    createdAt,
    modifiedAt,
    uploadedBy,
    ownCacheControl,
    cacheControl,
    metadata,
    versions,
  };
}

/** A line about a file has every member; unknown values are null. */
export function assetStoredLine(event: UploadEvent): result.AssetStoredLine {
  if (event.type === "file") {
    const { type, path, from, status, size = null, contentType = null, sha256 = null, reason = null } = event;
    return { type, path, from, status, size, contentType, sha256, reason, restored: event.restored === true };
  }
  const { type, directory, stored, overwritten, unchanged, skipped, conflict, invalid, failed, ...others } = event;
  const { folders, bytes, restored } = others;
  return {
    type,
    directory,
    stored,
    overwritten,
    unchanged,
    skipped,
    conflict,
    invalid,
    failed,
    folders,
    bytes,
    restored,
    ...keptMembers(event),
  };
}

export function assetSavedLine(event: SavedAsset | DownloadSummary): result.AssetSavedLine {
  if (event.type === "file") {
    const { type, path, file, status, size, sha256, reason } = event;
    return { type, path, file, status, size, sha256, reason };
  }
  const { type, saved, unchanged, conflict, failed, bytes } = event;
  return { type, saved, unchanged, conflict, failed, bytes };
}

export function assetUrlResult({ path, url, kind, expires }: AssetUrl): result.AssetUrlResult {
  return { path, url, kind, expires };
}

export function assetDeletedResult(deleted: DeletedAssets): result.AssetDeletedResult {
  const { directory, files, folders, bytes } = deleted;
  return { directory, files, folders, bytes, ...keptMembers(deleted) };
}

export function folderMadeResult({ directory, path, created }: MadeFolder): result.FolderMadeResult {
  return { directory, path, created };
}

export function assetDescribedResult({ directory, path, folder, files }: Described): result.AssetDescribedResult {
  return { directory, path, folder, files };
}

export function keptResult(row: KeptRow): result.KeptResult {
  const { version, path, size, contentType, md5, sha1, sha256, sha512, createdAt, modifiedAt, ...others } = row;
  const { uploadedBy, reason, keptAt, keptBy } = others;
  return {
    version,
    path,
    size,
    contentType,
    md5,
    sha1,
    sha256,
    sha512,
    createdAt,
    modifiedAt,
    uploadedBy,
    reason,
    keptAt,
    keptBy,
  };
}

export function prunedResult(pruned: PrunedHistory): result.PrunedResult {
  const { directory, versions, bytes } = pruned;
  return { directory, versions, bytes, ...keptMembers(pruned) };
}

export function assetRestoredResult(outcome: AssetOutcome & { version: number }): result.AssetRestoredResult {
  const { type, path, from, status, size, contentType, sha256, reason, restored, version } = outcome;
  return { type, path, from, status, size, contentType, sha256, reason, restored, version };
}
