import { Type, type Static } from "typebox";
import { count, flag, hashes, keptBlobs, mapOf, maybe, nullable, oneOf, text, time, word } from "./parts.ts";

const userMetadata = mapOf(Type.Object({ value: text(), header: flag("sent with the file") }));

export const AssetListResult = Type.Union([
  Type.Object({ path: text(), folder: Type.Literal(true) }),
  Type.Object({
    path: text(),
    size: count(),
    contentType: text(),
    sha256: text(),
    md5: maybe(text("this and the following members: with --long")),
    sha1: maybe(text()),
    sha512: maybe(text()),
    createdAt: maybe(time()),
    modifiedAt: maybe(time()),
    uploadedBy: maybe(text()),
    cacheControl: maybe(nullable(text())),
    metadata: maybe(userMetadata),
  }),
]);
export type AssetListResult = Static<typeof AssetListResult>;

export const AssetDetailsResult = Type.Union([
  Type.Object({
    path: text(),
    folder: Type.Literal(false),
    size: count(),
    contentType: text(),
    ...hashes,
    createdAt: time(),
    modifiedAt: time(),
    uploadedBy: text(),
    ownCacheControl: nullable(text()),
    cacheControl: nullable(text(), "its own, or inherited from its folder"),
    metadata: userMetadata,
    versions: count("earlier versions that are kept"),
  }),
  Type.Object({
    path: text("empty: the directory itself"),
    folder: Type.Literal(true),
    files: count(),
    bytes: count(),
    cacheControl: nullable(text()),
    metadata: userMetadata,
    createdAt: nullable(time()),
  }),
]);
export type AssetDetailsResult = Static<typeof AssetDetailsResult>;

const storeStatus = oneOf(["stored", "overwritten", "unchanged", "skipped", "conflict", "invalid", "failed"]);

export const AssetStoredLine = Type.Union([
  Type.Object({
    type: word("file"),
    path: text(),
    from: text("its source"),
    status: storeStatus,
    size: nullable(count()),
    contentType: nullable(text()),
    sha256: nullable(text()),
    reason: nullable(text(), "why it was not stored"),
    restored: flag("stored again: the row existed, but its blob was missing in the store"),
  }),
  Type.Object({
    type: word("summary"),
    directory: text(),
    stored: count(),
    overwritten: count(),
    unchanged: count(),
    skipped: count(),
    conflict: count(),
    invalid: count(),
    failed: count(),
    folders: count("folders that were created"),
    bytes: count(),
    restored: count("how many of the stored files existed, but their blobs were missing in the store"),
    ...keptBlobs,
  }),
]);
export type AssetStoredLine = Static<typeof AssetStoredLine>;

export const AssetSavedLine = Type.Union([
  Type.Object({
    type: word("file"),
    path: text(),
    file: text("the local path"),
    status: oneOf(["saved", "unchanged", "conflict", "failed"]),
    size: count(),
    sha256: text(),
    reason: maybe(text()),
  }),
  Type.Object({
    type: word("summary"),
    saved: count(),
    unchanged: count(),
    conflict: count(),
    failed: count(),
    bytes: count(),
  }),
]);
export type AssetSavedLine = Static<typeof AssetSavedLine>;

export const AssetUrlResult = Type.Object({
  path: text(),
  url: text(),
  kind: oneOf(["signed", "public", "file"]),
  expires: nullable(time()),
});
export type AssetUrlResult = Static<typeof AssetUrlResult>;

export const AssetDeletedResult = Type.Union([
  Type.Object({ dryRun: Type.Literal(true), paths: Type.Array(text()), files: count(), bytes: count() }),
  Type.Object({ directory: text(), files: count(), folders: count(), bytes: count(), ...keptBlobs }),
]);
export type AssetDeletedResult = Static<typeof AssetDeletedResult>;

export const FolderMadeResult = Type.Object({ directory: text(), path: text(), created: count("folders") });
export type FolderMadeResult = Static<typeof FolderMadeResult>;

export const AssetDescribedResult = Type.Object({
  directory: text(),
  path: text("empty: the directory itself"),
  folder: flag(),
  files: count("changed files"),
});
export type AssetDescribedResult = Static<typeof AssetDescribedResult>;

export const AssetExportResult = Type.Object({ file: text(), files: count(), bytes: count() });
export type AssetExportResult = Static<typeof AssetExportResult>;

const Kept = Type.Object({
  version: count(),
  path: text(),
  size: count(),
  contentType: text(),
  ...hashes,
  createdAt: time(),
  modifiedAt: time(),
  uploadedBy: text(),
  reason: oneOf(["overwritten", "deleted"]),
  keptAt: time(),
  keptBy: text(),
});
export type KeptResult = Static<typeof Kept>;

export const AssetHistoryResult = Type.Union([
  Type.Array(Kept),
  Type.Object({ dryRun: Type.Literal(true), versions: Type.Array(Kept) }, { description: "with --prune --dry-run" }),
  Type.Object({ directory: text(), versions: count(), bytes: count(), ...keptBlobs }, { description: "with --prune" }),
]);
export type PrunedResult = Exclude<Static<typeof AssetHistoryResult>, readonly unknown[]>;

export const AssetRestoredResult = Type.Object({
  type: word("file"),
  path: text(),
  from: text(),
  status: storeStatus,
  size: maybe(count()),
  contentType: maybe(text()),
  sha256: maybe(text()),
  reason: maybe(text("why it was not restored")),
  restored: maybe(Type.Literal(true, { description: "the row existed, but its blob was missing in the store" })),
  version: count("number of the version that was restored"),
});
export type AssetRestoredResult = Static<typeof AssetRestoredResult>;

export const VersioningResult = Type.Object({ directory: text(), versioning: flag() });
export type VersioningResult = Static<typeof VersioningResult>;
