import { open } from "node:fs/promises";
import type { PackageFile, ReadOptions } from "../format.ts";
import { checkCoordinates, type Coordinates } from "./pom.ts";
import { invalid } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";
import { zipEntries } from "../containers/zip.ts";

const ZIPS = ["jar", "war", "ear", "aar", "zip"];

/** Whether artifacts of that extension are zip archives. */
export function isZip(extension: string): boolean {
  return ZIPS.includes(extension);
}

/** Rejects a file that is not the archive that its extension says, such as a proxy's error page. */
export async function expectArchive(file: PackageFile, extension: string): Promise<void> {
  if (extension === "tar.gz" || extension === "tgz") await expectContainer(file, "gzip");
  if (isZip(extension) && !(await isScript(file))) await expectContainer(file, "zip");
}

/** Spring Boot's executable jars begin with a shell script. */
async function isScript(file: PackageFile): Promise<boolean> {
  await using handle = await open(file.path, "r");
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.toString("latin1") === "#!";
}

/** The coordinates in every `pom.properties` of an archive, including those of other artifacts that it contains. */
export async function readPomProperties(file: PackageFile, options: ReadOptions): Promise<Coordinates[]> {
  await expectContainer(file, "zip");
  const found: Coordinates[] = [];
  for await (const entry of zipEntries(file, options)) {
    if (!/^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/.test(entry.name)) continue;
    if (found.length >= MAX_PROPERTIES) throw invalid(`it contains more than ${MAX_PROPERTIES} artifacts`);
    const properties = parseProperties((await entry.read("manifest")).toString("latin1"));
    const [group, artifact, version] = ["groupId", "artifactId", "version"].map((name) => properties.get(name));
    found.push(checkCoordinates({ group, artifact, version }, `its ${entry.name}`));
  }
  return found;
}

const MAX_PROPERTIES = 1000;

function parseProperties(text: string): Map<string, string> {
  const lines = text
    .split(/\r\n|[\r\n]/)
    .map((line) => /^[ \t]*([^#!=: \t]+)[ \t]*[=: \t][ \t]*(.*?)[ \t]*$/.exec(line));
  return new Map(lines.filter((line) => line !== null).map(([, name, value]) => [name!, value!]));
}
