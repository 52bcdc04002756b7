import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npm } from "../../src/formats/npm/format.ts";
import { preparePackage, type PackageContent } from "../../src/operations/import/prepare-package.ts";
import { npmFileName, npmTarball } from "../support/fixtures/packages.ts";

/** A package file; two of the same name and version differ in their `content`. */
export interface Fixture extends PackageContent {
  name: string;
  version: string;
  content: string;
  fileName: string;
  bytes: Buffer;
}

/** Two contents have the same length. */
const LENGTHS = { x: 40, y: 90, z: 90 };

const all = [
  ["a", "1.0.0", "x"],
  ["a", "1.0.0", "y"],
  ["a", "1.0.0", "z"],
  ["b", "1.0.0", "x"],
  ["b", "2.0.0", "x"],
  ["b", "3.0.0", "x"],
  ["c", "1.0.0", "x"],
  ["c", "1.0.0", "y"],
] as const;

/** The packages of all schedules, and the folder that holds their files. */
export interface Fixtures {
  /** By `name@version:content`. */
  byId: ReadonlyMap<string, Fixture>;
  write(id: string, folder: string): string;
}

export async function makeFixtures(folder: string): Promise<Fixtures> {
  mkdirSync(folder, { recursive: true });
  const byId = new Map<string, Fixture>();
  for (const [name, version, content] of all) {
    const bytes = npmTarball({ name, version, files: { "content.txt": content.repeat(LENGTHS[content]) } });
    const fileName = npmFileName({ name, version });
    const path = join(folder, `${content}-${fileName}`);
    writeFileSync(path, bytes);
    const file = { path, name: fileName, size: bytes.length };
    byId.set(`${name}@${version}:${content}`, {
      ...(await preparePackage(npm, file, path, { signal: new AbortController().signal })),
      name,
      version,
      content,
      fileName,
      bytes,
    });
  }
  return {
    byId,
    write(id, into) {
      const fixture = byId.get(id);
      if (fixture === undefined) throw new Error(`no fixture ${id}`);
      mkdirSync(into, { recursive: true });
      const path = join(into, fixture.fileName);
      writeFileSync(path, fixture.bytes);
      return path;
    },
  };
}
