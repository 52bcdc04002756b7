import { trimAscii } from "../lib/text/blanks.ts";
import { composer as versions, isBranch } from "../versions/composer.ts";
import { relationRange } from "../versions/ranges/relation-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "./format.ts";
import { deprecationOf } from "./manifests/deprecation.ts";
import { parseJsonManifest } from "./manifests/json.ts";
import { boundMetadata } from "./manifests/metadata.ts";
import { quoted } from "./manifests/quoted.ts";
import { invalid, readPackage, WrongNameError } from "./read-package.ts";
import { expectContainer } from "./containers/sniff.ts";
import { zipEntries, type ZipEntry } from "./containers/zip.ts";

/**
 * Composer packages: a zip archive with composer.json at its root or in its only top directory, as code hosts make
 * them. Most manifests leave out the version, which is a tag of the repository; then the file name must contain it.
 */
export const composer: Format = {
  type: "composer",
  repositoryFiles: /(?:^|\/)(?:packages\.json|provider-[^/]+\.json|include\/[^/]+\.json|p2?\/.+\.json)$/,
  extensions: [".zip"],
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0" }),
  read: (file, options) => readPackage("Composer package", file, options, () => read(file, options)),
};

const MAX_PART = 100;

interface Name {
  vendor: string;
  project: string;
}

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "zip");
  const entry = await findManifest(file, options);
  const warnings: string[] = [];
  const manifest = parseJsonManifest(await entry.read("manifest"), "composer.json", warnings);
  const name = parseName(manifest["name"], warnings);
  const version = readVersion(file, name, manifest["version"], warnings);
  const normalizedVersion = checkVersion(version);
  const [vendor, project] = [name.vendor.toLowerCase(), name.project.toLowerCase()];
  return {
    group: vendor,
    name: name.project,
    nameKey: project,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: "",
    key: `${vendor}/${project}/${vendor}-${project}-${normalizedVersion}.zip`,
    contentType: "application/zip",
    ...deprecationOf(abandonedReason(manifest["abandoned"])),
    metadata: boundMetadata(Object.fromEntries(members.map((member) => [member, manifest[member]])), warnings),
    warnings,
  };
}

/** Composer's `abandoned` is true, or the name of the package to use instead. */
function abandonedReason(value: unknown): unknown {
  return typeof value === "string" && value.includes("/") ? `abandoned; use ${value} instead` : value;
}

const members = [
  "description",
  "type",
  "keywords",
  "homepage",
  "license",
  "authors",
  "support",
  "funding",
  "time",
  "require",
  "require-dev",
  "conflict",
  "replace",
  "provide",
  "suggest",
  "autoload",
  "bin",
  "abandoned",
];

/** Finds composer.json at the root, or in the only top directory. Others belong to packages inside. */
async function findManifest(file: PackageFile, options: ReadOptions | undefined): Promise<ZipEntry> {
  const atRoot: ZipEntry[] = [];
  const belowTop: ZipEntry[] = [];
  const tops = new Set<string>();
  for await (const entry of zipEntries(file, options)) {
    const [top, name, ...deeper] = entry.name.split(/[/\\]/);
    if (tops.size < 2) tops.add(top!);
    if (top!.toLowerCase() === "composer.json" && name === undefined) atRoot.push(entry);
    else if (name?.toLowerCase() === "composer.json" && deeper.length === 0) belowTop.push(entry);
  }
  const found = atRoot.length > 0 ? atRoot : tops.size === 1 ? belowTop : [];
  if (found.length > 1) throw invalid("it has several composer.json files");
  const manifest = found[0];
  if (manifest === undefined) throw invalid("it has no composer.json at its root or in its only top directory");
  if (!manifest.name.endsWith("composer.json")) throw invalid(`its manifest is called ${quoted(manifest.name)}`);
  return manifest;
}

/** Checks a name by Composer's rules for new names. Upper case, which old packages have, only adds a warning. */
function parseName(name: unknown, warnings: string[]): Name {
  if (typeof name !== "string" || name === "") throw invalid('its composer.json has no "name"');
  const match = /^([a-z0-9](?:[_.-]?[a-z0-9])*)\/([a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9])*)$/i.exec(name);
  const [vendor = "", project = ""] = match?.slice(1) ?? [];
  if (match === null || vendor.length > MAX_PART || project.length > MAX_PART)
    throw invalid(`${quoted(name)} is not a Composer package name`);
  if (name !== name.toLowerCase()) warnings.push(`"${name}" breaks Composer's rule for names (lower case)`);
  return { vendor, project };
}

function readVersion(file: PackageFile, name: Name, stated: unknown, warnings: string[]): string {
  const named = versionInName(file, name);
  if (stated === undefined || stated === null || stated === "") {
    if (named === undefined)
      throw new WrongNameError(
        `its composer.json has no "version", and its name is not ${name.vendor}-${name.project}-VERSION.zip`,
      );
    warnings.push(`its composer.json has no version; the file name says ${named}`);
    return named;
  }
  if (typeof stated !== "string") throw invalid('the "version" in its composer.json is not text');
  if (named === undefined || versions.normalize(named) !== versions.normalize(stated))
    warnings.push(
      `the file is called "${file.name}", but by its manifest it is ${name.vendor}-${name.project}-${stated}.zip`,
    );
  return trimAscii(stated);
}

/**
 * The version in `vendor-project-1.0.zip` or `project-1.0.zip`; the separators may also be dots, underscores or
 * nothing.
 */
function versionInName(file: PackageFile, { vendor, project }: Name): string | undefined {
  const stem = file.name.replace(/\.zip$/i, "");
  const lower = stem.toLowerCase();
  const starts = ["-", "_", "."].map((separator) => `${vendor}${separator}${project}`);
  for (const start of [...starts, project].map((text) => text.toLowerCase())) {
    const rest = lower.startsWith(start) ? /^[._-](.+)$/s.exec(stem.slice(start.length))?.[1] : undefined;
    if (rest !== undefined && (versions.normalize(rest) !== undefined || isBranch(rest))) return rest;
  }
  return undefined;
}

function checkVersion(version: string): string {
  const normalized = versions.normalize(version);
  if (normalized !== undefined) return normalized;
  if (isBranch(version)) throw invalid(`${quoted(version)} is a branch, not a version: what it names changes`);
  throw invalid(`${quoted(version)} is not a Composer version`);
}
