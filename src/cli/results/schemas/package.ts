import { Type, type Static } from "typebox";
import { count, flag, freeObject, hashes, maybe, nullable, text, time } from "./parts.ts";

const PackageFile = Type.Object({
  key: text("its name in the store"),
  size: count(),
  qualifier: text("what tells the files of one version apart; empty where there is one"),
  ...hashes,
  contentType: text(),
});

export const PackageResult = Type.Object({
  group: text("npm scope, Maven group and the like; empty without"),
  name: text(),
  version: text(),
  prerelease: flag(),
  listed: flag(),
  cached: flag("it came from an upstream connector"),
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

export const PackageSavedResult = Type.Object({ file: text("where it was saved"), size: count(), sha256: text() });
export type PackageSavedResult = Static<typeof PackageSavedResult>;

export const PackageDeletedResult = Type.Union([
  Type.Object({
    dryRun: Type.Literal(true),
    versions: Type.Array(Type.Object({ name: text("with its group"), version: text() })),
  }),
  Type.Object({
    deleted: Type.Array(Type.Object({ group: text(), name: text(), version: text(), files: Type.Array(PackageFile) })),
  }),
]);
export type PackageDeletedResult = Static<typeof PackageDeletedResult>;

export const ProtectedResult = Type.Object({
  feed: text(),
  package: text(),
  version: text(),
  pattern: text("package and version as one text"),
  changed: flag("false: it was protected already"),
  versions: maybe(count("how many versions it names now; missing for asset directories and where it is taken away")),
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
