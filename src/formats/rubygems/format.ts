import { trimAscii } from "../../lib/text/blanks.ts";
import { gem as versions } from "../../versions/gem.ts";
import { relationRange, rubyPessimistic } from "../../versions/ranges/relation-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { invalid, readPackage } from "../read-package.ts";
import { readGemArchive } from "./archive.ts";
import { expectContainer } from "../containers/sniff.ts";
import { isYamlMapping, parseYamlMapping, type YamlValue } from "../manifests/yaml.ts";

/**
 * Ruby gems. A version has a file for every platform that it was built for, and one without platform for all others.
 */
export const rubygems: Format = {
  type: "rubygems",
  extensions: [".gem"],
  unpacksTarballs: true,
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0", pessimistic: rubyPessimistic }),
  repositoryFiles:
    /(?:^|\/)(?:(?:latest_|prerelease_)?specs\.4\.8(?:\.gz)?|quick\/Marshal\.4\.8\/[^/]+\.gemspec\.rz|info\/[^/]+|Marshal\.4\.8(?:\.Z)?)$|^(?:versions|names)$/,
  read: (file, options) => readPackage("gem", file, options, () => read(file, options)),
};

/** Bytes of name, version and platform each, so that a key stays below 1,024 bytes. */
const MAX_PART = 200;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "tar");
  const { metadata: bytes, signed } = await readGemArchive(file, options);
  const warnings: string[] = [];
  const specification = parseYamlMapping(bytes, "metadata", { aliases: "expand" });
  const name = readName(specification["name"]);
  const { version, normalizedVersion } = readVersion(specification["version"]);
  const platform = readPlatform(specification["platform"]);
  const fileName = `${name}-${normalizedVersion}${platform === "ruby" ? "" : `-${platform}`}.gem`;
  if (file.name !== fileName) warnings.push(`the file is called "${file.name}", but by its metadata it is ${fileName}`);
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(normalizedVersion),
    prerelease: versions.isPrerelease(normalizedVersion),
    qualifier: platform === "ruby" ? "" : `platform=${platform}`,
    key: `gems/${fileName}`,
    contentType: "application/octet-stream",
    metadata: boundMetadata({ ...membersOf(specification), signed: signed ? true : undefined }, warnings),
    warnings,
  };
}

function readName(name: YamlValue | undefined): string {
  if (typeof name !== "string" || name === "") throw invalid('its metadata has no "name"');
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && /[A-Za-z]/.test(name) && name.length <= MAX_PART;
  if (!isName || /\.(?:gem|json|html|gemspec)$/i.test(name)) throw invalid(`"${name}" is not a name of a gem`);
  return name;
}

function readVersion(value: YamlValue | undefined): { version: string; normalizedVersion: string } {
  const text = isYamlMapping(value) ? value["version"] : value;
  if (typeof text !== "string" || trimAscii(text) === "") throw invalid('its metadata has no "version"');
  const normalizedVersion = text.length > MAX_PART ? undefined : versions.normalize(text);
  if (normalizedVersion === undefined || normalizedVersion.length > MAX_PART)
    throw invalid(`"${text}" is not a gem's version`);
  return { version: trimAscii(text), normalizedVersion };
}

/**
 * Very old gems have an object of three fields. A leading digit would look like a part of the version in the file name.
 */
function readPlatform(value: YamlValue | undefined): string {
  const parts = isYamlMapping(value) ? [value["cpu"], value["os"], value["version"]] : [value];
  const texts = parts.filter((part) => part !== undefined && part !== "");
  if (texts.length === 0) return "ruby";
  const platform = texts.every((text) => typeof text === "string") ? texts.join("-") : "";
  if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(platform) || platform.length > MAX_PART)
    throw invalid(`its "platform" ${JSON.stringify(value)} is not a platform`);
  return platform;
}

function membersOf(specification: Record<string, YamlValue>): Record<string, unknown> {
  const members = ["summary", "description", "authors", "email", "homepage", "licenses", "metadata", "date"];
  const known = members.map((member) => [member, specification[member]] as const);
  return {
    ...Object.fromEntries(known.filter(([, value]) => value !== undefined && value.length !== 0)),
    requiredRubyVersion: requirement(specification["required_ruby_version"]),
    requiredRubygemsVersion: requirement(specification["required_rubygems_version"]),
    dependencies: dependencies(specification["dependencies"]),
  };
}

function dependencies(value: YamlValue | undefined): unknown[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.filter(isYamlMapping).map((dependency) => ({
    name: dependency["name"],
    type: typeof dependency["type"] === "string" ? dependency["type"].replace(/^:/, "") : undefined,
    requirement: requirement(dependency["requirement"]) ?? requirement(dependency["version_requirements"]),
  }));
}

/** Formats a list of operators and versions: `>= 1.0, < 2`. */
function requirement(value: YamlValue | undefined): string | undefined {
  const list = isYamlMapping(value) ? value["requirements"] : undefined;
  if (!Array.isArray(list)) return undefined;
  const texts = list.flatMap((pair) => {
    const [operator, version] = Array.isArray(pair) ? pair : [];
    const text = isYamlMapping(version) ? version["version"] : version;
    return typeof operator === "string" && typeof text === "string" ? [`${operator} ${text}`] : [];
  });
  return texts.length > 0 ? texts.join(", ") : undefined;
}
