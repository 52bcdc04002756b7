import { conda as versions } from "../../versions/conda.ts";
import { relationRange } from "../../versions/ranges/relation-range.ts";
import { readDotConda, readTarBz2 } from "./archive.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { parseJsonManifest } from "../manifests/json.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { invalid, readPackage, WrongNameError } from "../read-package.ts";
import { expectContainer, findContainer } from "../containers/sniff.ts";

/**
 * Conda packages, the newer .conda and the older .tar.bz2. A version has a file for every platform, build and kind of
 * archive; a build may exist in both kinds.
 */
export const conda: Format = {
  type: "conda",
  extensions: [".conda", ".tar.bz2"],
  unpacksTarballs: true,
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0" }),
  repositoryFiles:
    /(?:^|\/)(?:(?:(?:current_)?repodata|repodata_from_packages|run_exports|patch_instructions|channeldata|post_install)\.json(?:\.(?:bz2|gz|zst))?|repodata_shards\.msgpack\.zst|index\.html|rss\.xml|\.cache\/[^/]+|icons\/[^/]+)$/,
  read: (file, options) => readPackage("conda package", file, options, () => read(file, options)),
};

/** Bytes of name, version, build and subdir each, so that a key stays below 1,024 bytes. */
const MAX_PART = 200;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  const warnings: string[] = [];
  const type = await kindOf(file);
  await expectContainer(file, type === "conda" ? "zip" : "bzip2");
  const { index, stem } = await (type === "conda" ? readDotConda(file, options, warnings) : readTarBz2(file, options));
  const manifest = parseJsonManifest(index, "info/index.json", warnings);
  const name = readText(manifest, "name", /^[a-z0-9_][a-z0-9_.-]*$/);
  const version = readText(manifest, "version", /^[^-]+$/);
  const build = readText(manifest, "build", /^[A-Za-z0-9_.+]+$/);
  const normalizedVersion = versions.normalize(version);
  // Conda would put blanks around the version into the file name.
  if (normalizedVersion !== version) throw invalid(`"${version}" is not a conda version`);
  const subdir = readSubdir(manifest);
  const expected = `${name}-${version}-${build}`;
  // Conda finds the archives inside by the name of the file, so all names must agree with the manifest.
  if (stem !== undefined && stem !== expected)
    throw invalid(`its info/index.json says ${expected}, but its archives are called "${stem}"`);
  if (file.name !== `${expected}.${type}`) {
    // standard input has no name, and mirrors put the subdir before it
    if (file.name.includes(".") && !file.name.endsWith(`${expected}.${type}`))
      throw new WrongNameError(`its info/index.json says ${expected}, but not its file name`);
    warnings.push(`the file is called "${file.name}", but by its info/index.json it is ${expected}.${type}`);
  }
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: `build=${encodeURIComponent(build)}&subdir=${subdir}&type=${type}`,
    key: `${subdir}/${expected}.${type}`,
    contentType: type === "conda" ? "application/octet-stream" : "application/x-bzip2",
    metadata: boundMetadata(Object.fromEntries(members.map((member) => [member, manifest[member]])), warnings),
    warnings,
  };
}

/** By the file extension, else by the container. */
async function kindOf(file: PackageFile): Promise<"conda" | "tar.bz2"> {
  const kind = (["conda", "tar.bz2"] as const).find((each) => file.name.toLowerCase().endsWith(`.${each}`));
  return kind ?? ((await findContainer(file)) === "bzip2" ? "tar.bz2" : "conda");
}

const members = [
  "build",
  "build_number",
  "depends",
  "constrains",
  "license",
  "license_family",
  "noarch",
  "arch",
  "platform",
  "timestamp",
  "track_features",
  "features",
];

function readText(manifest: Record<string, unknown>, member: string, pattern: RegExp): string {
  const value = manifest[member];
  if (typeof value !== "string" || value === "") throw invalid(`its info/index.json has no "${member}"`);
  if (value.length > MAX_PART || !pattern.test(value))
    throw invalid(`"${value}" is not a ${member} of a conda package`);
  return value;
}

const bits: Record<string, string> = { x86_64: "64", x86: "32" };

/** Early packages have `platform` and `arch` instead, and neither when they are for all platforms. */
function readSubdir(manifest: Record<string, unknown>): string {
  const { subdir, platform, arch } = manifest;
  if (subdir === undefined || subdir === null) {
    if (typeof platform !== "string" || typeof arch !== "string") return "noarch";
    return checkSubdir(`${platform}-${bits[arch] ?? arch}`);
  }
  if (typeof subdir !== "string") throw invalid('its info/index.json has a "subdir" that is not text');
  return checkSubdir(subdir);
}

function checkSubdir(subdir: string): string {
  if (!/^(?:noarch|[a-z0-9]+-[a-z0-9_]+)$/.test(subdir) || subdir.length > MAX_PART)
    throw invalid(`"${subdir}" is not a subdir of a conda channel`);
  return subdir;
}
