import { cargoRange, semver } from "../../versions/semver.ts";
import { readCrate } from "./archive.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { invalid, readPackage, WrongNameError } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";
import { isTomlTable, parseToml, type Toml } from "../manifests/toml.ts";

/**
 * Crates as `cargo package` makes them. As in Cargo's registry, names that differ only in case, or in `-` and `_`, are
 * one package, and the directory inside must have the name and version of the manifest. Build metadata (`0.5.0+1.2.11`)
 * stays in version and key, because Cargo requests the file by the whole version.
 */
export const cargo: Format = {
  type: "cargo",
  extensions: [".crate"],
  unpacksTarballs: true,
  versions: semver,
  ranges: cargoRange,
  repositoryFiles:
    /(?:^|\/)(?:config\.json|[12]\/[a-z0-9_-]{1,2}|3\/[a-z0-9_-]\/[a-z0-9_-]{3}|[a-z0-9_-]{2}\/[a-z0-9_-]{2}\/[a-z0-9_-]{4,64})$/,
  read: (file, options) => readPackage("crate", file, options, () => read(file, options)),
};

const MAX_NAME = 64;
const MAX_VERSION = 200;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "gzip");
  const { directory, manifest: bytes } = await readCrate(file, options);
  const manifest = parseToml(bytes, "Cargo.toml");
  // `project` is the old name, which Cargo still reads.
  const table = manifest["package"] ?? manifest["project"];
  if (!isTomlTable(table)) throw invalid("its Cargo.toml has no [package]");
  const name = readName(table["name"]);
  const version = readVersion(table["version"]);
  const expected = `${name}-${version}`;
  if (directory !== expected)
    throw invalid(`its directory is called "${directory}", but by its Cargo.toml it is ${expected}`);
  const warnings: string[] = [];
  if (file.name !== `${expected}.crate`) {
    const difference = `the file is called "${file.name}", but by its Cargo.toml it is ${expected}.crate`;
    // standard input, and the last part of a registry's address: .../foo/1.0.0/download
    if (file.name.includes(".")) throw new WrongNameError(difference);
    warnings.push(difference);
  }
  return {
    group: "",
    name,
    nameKey: name.toLowerCase().replaceAll("_", "-"),
    version,
    normalizedVersion: version,
    sortKey: semver.sortKey(version),
    prerelease: semver.isPrerelease(version),
    qualifier: "",
    key: `crates/${name}/${expected}.crate`,
    contentType: "application/gzip",
    metadata: boundMetadata(describe(table, manifest), warnings),
    warnings,
  };
}

function readName(name: Toml | undefined): string {
  if (typeof name !== "string") throw invalid('its Cargo.toml has no "name"');
  if (name.length > MAX_NAME || !/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name))
    throw invalid(`"${name}" is not the name of a crate`);
  return name;
}

/** Cargo's versions are strict: no leading `v`, no omitted parts. */
function readVersion(version: Toml | undefined): string {
  if (typeof version !== "string") throw invalid('its Cargo.toml has no "version"');
  const isVersion = /^[0-9]/.test(version) && version.length <= MAX_VERSION;
  if (!isVersion || semver.normalize(version) !== version.replace(/\+[0-9A-Za-z.-]+$/, ""))
    throw invalid(`"${version}" is not a semantic version`);
  return version;
}

const packageMembers = [
  "description",
  "authors",
  "license",
  "license-file",
  "homepage",
  "repository",
  "documentation",
  "readme",
  "keywords",
  "categories",
  "edition",
  "rust-version",
  "links",
];
/** What the index of a registry has for every version. */
const manifestMembers = ["dependencies", "dev-dependencies", "build-dependencies", "target", "features"];

function describe(table: Record<string, Toml>, manifest: Record<string, Toml>): Record<string, unknown> {
  return Object.fromEntries([
    ...packageMembers.map((member) => [member, table[member]]),
    ...manifestMembers.map((member) => [member, manifest[member]]),
  ]);
}
