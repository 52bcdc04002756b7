import { npmRange, semver } from "../../versions/semver.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { gunzipFile } from "../containers/gzip.ts";
import { parseJsonManifest } from "../manifests/json.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { deprecationOf } from "../manifests/deprecation.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { parseNpmName, type NpmName } from "./name.ts";
import { invalid, readPackage } from "../read-package.ts";
import { guessTarContents } from "../name-the-type.ts";
import { expectContainer } from "../containers/sniff.ts";
import { tarEntries, type PackageTarEntry } from "../containers/tar.ts";

/** npm packages as `npm pack` makes them, and older ones whose top directory is not named `package`. */
export const npm: Format = {
  type: "npm",
  extensions: [".tgz"],
  unpacksTarballs: true,
  versions: semver,
  ranges: npmRange,
  repositoryFiles: /(?:^|\/)(?:package\.json|\.verdaccio-db\.json)$/,
  read: (file, options) => readPackage("npm package", file, options, () => read(file, options)),
};

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "gzip");
  const warnings: string[] = [];
  const manifest = parseJsonManifest(await findManifest(file, options, warnings), "package.json", warnings);
  const name = parseNpmName(manifest["name"], warnings);
  const { version, normalizedVersion } = readVersion(manifest["version"], warnings);
  if (manifest["private"] === true) warnings.push('its package.json says "private": npm would refuse to publish it');
  warnings.push(...checkFileName(file, name, version, normalizedVersion));
  return {
    group: name.scope,
    name: name.bare,
    nameKey: name.bare,
    version,
    normalizedVersion,
    sortKey: semver.sortKey(normalizedVersion),
    prerelease: semver.isPrerelease(normalizedVersion),
    qualifier: "",
    key: `${name.scope === "" ? "" : `@${name.scope}/`}${name.bare}/-/${name.bare}-${normalizedVersion}.tgz`,
    contentType: "application/gzip",
    ...deprecationOf(manifest["deprecated"]),
    metadata: boundMetadata(Object.fromEntries(metadataMembers.map((member) => [member, manifest[member]])), warnings),
    warnings,
  };
}

const metadataMembers = [
  "description",
  "keywords",
  "license",
  "licenses",
  "author",
  "contributors",
  "maintainers",
  "homepage",
  "repository",
  "bugs",
  "funding",
  "bin",
  "engines",
  "os",
  "cpu",
  "libc",
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "bundleDependencies",
  "bundledDependencies",
  "deprecated",
  "private",
];

/**
 * npm strips the first directory of every path, and keeps the last of several files with one path. So all entries are
 * read, and a package is rejected when two that differ become `package.json`.
 */
async function findManifest(file: PackageFile, options: ReadOptions | undefined, warnings: string[]): Promise<Buffer> {
  const manifest = createOnlyManifest("package.json");
  let guess: string | undefined;
  let hasLinks = false;
  for await (const entry of tarEntries(gunzipFile(file, options))) {
    const path = installedPath(entry.name);
    const isLink = entry.type === "symlink" || entry.type === "hardlink";
    if (isLink && path === "") throw invalid(`its top directory "${entry.name}" is a link`);
    hasLinks ||= isLink;
    guess ??= guessTarContents(entry.name);
    // On a file system that ignores case, variants of the name are the same file.
    if (path.toLowerCase() !== "package.json") continue;
    manifest.add(entry.name, await readManifest(entry));
  }
  if (hasLinks) warnings.push("it holds links, which npm leaves out when it installs");
  if (manifest.found === undefined)
    throw invalid(`it has no package.json${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return manifest.found.bytes;
}

async function readManifest(entry: PackageTarEntry): Promise<Buffer> {
  if (entry.type !== "file") throw invalid(`its package.json is not a file but a ${entry.type}`);
  if (!entry.name.endsWith("package.json")) throw invalid(`its manifest is called "${entry.name}"`);
  return entry.read("manifest");
}

/** Where npm would put the entry, relative to the package. */
function installedPath(name: string): string {
  const [, ...rest] = name.split(/[/\\]/);
  return rest.filter((segment) => segment !== "" && segment !== ".").join("/");
}

function readVersion(version: unknown, warnings: string[]): { version: string; normalizedVersion: string } {
  if (typeof version !== "string" || version === "") throw invalid('its package.json has no "version"');
  const cleaned = version.replace(/^[=v\s]+/, "").trimEnd();
  const normalizedVersion = semver.normalize(cleaned);
  if (normalizedVersion === undefined) throw invalid(`"${version}" is not a semantic version`);
  if (cleaned !== version) warnings.push(`the version is written "${version}"; npm reads ${cleaned}`);
  return { version: version.trim(), normalizedVersion };
}

/** `npm pack` makes `scope-name-1.0.0.tgz`; registries serve `name-1.0.0.tgz`. */
function checkFileName(file: PackageFile, name: NpmName, version: string, normalized: string): string[] {
  const stems = name.scope === "" ? [name.bare] : [`${name.scope}-${name.bare}`, name.bare];
  const names = stems.flatMap((stem) => [`${stem}-${version}.tgz`, `${stem}-${normalized}.tgz`]);
  if (names.includes(file.name)) return [];
  return [`the file is called "${file.name}", but by its manifest it is ${stems[0]}-${normalized}.tgz`];
}
