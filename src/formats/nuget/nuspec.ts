import { trimUnicode } from "../../lib/text/blanks.ts";
import { invalid } from "../read-package.ts";
import { firstChild, onlyChild, parseXml, type XmlElement } from "../manifests/xml.ts";

export interface Nuspec {
  id: string;
  version: string;
  packageTypes: { name: string; version?: string | undefined }[];
  /** The other elements under their nuspec names; absent when the manifest lacks them. */
  metadata: Record<string, unknown>;
}

/** Parses `metadata` of a nuspec, in any of the six versions of its schema. Ignores unknown elements. */
export function parseNuspec(bytes: Buffer): Nuspec {
  const root = parseXml(bytes);
  if (root.name !== "package") throw invalid(`its nuspec is not a "package" but a "${root.name}"`);
  const metadata = onlyChild(root, "metadata");
  if (metadata === undefined) throw invalid('its nuspec has no "metadata"');
  const packageTypes = readPackageTypes(metadata);
  return {
    id: mustHave(metadata, "id"),
    version: trimUnicode(mustHave(metadata, "version")),
    packageTypes,
    metadata: {
      ...readTexts(metadata),
      tags: textOf(metadata, "tags")
        ?.split(/[\s,;]+/)
        .filter((tag) => tag !== ""),
      license: readLicense(metadata),
      repository: readAttributes(firstChild(metadata, "repository")),
      packageTypes: packageTypes.length > 0 ? packageTypes : undefined,
      minClientVersion: metadata.attributes.get("minClientVersion"),
      dependencies: readDependencies(metadata),
    },
  };
}

const textElements = [
  "title",
  "authors",
  "owners",
  "description",
  "summary",
  "releaseNotes",
  "copyright",
  "language",
  "projectUrl",
  "licenseUrl",
  "iconUrl",
  "icon",
  "readme",
  // Chocolatey's own
  "packageSourceUrl",
  "projectSourceUrl",
  "docsUrl",
  "wikiUrl",
  "mailingListUrl",
  "bugTrackerUrl",
] as const;
const flagElements = ["requireLicenseAcceptance", "developmentDependency", "serviceable"] as const;

function readTexts(metadata: XmlElement): Record<string, unknown> {
  const texts = textElements.map((name) => [name, textOf(metadata, name)]);
  const flags = flagElements.map((name) => [name, textOf(metadata, name)?.toLowerCase() === "true" ? true : undefined]);
  return Object.fromEntries([...texts, ...flags]);
}

function mustHave(metadata: XmlElement, name: string): string {
  const text = onlyChild(metadata, name)?.text || undefined;
  if (text === undefined) throw invalid(`its nuspec has no "${name}"`);
  if (/\$[^$]*\$/.test(text))
    throw invalid(`its nuspec still holds the token ${text} as "${name}"; it was zipped, not packed`);
  return text;
}

/** NuGet reads the first of several elements. Only the identity is read more strictly. */
function textOf(metadata: XmlElement, name: string): string | undefined {
  const text = firstChild(metadata, name)?.text;
  return text === "" ? undefined : text;
}

function readAttributes(element: XmlElement | undefined): Record<string, string> | undefined {
  return element === undefined ? undefined : Object.fromEntries(element.attributes);
}

/** `{type: "expression" | "file", value}` as the element has it. */
function readLicense(metadata: XmlElement): Record<string, string> | undefined {
  const license = firstChild(metadata, "license");
  return license === undefined ? undefined : { ...readAttributes(license), value: license.text };
}

function readPackageTypes(metadata: XmlElement): Nuspec["packageTypes"] {
  const types = onlyChild(metadata, "packageTypes")?.children ?? [];
  return types
    .filter(({ name }) => name === "packageType")
    .map(({ attributes }) => ({ name: attributes.get("name") ?? "", version: attributes.get("version") }));
}

/** Groups by target framework; the flat list of the oldest schema is one group without a framework. */
function readDependencies(metadata: XmlElement): unknown[] | undefined {
  const element = firstChild(metadata, "dependencies");
  if (element === undefined) return undefined;
  const groups = element.children.filter(({ name }) => name === "group");
  const flat = readDependencyList(element);
  return [
    ...(flat.length > 0 ? [{ dependencies: flat }] : []),
    ...groups.map((group) => ({
      targetFramework: group.attributes.get("targetFramework"),
      dependencies: readDependencyList(group),
    })),
  ];
}

function readDependencyList(parent: XmlElement): unknown[] {
  return parent.children.filter(({ name }) => name === "dependency").map((dependency) => readAttributes(dependency));
}
