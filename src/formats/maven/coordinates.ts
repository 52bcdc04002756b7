import { opendir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { descriptorPath } from "../../lib/files/open-folder.ts";
import { openReader } from "../containers/open-reader.ts";
import { openBeside, placeOf, readBeside } from "../read-neighbour.ts";
import type { PackageFile, ReadOptions, VersionName } from "../format.ts";
import { limits } from "../../lib/limits.ts";
import { isZip, readPomProperties } from "./archive.ts";
import { matchName, repositoryFolder, signedName } from "./name.ts";
import { parsePom, type Coordinates, type Pom } from "./pom.ts";
import { beyondLimit, invalid } from "../read-package.ts";

export interface Found {
  coordinates: Coordinates;
  /** From the pom; empty without one. */
  metadata: Record<string, unknown>;
  /** Oddities of the pom. */
  warnings: string[];
}

const MAX_POMS = 100;

/**
 * The coordinates of a file. A pom has its own. Any other file belongs to the pom beside it whose artifact and version
 * begin the file's name. Without a pom, the `pom.properties` inside an archive count, then a version of the feed.
 */
export async function findCoordinates(file: PackageFile, options: ReadOptions): Promise<Found> {
  if (file.name.toLowerCase().endsWith(".pom")) {
    if (file.size > limits.manifest) throw beyondLimit("manifest", "the pom has");
    await using reader = await openReader(file);
    return found(parsePom(await reader.read(0, file.size)));
  }
  const pom = (await findNamedPom(file)) ?? (await findOtherPom(file));
  if (pom !== undefined) return found(pom);
  const known = findKnown(file, options.known ?? []);
  await using signed = await openSigned(file);
  const packed = await findPacked(signed.file, options).catch((error: unknown) => {
    if (known === undefined) throw error;
    return onlyInvalid(error);
  });
  const coordinates = packed ?? known;
  if (coordinates !== undefined) return { coordinates, metadata: {}, warnings: [] };
  throw invalid("no pom beside it says what it belongs to");
}

/**
 * The version of the feed that begins the file's name, the longest of several. Of groups with the same artifact the one
 * counts in whose folder the file lies.
 */
function findKnown(file: PackageFile, known: readonly VersionName[]): Coordinates | undefined {
  const fitting = known
    .map(({ group, name, version }) => ({ group, artifact: name, version }))
    .filter((coordinates) => matchName(file.name, coordinates) !== undefined);
  const longest = Math.max(...fitting.map(stemLength));
  const [first, ...others] = fitting.filter((coordinates) => stemLength(coordinates) === longest);
  if (first === undefined || others.length === 0) return first;
  const folder = dirname(placeOf(file).path).replaceAll("\\", "/");
  const here = [first, ...others].find((coordinates) => folder.endsWith(`/${repositoryFolder(coordinates)}`));
  if (here !== undefined) return here;
  const names = [first, ...others].map(({ group, artifact, version }) => `${group}:${artifact}:${version}`);
  throw invalid(`no pom beside it says what it belongs to, and the feed has ${names.join(" and ")}`);
}

function found({ metadata, warnings, ...coordinates }: Pom): Found {
  return { coordinates, metadata, warnings };
}

/**
 * `a-1.0-sources.jar` -> `a-1.0-sources.pom`, `a-1.0.pom`, `a-1.pom`, `a.pom`: the longest that fits, without a
 * listing.
 */
async function findNamedPom(file: PackageFile): Promise<Pom | undefined> {
  for (let stem = file.name; ;) {
    const cut = Math.max(stem.lastIndexOf("."), stem.lastIndexOf("-"));
    if (cut <= 0) return undefined;
    stem = stem.slice(0, cut);
    const pom = await readPom(file, `${stem}.pom`);
    if (pom !== undefined && matchName(file.name, pom) !== undefined) return pom;
  }
}

async function findOtherPom(file: PackageFile): Promise<Pom | undefined> {
  const directory = dirname(placeOf(file).path);
  const matching: Pom[] = [];
  let entries = 0;
  let poms = 0;
  for await (const entry of await opendir(directory)) {
    if (++entries > limits.mavenEntries || poms >= MAX_POMS) break;
    if (!entry.isFile() || !entry.name.toLowerCase().endsWith(".pom")) continue;
    poms++;
    // An invalid pom is reported when it is imported itself.
    const pom = await readPom(file, entry.name).catch(onlyInvalid);
    if (pom !== undefined && matchName(file.name, pom) !== undefined) matching.push(pom);
  }
  return matching.toSorted((a, b) => stemLength(b) - stemLength(a))[0];
}

function stemLength({ artifact, version }: Coordinates): number {
  return artifact.length + version.length;
}

function onlyInvalid(error: unknown): undefined {
  if (!(error instanceof FeedctlError) || error.code !== "invalid") throw error;
  return undefined;
}

/** The pom of that name beside the file. */
async function readPom(file: PackageFile, name: string): Promise<Pom | undefined> {
  const place = placeOf(file);
  const bytes = await readBeside(place, join(dirname(place.path), name));
  if (bytes === undefined) return undefined;
  try {
    return parsePom(bytes);
  } catch (error) {
    if (!(error instanceof FeedctlError) || error.code !== "invalid") throw error;
    throw invalid(`the pom beside it, ${name}, is not valid: ${error.message}`, error);
  }
}

/** For a signature, the file beside it that it signs; otherwise the file itself. */
async function openSigned(file: PackageFile): Promise<{ file: PackageFile } & AsyncDisposable> {
  const name = signedName(file.name);
  const place = placeOf(file);
  const path = name === undefined ? undefined : join(dirname(place.path), name);
  const opened = path === undefined ? undefined : await openBeside(place, path);
  if (name === undefined || path === undefined || opened === undefined)
    return { file, [Symbol.asyncDispose]: async () => {} };
  const { handle, stats } = opened;
  const signed = { path: descriptorPath(handle.fd, path), name, size: stats.size };
  return { file: signed, [Symbol.asyncDispose]: () => handle.close() };
}

/**
 * Coordinates from the `pom.properties` inside. An archive may contain those of other artifacts, so one counts only if
 * the file is named after it. If it is the only one, the file name may lack the version or have another.
 */
async function findPacked(file: PackageFile, options: ReadOptions): Promise<Coordinates | undefined> {
  if (!isZip(file.name.slice(file.name.lastIndexOf(".") + 1))) return undefined;
  const all = await readPomProperties(file, options);
  const named = all.filter((coordinates) => matchName(file.name, coordinates) !== undefined);
  if (named.length === 1) return named[0];
  const [only] = all;
  if (only === undefined) return undefined;
  if (all.length === 1 && /^(?:-[0-9].*)?\.[^.]+$/s.test(afterStart(file.name, only.artifact))) return only;
  const what = all.length === 1 ? `${only.group}:${only.artifact}:${only.version}` : `${all.length} artifacts`;
  throw invalid(`no pom beside it says what it belongs to, and its pom.properties are of ${what}`);
}

function afterStart(text: string, start: string): string {
  return text.startsWith(start) ? text.slice(start.length) : "";
}
