import { vsix as versions } from "../../versions/vsix.ts";
import { bracketRange } from "../../versions/ranges/bracket-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { parseJsonManifest } from "../manifests/json.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid, readPackage } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";
import { parseVsixManifest, type VsixManifest } from "./manifest.ts";
import { zipEntries, type ZipEntry } from "../containers/zip.ts";

/**
 * Extensions of Visual Studio and of VS Code. Those of VS Code are named `publisher.name`, and one version may have a
 * file per platform. The manifest of the container decides; a difference in VS Code's own manifest adds a warning.
 */
export const vsix: Format = {
  type: "vsix",
  extensions: [".vsix"],
  versions,
  ranges: bracketRange(versions),
  read: (file, options) => readPackage("VSIX extension", file, options, () => read(file, options)),
};

const MAX_ID = 200;
const MAX_VERSION = 128;
const CODE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
/** Visual Studio allows any text as an id. Ids that cannot be a file name are refused. */
const STUDIO_ID = /^[A-Za-z0-9_{](?:[A-Za-z0-9._{}+ -]*[A-Za-z0-9_}])?$/;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "zip");
  const { entry, codeManifest } = await findManifests(file, options);
  const warnings: string[] = [];
  const manifest = parseVsixManifest(await entry.read("manifest"), warnings);
  const id = checkId(manifest);
  const version = manifest.version.length > MAX_VERSION ? undefined : versions.normalize(manifest.version);
  if (version === undefined) throw invalid(`${quoted(manifest.version)} is not an extension's version`);
  const platform = checkPlatform(manifest.targetPlatform);
  if (manifest.isForCode) {
    if (codeManifest === undefined) warnings.push("it is for VS Code, but has no extension/package.json");
    else await compareManifests(codeManifest, id, version, warnings);
    warnings.push(...checkFileName(file, manifest.id, id, version));
  }
  const nameKey = id.toLowerCase();
  const suffix = platform === undefined ? "" : `@${platform}`;
  return {
    group: "",
    name: id,
    nameKey,
    version: manifest.version,
    normalizedVersion: version,
    sortKey: versions.sortKey(version),
    prerelease: manifest.isPreview || versions.isPrerelease(version),
    qualifier: platform === undefined ? "" : `targetPlatform=${platform}`,
    key: `${nameKey}/${version}/${nameKey}-${version}${suffix}.vsix`,
    contentType: "application/zip",
    metadata: boundMetadata(manifest.metadata, warnings),
    warnings,
  };
}

async function findManifests(file: PackageFile, options: ReadOptions | undefined) {
  const manifests: ZipEntry[] = [];
  let codeManifest: ZipEntry | undefined;
  for await (const entry of zipEntries(file, options)) {
    const name = entry.name.toLowerCase();
    if (name === "extension.vsixmanifest") manifests.push(entry);
    else if (name === "extension/package.json") codeManifest ??= entry;
  }
  if (manifests.length > 1) throw invalid(`it has ${manifests.length} manifests "extension.vsixmanifest"`);
  const entry = manifests[0];
  if (entry === undefined) throw invalid("it has no extension.vsixmanifest");
  return { entry, codeManifest };
}

function checkId({ id, publisher, isForCode }: VsixManifest): string {
  if (!isForCode) {
    if (id.length > MAX_ID || !STUDIO_ID.test(id))
      throw invalid(`${quoted(id)} is not an id of Visual Studio's extensions`);
    return id;
  }
  if (publisher === undefined) throw invalid('its manifest has no "Publisher", which VS Code needs');
  const full = `${publisher}.${id}`;
  if (full.length > MAX_ID || !CODE_NAME.test(publisher) || !CODE_NAME.test(id))
    throw invalid(`${quoted(full)} is not a name of VS Code's extensions`);
  return full;
}

/** Returns undefined for an extension that runs on every platform. */
function checkPlatform(platform: string | undefined): string | undefined {
  if (platform === undefined || platform === "universal" || platform === "undefined") return undefined;
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(platform)) throw invalid(`${quoted(platform)} is not a platform of VS Code`);
  return platform;
}

async function compareManifests(entry: ZipEntry, id: string, version: string, warnings: string[]): Promise<void> {
  const manifest = parseJsonManifest(await entry.read("manifest"), entry.name, warnings);
  const said = `${String(manifest["publisher"])}.${String(manifest["name"])}`;
  if (said.toLowerCase() !== id.toLowerCase() || versions.normalize(String(manifest["version"])) !== version)
    warnings.push(`its ${entry.name} says ${said} ${String(manifest["version"])}, its manifest ${id} ${version}`);
}

/** VS Code's tools and galleries name files `name-1.0.0.vsix`, and put publisher and platform in various positions. */
function checkFileName(file: PackageFile, name: string, id: string, version: string): string[] {
  const lower = file.name.toLowerCase();
  const begins = [name, id].some((start) => lower.startsWith(`${start.toLowerCase()}-`));
  if (begins && lower.includes(`-${version.toLowerCase()}`)) return [];
  return [`the file is called "${file.name}", but by its manifest it is ${id}-${version}.vsix`];
}
