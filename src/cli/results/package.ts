import type { PackageVersion, VersionFile } from "../../catalog/packages.ts";
import type { DeletedVersions } from "../../operations/packages/packages.ts";
import type { StatusOfVersion, VersionStatus } from "../../operations/packages/status.ts";
import type { DistTag, TagChange } from "../../operations/packages/tags.ts";
import type { ProtectionChange, Protection } from "../../operations/retention/protections.ts";
import { keptMembers } from "./kept.ts";
import type * as result from "./schemas/package.ts";

function fileResult({ key, size, qualifier, md5, sha1, sha256, sha512, contentType }: VersionFile) {
  return { key, size, qualifier, md5, sha1, sha256, sha512, contentType };
}

function statusResult({ listed, allowed, deprecated, deprecationReason, cached }: VersionStatus) {
  return { listed, allowed, deprecated, deprecationReason, cached };
}

export function packageStatusResult(row: StatusOfVersion): result.PackageStatusResult {
  const { group, name, version, changed } = row;
  return { group, name, version, ...statusResult(row), changed };
}

export function distTagResult({ tag, version, setAt, setBy }: DistTag): result.DistTagResult {
  return { tag, version, setAt, setBy };
}

export function tagChangeResult(change: TagChange): result.TagChangeResult {
  const { feed, package: name, tag, version, before } = change;
  return { feed, package: name, tag, version, before };
}

export function packageResult(row: PackageVersion): result.PackageResult {
  const { group, name, version, prerelease, publishedAt, publishedBy, downloads, lastUsedAt } = row;
  return {
    group,
    name,
    version,
    prerelease,
    ...statusResult(row),
    publishedAt,
    publishedBy,
    downloads,
    lastUsedAt,
    files: row.files.map(fileResult),
  };
}

export function packageDetailsResult(row: PackageVersion): result.PackageDetailsResult {
  const { files, ...others } = packageResult(row);
  return { ...others, metadata: row.metadata, files };
}

export function packageDeletedResult(gone: DeletedVersions): result.PackageDeletedResult {
  return {
    deleted: gone.deleted.map(({ group, name, version, files }) => ({
      group,
      name,
      version,
      files: files.map(fileResult),
    })),
    ...keptMembers(gone),
  };
}

export function protectedResult(done: ProtectionChange): result.ProtectedResult {
  const { feed, package: name, version, pattern, changed, versions } = done;
  return { feed, package: name, version, pattern, changed, versions };
}

export function protectionResult(row: Protection): result.ProtectionResult {
  const { package: name, version, reason, createdAt, createdBy } = row;
  return { package: name, version, reason, createdAt, createdBy };
}
