import { semver } from "../../versions/semver.ts";
import type { PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { parseJsonManifest } from "../manifests/json.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";
import { zipEntries, type ZipEntry } from "../containers/zip.ts";

/**
 * The content of a universal package's container. The formats that use the container add the key and their own rules.
 */
export interface Upack {
  /** Group and name in lower case, as in keys. The group is empty when the package has none. */
  group: string;
  name: string;
  /** Normalised. */
  version: string;
  kind: "package" | "virtual";
  /** Without qualifier and key, which the format adds. */
  identity: PackageIdentity;
  /** Paths of the content, below `package/`; at most the first thousand. */
  paths: readonly string[];
}

const MAX_PATHS = 1000;
const MAX_VERSION = 128;

/** Reads the container. To be called inside `readPackage`, which names the file in errors. */
export async function readUpack(file: PackageFile, options: ReadOptions | undefined): Promise<Upack> {
  await expectContainer(file, "zip");
  const { entry, paths } = await findManifest(file, options);
  const warnings: string[] = [];
  const manifest = parseJsonManifest(await entry.read("manifest"), "upack.json", warnings);
  const { group, name, version } = checkIdentity(manifest);
  const normalizedVersion = semver.normalize(version)!;
  const kind = kindOf(file, manifest, paths);
  checkFileName(file, { name, version, normalizedVersion, kind }, warnings);
  const identity: PackageIdentity = {
    // Groups are case-insensitive, but the catalog compares them exactly.
    group: group.toLowerCase(),
    name,
    nameKey: name.toLowerCase(),
    version,
    normalizedVersion,
    sortKey: semver.sortKey(normalizedVersion),
    prerelease: semver.isPrerelease(normalizedVersion),
    qualifier: "",
    key: "",
    contentType: "application/zip",
    metadata: boundMetadata(readMetadata(manifest, group), warnings),
    warnings,
  };
  return { group: identity.group, name: identity.nameKey, version: normalizedVersion, kind, identity, paths };
}

async function findManifest(file: PackageFile, options: ReadOptions | undefined) {
  const manifests: ZipEntry[] = [];
  const paths: string[] = [];
  for await (const entry of zipEntries(file, options)) {
    if (entry.name.toLowerCase() === "upack.json") manifests.push(entry);
    else if (/^package[/\\]./i.test(entry.name) && !entry.directory && paths.length < MAX_PATHS)
      paths.push(entry.name.slice("package/".length));
  }
  if (manifests.length > 1) throw invalid(`it has ${manifests.length} upack.json files at its root`);
  const entry = manifests[0];
  if (entry === undefined) throw invalid("it has no upack.json at its root");
  if (entry.name !== "upack.json") throw invalid(`its manifest is called ${quoted(entry.name)}`);
  return { entry, paths };
}

function checkIdentity(manifest: Record<string, unknown>): { group: string; name: string; version: string } {
  const { group = "", name, version } = manifest;
  if (typeof name !== "string" || name === "") throw invalid('its upack.json has no "name"');
  if (typeof version !== "string" || version === "") throw invalid('its upack.json has no "version"');
  if (group !== null && !isGroup(group)) throw invalid(`${JSON.stringify(group)} is not a group of universal packages`);
  if (!/^[0-9A-Za-z._-]{1,50}$/.test(name) || /^\.+$/.test(name))
    throw invalid(`${quoted(name)} is not a name of universal packages`);
  // The library would ignore a leading "v" and blanks.
  if (version.length > MAX_VERSION || !/^[0-9]/.test(version) || /\s/.test(version) || !semver.normalize(version))
    throw invalid(`${quoted(version)} is not a semantic version`);
  return { group: group ?? "", name, version };
}

function isGroup(group: unknown): group is string {
  if (typeof group !== "string" || group.length > 250 || !/^[0-9A-Za-z./_-]*$/.test(group)) return false;
  return group === "" || group.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

/** A virtual package is recognised by its `contents`. A `.vpack` file without them is rejected, not read as empty. */
function kindOf(file: PackageFile, manifest: Record<string, unknown>, paths: readonly string[]): Upack["kind"] {
  const hasContents = Array.isArray(manifest["contents"]) && manifest["contents"].length > 0;
  if (file.name.toLowerCase().endsWith(".vpack") && !hasContents)
    throw invalid('its upack.json does not have the "contents" of a virtual package');
  if (hasContents && paths.length > 0) throw invalid('it has both content and the "contents" of a virtual package');
  return hasContents ? "virtual" : "package";
}

const texts = ["title", "description", "projectUrl", "icon", "licenseUrl", "repositoryUrl", "createdBy", "createdDate"];
const others = ["tags", "dependencies", "repackageHistory", "contents", "target", "createdReason", "createdUsing"];

/** Members that begin with an underscore are custom metadata, and are stored as well. */
function readMetadata(manifest: Record<string, unknown>, group: string): Record<string, unknown> {
  const own = Object.keys(manifest).filter((key) => key.startsWith("_") && key !== "__proto__");
  const members = [...texts, ...others, ...own].map((key) => [key, manifest[key]]);
  const spelled = group === group.toLowerCase() ? undefined : group;
  return { ...Object.fromEntries(members), group: spelled };
}

function checkFileName(
  file: PackageFile,
  {
    name,
    version,
    normalizedVersion,
    kind,
  }: { name: string; version: string; normalizedVersion: string; kind: string },
  warnings: string[],
): void {
  const extension = kind === "virtual" ? ".vpack" : ".upack";
  const stems = [version, normalizedVersion].flatMap((text) => [`${name}-${text}`, `${name}.${text}`]);
  if (stems.some((text) => `${text}${extension}`.toLowerCase() === file.name.toLowerCase())) return;
  warnings.push(
    `the file is called "${file.name}", but by its manifest it is ${name}-${normalizedVersion}${extension}`,
  );
}
