import { basename, dirname } from "node:path";
import { contentTypeOf } from "../../lib/content-type.ts";
import { maven as versions, snapshotOf } from "../../versions/maven.ts";
import { bracketRange } from "../../versions/ranges/bracket-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { expectArchive } from "./archive.ts";
import { findCoordinates } from "./coordinates.ts";
import { isNamedAfter, matchName, parseRest, repositoryFolder, signedName, versionsIn, type Kind } from "./name.ts";
import type { Coordinates } from "./pom.ts";
import { isMavenSidecar, verifyChecksums } from "./sidecars.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { placeOf } from "../read-neighbour.ts";
import { invalid, readPackage } from "../read-package.ts";

/**
 * Maven artifacts: every file that is deployed with a pom is a file of its version, distinguished by classifier and
 * extension. The files do not have the coordinates themselves; they come from the pom beside them.
 */
export const maven: Format = {
  type: "maven",
  // Any file can be an artifact: the pom beside it decides.
  repositoryFiles: /(?:^|\/)(?:archetype-catalog\.xml|\.index\/[^/]+|\.meta\/[^/]+)$/,
  extensions: [""],
  usualNames: /\.(?:jar|war|ear|aar|pom)$/i,
  versions,
  ranges: bracketRange(versions),
  isSidecar: isMavenSidecar,
  readsNeighbours: true,
  isNeededBy: isNamedAfter,
  versionsIn,
  read: (file, options) => readPackage("Maven artifact", file, options, () => read(file, options ?? {})),
};

const MAX_KEY = 1024;

async function read(file: PackageFile, options: ReadOptions): Promise<PackageIdentity> {
  if (isMavenSidecar(file.name)) throw invalid("it is a checksum or a repository's own file, not an artifact");
  if (file.size === 0) throw invalid("the file is empty");
  const { coordinates, metadata, warnings } = await findCoordinates(file, options);
  const { version, kind } = nameParts(file, coordinates, warnings);
  await expectArchive(file, kind.extension);
  await verifyChecksums(file, options, warnings);
  const { group, artifact } = coordinates;
  const folder = repositoryFolder(coordinates);
  checkFolder(file, coordinates, folder, warnings);
  const key = `${folder}/${artifact}-${version}${kind.classifier && `-${kind.classifier}`}.${kind.extension}`;
  if (key.length > MAX_KEY) throw invalid(`its path in a repository would be longer than ${MAX_KEY} bytes`);
  return {
    group,
    name: artifact,
    nameKey: artifact,
    version,
    normalizedVersion: version,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: qualifierOf(kind),
    key,
    contentType: contentTypeOf(file.name),
    metadata: boundMetadata({ ...metadata, baseVersion: baseVersion(version) }, warnings),
    warnings,
  };
}

/** The snapshot that a timestamped build belongs to; undefined for other versions. */
function baseVersion(version: string): string | undefined {
  const snapshot = snapshotOf(version);
  return snapshot === version ? undefined : snapshot;
}

function qualifierOf({ classifier, extension }: Kind): string {
  const members = { ...(classifier !== "" && { classifier }), extension };
  return Object.entries(members)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

/** A file whose name does not begin with artifact and version counts as the main artifact with its file extension. */
function nameParts(file: PackageFile, coordinates: Coordinates, warnings: string[]): { version: string; kind: Kind } {
  const { artifact, version } = coordinates;
  const parts = matchName(file.name, coordinates);
  if (file.name.toLowerCase().endsWith(".pom")) {
    if (parts?.rest === ".pom") return { version: parts.version, kind: { classifier: "", extension: "pom" } };
  } else if (parts !== undefined) return { version: parts.version, kind: parseRest(parts.rest) };
  const bare = signedName(file.name) ?? file.name;
  const extension = bare.slice(bare.lastIndexOf(".") + 1).toLowerCase() + file.name.slice(bare.length);
  warnings.push(`the file is called "${file.name}", but by its coordinates it is ${artifact}-${version}.${extension}`);
  return { version, kind: { classifier: "", extension } };
}

/** Warns when the folder names another artifact or version than the pom: the file is likely misplaced. */
function checkFolder(file: PackageFile, { artifact }: Coordinates, folder: string, warnings: string[]): void {
  const directory = dirname(placeOf(file).path);
  const place = directory.replaceAll("\\", "/");
  if (basename(dirname(directory)) !== artifact || place.endsWith(`/${folder}`)) return;
  warnings.push(`it lies in a folder of artifact "${artifact}", but its place in a repository is ${folder}`);
}
