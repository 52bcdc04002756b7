import { FeedctlError } from "../../errors.ts";
import { debian as versions, splitEpoch } from "../../versions/debian.ts";
import { relationRange } from "../../versions/ranges/relation-range.ts";
import { readControl } from "./archive.ts";
import type { Format, GivenPlace, PackageFile, PackageIdentity, Place, ReadOptions } from "../format.ts";
import { parseOneParagraph, type Paragraph } from "../manifests/headers.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { invalid, readPackage } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";

/**
 * Debian packages, and packages of its installer (.udeb). One version has a file for each architecture, distribution
 * and component; the last two are not in the package but options of the import.
 */
export const debian: Format = {
  type: "debian",
  repositoryFiles: /(?:^|\/)dists\/(?!.*\.u?deb$)|(?:^|\/)project\/trace\/[^/]+$|^ls-lR(?:\.gz)?$/,
  extensions: [".deb", ".udeb"],
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, << 2.0", doubled: true }),
  read: (file, options) => readPackage("Debian package", file, options, () => read(file, options)),
  place: { complete: debianPlace, ofKey: poolPlace },
  isSidecar: (name) => /^(?:(?:In)?Release(?:\.gpg)?|(?:Packages|Sources|Contents-[^.]+)(?:\.[a-z0-9]+)?)$/.test(name),
};

const MAX_LENGTH = 160;

async function read(file: PackageFile, options: ReadOptions = {}): Promise<PackageIdentity> {
  const { distribution, component } = debianPlace(options);
  await expectContainer(file, "ar");
  const warnings: string[] = [];
  const control = parseOneParagraph(await readControl(file, warnings), "control file");
  const name = readName(control, warnings);
  const version = required(control, "Version");
  const normalizedVersion = version.length > MAX_LENGTH ? undefined : versions.normalize(version);
  if (normalizedVersion === undefined) throw invalid(`"${version}" is not a Debian version`);
  const arch = readArchitecture(control);
  const extension = isInstallerPackage(file, control) ? ".udeb" : ".deb";
  checkFileName(file, { name, version: normalizedVersion, arch, extension }, warnings);
  const source = readSource(control, name);
  const qualifiers = { arch, component, distribution, ...(extension === ".udeb" && { type: "udeb" }) };
  const { epoch, rest } = splitEpoch(normalizedVersion);
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: new URLSearchParams(qualifiers).toString(),
    // Debian's archives omit the epoch, but versions that differ only in it need different keys.
    key: `pool/${distribution}/${component}/${poolPrefix(source)}/${source}/${name}_${epoch === "" ? "" : `${epoch}!`}${rest}_${arch}${extension}`,
    contentType: "application/vnd.debian.binary-package",
    metadata: boundMetadata(Object.fromEntries(control.fields.map((field) => [field.name, field.value])), warnings),
    warnings,
  };
}

/** Completes distribution and component with their defaults. Throws `usage` for an invalid name. */
function debianPlace({ distribution = "stable", component = "main" }: GivenPlace): Place {
  return {
    distribution: parsePlace("distribution", distribution),
    component: parsePlace("component", component),
  };
}

/** Distribution and component in a key that `read` made; undefined for other keys. */
function poolPlace(key: string): Place | undefined {
  const [, distribution, component] = /^pool\/([^/]+)\/([^/]+)\/[^/]+\/[^/]+\/[^/]+$/.exec(key) ?? [];
  return distribution === undefined || component === undefined ? undefined : { distribution, component };
}

/** Checks the name of a distribution or component, which is one directory in the pool. */
function parsePlace(what: "distribution" | "component", text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/.test(text)) return text;
  throw new FeedctlError("usage", `"${text}" is not the name of a ${what}`, {
    hint: "letters, digits, dots, hyphens, underscores and tildes, at most 64",
  });
}

function required(control: Paragraph, field: string): string {
  const value = control.get(field);
  if (value === undefined || value === "") throw invalid(`its control file has no "${field}"`);
  return value;
}

/** What dpkg installs. Policy is stricter. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;

function readName(control: Paragraph, warnings: string[]): string {
  const name = required(control, "Package");
  if (name.length > MAX_LENGTH || !NAME.test(name)) throw invalid(`"${name}" is not a Debian package name`);
  const breaches = [
    ...(/[A-Z]/.test(name) ? ["has capital letters"] : []),
    ...(name.includes("_") ? ["has an underscore"] : []),
    ...(name.length === 1 ? ["has one letter only"] : []),
  ];
  for (const breach of breaches) warnings.push(`the name "${name}" ${breach}, which Debian policy forbids`);
  return name;
}

function readArchitecture(control: Paragraph): string {
  const arch = required(control, "Architecture");
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(arch)) throw invalid(`"${arch}" is not an architecture`);
  return arch;
}

/** The source package: `Source: name (version)`, or the package's own name. */
function readSource(control: Paragraph, name: string): string {
  const text = control.get("Source") ?? name;
  const source = /^([^\s()]+)(?:\s+\([^()]*\))?$/.exec(text)?.[1];
  if (source === undefined || source.length > MAX_LENGTH || !NAME.test(source))
    throw invalid(`"${text}" is not the name of a Debian source package`);
  return source;
}

/** Newer installer packages have a field that says so; older ones only their file name. */
function isInstallerPackage(file: PackageFile, control: Paragraph): boolean {
  const type = control.get("Package-Type");
  return type === undefined ? file.name.toLowerCase().endsWith(".udeb") : type === "udeb";
}

/** The directory in the pool: the first letter, or the first four of a library, of which there are many. */
function poolPrefix(source: string): string {
  return source.startsWith("lib") && source.length > 3 ? source.slice(0, 4) : source.slice(0, 1);
}

function checkFileName(
  file: PackageFile,
  { name, version, arch, extension }: { name: string; version: string; arch: string; extension: string },
  warnings: string[],
): void {
  const { rest } = splitEpoch(version);
  // apt keeps the epoch in the names of cached files.
  const texts = [rest, version.replace(":", "%3a"), version];
  if (texts.some((text) => file.name === `${name}_${text}_${arch}${extension}`)) return;
  warnings.push(`the file is called "${file.name}", but by its control file it is ${name}_${rest}_${arch}${extension}`);
}
