import { nuget as versions } from "../../versions/nuget.ts";
import { bracketRange } from "../../versions/ranges/bracket-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { parseNuspec, type Nuspec } from "./nuspec.ts";
import { invalid, readPackage } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";
import { zipEntries, type ZipEntry } from "../containers/zip.ts";

/** NuGet's flat container, registrations and catalogs, as static feeds have them; and what clients write beside packages. */
export const nugetFiles =
  /(?:^|\/)(?:index\.json|\.nupkg\.metadata|[^/]+\.nuspec|[^/]+\.nupkg\.(?:sha512|metadata)|(?:registration[^/]*|catalog)\/.+\.json|[^/]+\/[0-9][^/]*\/(?:icon|readme|license))$/i;

/**
 * NuGet packages and their symbol packages. One version has up to three files, distinguished by the qualifier: the
 * package (none), its symbols (`kind=symbols`, a .snupkg), and its old-style symbols (`kind=legacy-symbols`, a
 * .symbols.nupkg).
 */
export const nuget: Format = {
  type: "nuget",
  extensions: [".nupkg", ".snupkg"],
  container: "nupkg",
  versions,
  ranges: bracketRange(versions),
  isCompanion: isSymbols,
  repositoryFiles: nugetFiles,
  read: (file, options) =>
    readPackage("NuGet package", file, options, async () => {
      const { identity, nuspec, entries } = await readNupkg(file, options);
      if (isForPowerShell(nuspec))
        identity.warnings.push("its tags say that it is for PowerShell; this is a NuGet feed");
      else if (entries.some(isChocolateyScript))
        identity.warnings.push("it holds Chocolatey's scripts; this is a NuGet feed");
      return identity;
    }),
};

/** A package in NuGet's container, for the formats that share it. */
export interface Nupkg {
  identity: PackageIdentity;
  nuspec: Nuspec;
  /** Files at the root, and Chocolatey's scripts: they distinguish the three types of package. */
  entries: readonly ZipEntry[];
  /** Whether it has files in the folders that NuGet uses in a project. */
  hasLibraries: boolean;
}

/** Scripts that Chocolatey runs. Not every Chocolatey package has one. */
export function isChocolateyScript({ name }: ZipEntry): boolean {
  return /^tools[/\\]chocolatey(?:beforemodify|(?:un)?install)\.ps1$/i.test(name);
}

/** PowerShell's tools write these tags, by which its gallery recognises modules and scripts. */
export function isForPowerShell({ metadata }: Nuspec): boolean {
  return ((metadata["tags"] ?? []) as string[]).some((tag) => /^PS(?:Module|Script)$/i.test(tag));
}

/** Symbols of the newer kind hold no libraries; the older kind is a whole package. */
export function isSymbols(qualifier: string): boolean {
  return qualifier === kinds.symbols.qualifier;
}

type Kind = "package" | "symbols" | "legacy-symbols";

const kinds: Record<Kind, { extension: string; qualifier: string }> = {
  package: { extension: ".nupkg", qualifier: "" },
  symbols: { extension: ".snupkg", qualifier: "kind=symbols" },
  "legacy-symbols": { extension: ".symbols.nupkg", qualifier: "kind=legacy-symbols" },
};

const MAX_ID = 100;
/** A key has the id and the version twice each, and must stay below 1,024 bytes. */
const MAX_VERSION = 128;
/** NuGet's own expression, with the word characters of .NET. */
const ID = /^[\p{L}\p{Mn}\p{Nd}\p{Pc}]+(?:[.-][\p{L}\p{Mn}\p{Nd}\p{Pc}]+)*$/u;

/** Reads identity and metadata from the nuspec. To be called inside `readPackage`, which names the file in errors. */
export async function readNupkg(file: PackageFile, options: ReadOptions | undefined): Promise<Nupkg> {
  await expectContainer(file, "zip");
  const { manifest, entries, hasLibraries, isSigned, hasBackslashes } = await findManifest(file, options);
  const nuspec = parseNuspec(await manifest.read("manifest"));
  const normalizedVersion = checkIdentity(nuspec);
  const kind = kindOf(file, nuspec);
  const warnings: string[] = [];
  if (hasBackslashes) warnings.push("entry names hold backslashes, which some tools treat as part of a name");
  warnings.push(...checkFileName(file, nuspec, normalizedVersion, kind));

  const id = nuspec.id.toLowerCase();
  const { extension, qualifier } = kinds[kind];
  const identity: PackageIdentity = {
    group: "",
    name: nuspec.id,
    nameKey: id,
    version: nuspec.version,
    normalizedVersion,
    sortKey: versions.sortKey(nuspec.version),
    prerelease: versions.isPrerelease(nuspec.version),
    qualifier,
    key: `${id}/${normalizedVersion}/${id}.${normalizedVersion}${extension}`,
    contentType: "application/octet-stream",
    metadata: boundMetadata({ ...nuspec.metadata, signed: isSigned ? true : undefined }, warnings),
    warnings,
  };
  return { identity, nuspec, entries, hasLibraries };
}

async function findManifest(file: PackageFile, options: ReadOptions | undefined) {
  const manifests: ZipEntry[] = [];
  const entries: ZipEntry[] = [];
  let hasLibraries = false;
  let isSigned = false;
  let hasBackslashes = false;
  for await (const entry of zipEntries(file, options)) {
    if (/^[^/\\]+$/.test(entry.name) || isChocolateyScript(entry)) entries.push(entry);
    hasLibraries ||= /^(?:lib|ref|build|runtimes)[/\\]/i.test(entry.name);
    if (entry.name.includes("\\")) hasBackslashes = true;
    if (entry.name === ".signature.p7s") isSigned = true;
    if (/^[^/\\]+\.nuspec$/i.test(entry.name)) manifests.push(entry);
  }
  if (manifests.length > 1) throw invalid(`it has ${manifests.length} .nuspec files at its root`);
  const manifest = manifests[0];
  if (manifest === undefined) throw invalid("it has no .nuspec file at its root");
  return { manifest, entries, hasLibraries, isSigned, hasBackslashes };
}

/** Returns the normalised version. */
function checkIdentity({ id, version }: Nuspec): string {
  if (id.length > MAX_ID || !ID.test(id)) throw invalid(`"${id}" is not a NuGet package id`);
  const normalized = version.length > MAX_VERSION ? undefined : versions.normalize(version);
  const [numbers = ""] = normalized?.split("-") ?? [];
  // NuGet's clients read each as an integer of 32 bits, and fail
  if (normalized === undefined || numbers.split(".").some((part) => Number(part) > 2_147_483_647))
    throw invalid(`"${version}" is not a NuGet version`);
  return normalized;
}

/**
 * The manifest says whether it is a symbol package, except for old-style symbols: those have the manifest of their
 * package, and only the file name distinguishes the two.
 */
function kindOf({ name }: PackageFile, { packageTypes }: Nuspec): Kind {
  if (packageTypes.some((type) => type.name.toLowerCase() === "symbolspackage")) return "symbols";
  const lower = name.toLowerCase();
  if (lower.endsWith(".snupkg"))
    throw invalid('its nuspec does not have the package type "SymbolsPackage" of a .snupkg');
  return lower.endsWith(".symbols.nupkg") ? "legacy-symbols" : "package";
}

function checkFileName(file: PackageFile, nuspec: Nuspec, normalizedVersion: string, kind: Kind): string[] {
  const { extension } = kinds[kind];
  const versionTexts = [nuspec.version, nuspec.version.replace(/\+.*$/s, ""), normalizedVersion];
  const names = versionTexts.map((version) => `${nuspec.id}.${version}${extension}`.toLowerCase());
  if (names.includes(file.name.toLowerCase())) return [];
  return [`the file is called "${file.name}", but by its manifest it is ${nuspec.id}.${normalizedVersion}${extension}`];
}
