import { Type, type Static } from "typebox";
import { count, flag, freeObject, hashes, keptBlobs, maybe, nullable, text, time } from "./parts.ts";

const PackageFile = Type.Object({
  key: text("its key in the store"),
  size: count(),
  qualifier: text("distinguishes the files of one version; empty if there is only one"),
  ...hashes,
  contentType: text(),
});

const status = {
  listed: flag("false: hidden from searches"),
  allowed: nullable(flag("false: blocked; null: undecided")),
  deprecated: flag(),
  deprecationReason: nullable(text()),
  cached: flag("it came from an upstream connector"),
};

export const PackageResult = Type.Object({
  group: text("npm scope, Maven group and the like; may be empty"),
  name: text(),
  version: text(),
  prerelease: flag(),
  ...status,
  publishedAt: time(),
  publishedBy: text(),
  downloads: count(),
  lastUsedAt: nullable(time()),
  files: Type.Array(PackageFile),
});
export type PackageResult = Static<typeof PackageResult>;

export const PackageDetailsResult = Type.Object({
  ...PackageResult.properties,
  metadata: freeObject("what the package says of itself, by its type"),
});
export type PackageDetailsResult = Static<typeof PackageDetailsResult>;

export const PackageStatusResult = Type.Object({
  group: text(),
  name: text(),
  version: text(),
  ...status,
  changed: flag("false: it was already so, or nothing was to be changed"),
});
export type PackageStatusResult = Static<typeof PackageStatusResult>;

export const DistTagResult = Type.Object({
  tag: text(),
  version: text(),
  setAt: nullable(time("null: nobody set it; it follows the newest release")),
  setBy: nullable(text()),
});
export type DistTagResult = Static<typeof DistTagResult>;

export const TagChangeResult = Type.Object({
  feed: text(),
  package: text("with its scope"),
  tag: text(),
  version: nullable(text("what the tag names now")),
  before: nullable(text("what it named before")),
});
export type TagChangeResult = Static<typeof TagChangeResult>;

export const PackageSavedResult = Type.Object({ file: text("the local path"), size: count(), sha256: text() });
export type PackageSavedResult = Static<typeof PackageSavedResult>;

export const PackageDeletedResult = Type.Union([
  Type.Object({
    dryRun: Type.Literal(true),
    versions: Type.Array(Type.Object({ name: text("with its group"), version: text() })),
  }),
  Type.Object({
    deleted: Type.Array(Type.Object({ group: text(), name: text(), version: text(), files: Type.Array(PackageFile) })),
    ...keptBlobs,
  }),
]);
export type PackageDeletedResult = Static<typeof PackageDeletedResult>;

export const ProtectedResult = Type.Object({
  feed: text(),
  package: text(),
  version: text(),
  pattern: text("package and version as one text"),
  changed: flag("false: it was already so"),
  versions: maybe(count("how many versions, or files, match now; missing when it is removed")),
});
export type ProtectedResult = Static<typeof ProtectedResult>;

export const ProtectionResult = Type.Object({
  package: text(),
  version: text(),
  reason: nullable(text()),
  createdAt: time(),
  createdBy: text(),
});
export type ProtectionResult = Static<typeof ProtectionResult>;
