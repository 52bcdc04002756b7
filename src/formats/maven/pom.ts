import { maven as versions } from "../../versions/maven.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid } from "../read-package.ts";
import { onlyChild, parseXml, type XmlElement } from "../manifests/xml.ts";

/** What identifies a Maven version. Builds of a snapshot have the version of their folder, such as `1.0-SNAPSHOT`. */
export interface Coordinates {
  group: string;
  artifact: string;
  version: string;
}

export interface Pom extends Coordinates {
  /** Elements under their names in the pom; absent when it lacks them. */
  metadata: Record<string, unknown>;
  /** Oddities of its text. */
  warnings: string[];
}

const MAX_NAME = 200;

/** HTML's entity names for U+00A0 to U+00FF, which Maven accepts and old poms use. */
const latin1Entities = Object.fromEntries(
  (
    "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute " +
    "micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig " +
    "Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash " +
    "Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute " +
    "ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc " +
    "uuml yacute thorn yuml"
  )
    .split(" ")
    .map((name, index) => [name, String.fromCodePoint(0xa0 + index)]),
);

/** Parses a pom. Group and version come from its parent when the pom omits them. */
export function parsePom(bytes: Buffer): Pom {
  const warnings: string[] = [];
  const project = parseXml(bytes, { entities: latin1Entities, warnings, ignoreDoctype: true });
  if (project.name !== "project") throw invalid(`its pom is not a "project" but a ${quoted(project.name)}`);
  const parent = onlyChild(project, "parent");
  const inherited = (name: string) => textOf(project, name) ?? (parent && textOf(parent, name));
  const coordinates = checkCoordinates(
    { group: inherited("groupId"), artifact: textOf(project, "artifactId"), version: inherited("version") },
    "its pom",
  );
  return { ...coordinates, metadata: readMetadata(project, parent), warnings };
}

/** Rejects coordinates that are missing or that no repository can hold. `where` begins the reason: `its pom`. */
export function checkCoordinates(
  { group, artifact, version }: { [K in keyof Coordinates]: string | undefined },
  where: string,
): Coordinates {
  if (group === undefined) throw invalid(`${where} has no groupId`);
  if (artifact === undefined) throw invalid(`${where} has no artifactId`);
  if (version === undefined) throw invalid(`${where} has no version`);
  for (const [name, text] of Object.entries({ groupId: group, artifactId: artifact, version })) {
    if (text.includes("${"))
      throw invalid(
        `${where} has the ${name} ${quoted(text)}, which only its build can resolve; it has to be deployed flat`,
      );
  }
  if (!isName(group) || group.split(".").includes("")) throw invalid(`${quoted(group)} is not a Maven groupId`);
  if (!isName(artifact) || /^\.+$/.test(artifact)) throw invalid(`${quoted(artifact)} is not a Maven artifactId`);
  if (versions.normalize(version) === undefined) throw invalid(`${quoted(version)} is not a Maven version`);
  return { group, artifact, version };
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME && /^[A-Za-z0-9_.-]+$/.test(text);
}

function textOf(element: XmlElement, name: string): string | undefined {
  const text = onlyChild(element, name)?.text;
  return text === "" ? undefined : text;
}

const textElements = ["packaging", "name", "description", "url", "inceptionYear"] as const;
const dependencyElements = ["groupId", "artifactId", "version", "type", "classifier", "scope", "optional"] as const;

function readMetadata(project: XmlElement, parent: XmlElement | undefined): Record<string, unknown> {
  return {
    ...pick(project, textElements),
    organization: firstText(project, ["organization", "name"]),
    licenses: list(project, "licenses", ["name", "url"]),
    developers: list(project, "developers", ["id", "name", "organization"]),
    scm: firstText(project, ["scm", "url"]),
    issues: firstText(project, ["issueManagement", "url"]),
    parent: parent && pick(parent, ["groupId", "artifactId", "version"]),
    dependencies: list(project, "dependencies", dependencyElements),
  };
}

// Only the identity is read strictly. Elsewhere a repeated element is harmless, and the first counts.
function pick(element: XmlElement, names: readonly string[]): Record<string, string> {
  const texts = names.map((name) => [name, firstText(element, [name])]);
  return Object.fromEntries(texts.filter(([, text]) => text !== undefined)) as Record<string, string>;
}

function firstText(element: XmlElement, path: readonly string[]): string | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found?.text === "" ? undefined : found?.text;
}

function list(project: XmlElement, name: string, names: readonly string[]): Record<string, string>[] | undefined {
  return project.children.find((child) => child.name === name)?.children.map((child) => pick(child, names));
}
