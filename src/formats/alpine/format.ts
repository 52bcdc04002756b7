import { trimAscii } from "../../lib/text/blanks.ts";
import { alpine as versions } from "../../versions/alpine.ts";
import { relationRange } from "../../versions/ranges/relation-range.ts";
import { checkApkData, readApkControl } from "./archive.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { openReader } from "../containers/open-reader.ts";
import { invalid, readPackage } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";

/** Alpine packages of version 2; one version has a file for each architecture. Version 3 is recognised and refused. */
export const alpine: Format = {
  type: "alpine",
  repositoryFiles: /(?:^|\/)last-updated$/,
  extensions: [".apk"],
  unpacksTarballs: true,
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0" }),
  read: (file, options) => readPackage("Alpine package", file, options, () => read(file, options)),
  isSidecar: (name) => /^(?:APKINDEX\.tar\.gz|Packages\.adb|.*\.rsa\.pub)$/.test(name),
};

const MAX_LENGTH = 200;

async function read(file: PackageFile, options: ReadOptions = {}): Promise<PackageIdentity> {
  await refuseVersion3(file);
  await expectContainer(file, "gzip");
  const warnings: string[] = [];
  const { text, dataStart, signed } = await readApkControl(file, warnings);
  const info = parsePkginfo(text, warnings);
  const name = readOne(info, "pkgname", /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/);
  const version = readOne(info, "pkgver", /^/);
  if (versions.normalize(version) === undefined) throw invalid(`"${version}" is not an Alpine version`);
  const arch = readOne(info, "arch", /^[a-z0-9_]+$/);
  const datahash = optional(info, "datahash");
  if (datahash === undefined) warnings.push("its .PKGINFO has no datahash, so its data could not be checked");
  await checkApkData(file, dataStart, datahash, options.signal);
  const fileName = `${name}-${version}.apk`;
  if (file.name !== fileName) warnings.push(`the file is called "${file.name}", but by its .PKGINFO it is ${fileName}`);
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion: version,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: `arch=${arch}`,
    key: `${arch}/${fileName}`,
    contentType: "application/gzip",
    metadata: boundMetadata({ ...describe(info), signed: signed || undefined }, warnings),
    warnings,
  };
}

async function refuseVersion3(file: PackageFile): Promise<void> {
  await using reader = await openReader(file);
  // The fourth byte is the compression.
  if (/^ADB[.cd]/.test((await reader.read(0, 4)).toString("latin1")))
    throw invalid("it is a package of version 3, as apk-tools 3 can make them; only version 2 is supported");
}

type Pkginfo = ReadonlyMap<string, readonly string[]>;

/** Lines `key = value`, comments after `#`; lists repeat their key. apk ignores other lines. */
function parsePkginfo(text: string, warnings: string[]): Pkginfo {
  const info = new Map<string, string[]>();
  for (const [index, line] of text.split("\n").entries()) {
    if (trimAscii(line) === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z0-9_-]+)[ \t]*=(.*)$/.exec(line);
    if (match === null) {
      warnings.push(`line ${index + 1} of its .PKGINFO is not "key = value"`);
      continue;
    }
    const values = info.get(match[1]!) ?? [];
    values.push(trimAscii(match[2]!));
    info.set(match[1]!, values);
  }
  return info;
}

function optional(info: Pkginfo, key: string): string | undefined {
  const values = [...new Set(info.get(key))];
  if (values.length > 1) throw invalid(`its .PKGINFO has "${key}" ${values.length} times`);
  return values[0] === "" ? undefined : values[0];
}

function readOne(info: Pkginfo, key: string, pattern: RegExp): string {
  const value = optional(info, key);
  if (value === undefined) throw invalid(`its .PKGINFO has no "${key}"`);
  if (value.length > MAX_LENGTH || !pattern.test(value)) throw invalid(`its "${key}" cannot be "${value}"`);
  return value;
}

const lists = ["depend", "provides", "replaces", "install_if", "triggers"];
const known = new Set(["pkgname", "pkgver", "arch"]);

/** The other fields, under their own names. A field that may be repeated is always a list. */
function describe(info: Pkginfo): Record<string, unknown> {
  const members = [...info].filter(([key]) => !known.has(key));
  return Object.fromEntries(
    members.map(([key, values]) => [key, lists.includes(key) || values.length > 1 ? values : values[0]]),
  );
}
