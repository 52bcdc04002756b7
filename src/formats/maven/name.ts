import { maven as versions, parseTimestampedBuild, snapshotOf } from "../../versions/maven.ts";
import type { Coordinates } from "./pom.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid } from "../read-package.ts";

/** The parts of a file name that begins with the coordinates. */
export interface NameParts {
  /** The version of the coordinates, or a build of their snapshot: `1.0-20200101.120000-3`. */
  version: string;
  /** Everything after the version: `-sources.jar`. */
  rest: string;
}

/** Returns undefined when the name does not begin with artifact and version. */
export function matchName(name: string, { artifact, version }: Coordinates): NameParts | undefined {
  if (!name.startsWith(`${artifact}-`)) return undefined;
  const tail = name.slice(artifact.length + 1);
  if (tail.startsWith(version) && /^[.-]./.test(tail.slice(version.length)))
    return { version, rest: tail.slice(version.length) };
  const build = /^(.*?[0-9]{8}\.[0-9]{6}-[0-9]+)([.-].+)$/s.exec(tail);
  if (build === null || parseTimestampedBuild(build[1]!)?.base !== version) return undefined;
  return { version: build[1]!, rest: build[2]! };
}

export interface Kind {
  /** Empty for the main artifact. */
  classifier: string;
  /** The whole extension: `tar.gz`, `jar.asc`. */
  extension: string;
}

const SIGNATURE = /\.(?:asc|sigstore|sigstore\.json)$/;

/** Parses `-sources.jar`. The extension is what follows the last dot, or a known double extension. */
export function parseRest(rest: string): Kind {
  const signature = SIGNATURE.exec(rest)?.[0] ?? "";
  const bare = rest.slice(0, rest.length - signature.length);
  const [, classifier = "", extension] =
    /^(?:-(.+?))?\.(tar\.[^.]+|[^.]+)$/s.exec(bare) ?? /^()\.(.+)$/s.exec(bare) ?? [];
  if (bare === "") return { classifier, extension: signature.slice(1) };
  if (extension === undefined || versions.normalize(rest) === undefined)
    throw invalid(`${quoted(rest)} after artifact and version is not a classifier and an extension`);
  return { classifier, extension: extension + signature };
}

/** For a signature, the name of the file that it signs; undefined for other files. */
export function signedName(name: string): string | undefined {
  return SIGNATURE.test(name) ? name.replace(SIGNATURE, "") : undefined;
}

const MOST_VERSIONS = 1000;

/** Every artifact and version that a file name may begin with: `a-b-1.jar` is of `a` `b-1`, `a` `b`, or `a-b` `1`. */
export function versionsIn(name: string): { name: string; version: string }[] {
  const found: { name: string; version: string }[] = [];
  for (let dash = name.indexOf("-"); dash > 0; dash = name.indexOf("-", dash + 1))
    for (let end = dash + 2; end < name.length && found.length < MOST_VERSIONS; end++)
      if (name[end] === "-" || name[end] === ".")
        found.push({ name: name.slice(0, dash), version: name.slice(dash + 1, end) });
  return found;
}

/** Whether the file called `other` is named after a pom. Builds of a snapshot have a time in the place of the word. */
export function isNamedAfter(pom: string, other: string): boolean {
  if (!pom.toLowerCase().endsWith(".pom") || pom === other) return false;
  const stem = pom.slice(0, -".pom".length).replace(/SNAPSHOT$/, "");
  return other.startsWith(stem) && (stem.endsWith("-") || /^[.-]/.test(other.slice(stem.length)));
}

/** The folder of a repository that holds the version's files. */
export function repositoryFolder({ group, artifact, version }: Coordinates): string {
  return `${group.replaceAll(".", "/")}/${artifact}/${snapshotOf(version) ?? version}`;
}
