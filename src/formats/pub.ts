import { posix } from "node:path";
import { pub as versions } from "../versions/pub.ts";
import { relationRange } from "../versions/ranges/relation-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "./format.ts";
import { gunzipFile } from "./containers/gzip.ts";
import { boundMetadata } from "./manifests/metadata.ts";
import { createOnlyManifest } from "./manifests/only-manifest.ts";
import { quoted } from "./manifests/quoted.ts";
import { invalid, readPackage } from "./read-package.ts";
import { guessTarContents } from "./name-the-type.ts";
import { expectContainer } from "./containers/sniff.ts";
import { tarEntries, type PackageTarEntry } from "./containers/tar.ts";
import { parseYamlMapping } from "./manifests/yaml.ts";

/** Dart packages as `dart pub` publishes them: pubspec.yaml is at the root, without a directory around it. */
export const pub: Format = {
  type: "pub",
  extensions: [".tar.gz"],
  unpacksTarballs: true,
  versions,
  ranges: relationRange(versions, { example: ">=1.0.0 <2.0.0" }),
  read: (file, options) => readPackage("Dart package", file, options, () => read(file, options)),
};

const MAX_NAME = 64;
const MAX_VERSION = 128;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "gzip");
  const warnings: string[] = [];
  const pubspec = parseYamlMapping(await findPubspec(file, options), "pubspec.yaml", { aliases: "expand" });
  const name = checkName(pubspec["name"], warnings);
  const { version, normalizedVersion } = checkVersion(pubspec["version"]);
  if (pubspec["publish_to"] === "none")
    warnings.push('its pubspec.yaml says "publish_to: none": dart would refuse to publish it');
  if (![version, normalizedVersion].some((text) => file.name === `${name}-${text}.tar.gz`))
    warnings.push(`the file is called "${file.name}", but by its manifest it is ${name}-${normalizedVersion}.tar.gz`);
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: "",
    key: `packages/${name}/versions/${normalizedVersion}.tar.gz`,
    contentType: "application/gzip",
    metadata: boundMetadata(Object.fromEntries(members.map((member) => [member, pubspec[member]])), warnings),
    warnings,
  };
}

const members = [
  "description",
  "homepage",
  "repository",
  "issue_tracker",
  "documentation",
  "topics",
  "funding",
  "environment",
  "dependencies",
  "dev_dependencies",
  "executables",
  "platforms",
  "flutter",
  "publish_to",
];

/** Reads all entries: of two files with the same name, unpacking keeps the last. */
async function findPubspec(file: PackageFile, options: ReadOptions | undefined): Promise<Buffer> {
  const pubspec = createOnlyManifest("pubspec.yaml");
  let guess: string | undefined;
  for await (const entry of tarEntries(gunzipFile(file, options))) {
    checkLink(entry);
    const path = posix.normalize(entry.name);
    if (path !== "pubspec.yaml") guess ??= guessTarContents(entry.name);
    // On a file system that ignores case, variants of the name are the same file.
    if (path.toLowerCase() !== "pubspec.yaml") continue;
    if (entry.type !== "file") throw invalid(`its pubspec.yaml is not a file but a ${entry.type}`);
    if (path !== "pubspec.yaml") throw invalid(`its manifest is called ${quoted(entry.name)}`);
    pubspec.add(entry.name, await entry.read("manifest"));
  }
  if (pubspec.found === undefined)
    throw invalid(`it has no pubspec.yaml at its root${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return pubspec.found.bytes;
}

/** Rejects links out of the package. Symbolic links are relative to their own directory, hard links to the root. */
function checkLink({ name, type, linkName }: PackageTarEntry): void {
  if (type !== "symlink" && type !== "hardlink") return;
  const target = posix.join(type === "symlink" ? posix.dirname(name) : ".", linkName);
  if (/^([/\\]|[A-Za-z]:)/.test(linkName) || target === ".." || target.startsWith("../") || linkName.includes("\\"))
    throw invalid(`the link ${quoted(name)} leads out of the package`);
}

/** A name must be a Dart identifier. Upper case, which a few old packages have, only adds a warning. */
function checkName(name: unknown, warnings: string[]): string {
  if (name === undefined || name === "") throw invalid('its pubspec.yaml has no "name"');
  if (typeof name !== "string") throw invalid('the "name" in its pubspec.yaml is not text');
  if (name.length > MAX_NAME || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw invalid(`${quoted(name)} is not a name of Dart packages`);
  if (name !== name.toLowerCase()) warnings.push(`"${name}" breaks Dart's rule for names (lower case)`);
  return name;
}

function checkVersion(version: unknown): { version: string; normalizedVersion: string } {
  if (version === undefined || version === "") throw invalid('its pubspec.yaml has no "version"');
  if (typeof version !== "string") throw invalid('the "version" in its pubspec.yaml is not text');
  const normalizedVersion = version.length > MAX_VERSION ? undefined : versions.normalize(version);
  if (normalizedVersion === undefined) throw invalid(`${quoted(version)} is not a version of Dart packages`);
  return { version, normalizedVersion };
}
