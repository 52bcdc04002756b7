import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** Real and hostile packages and the version tables of the ecosystems. Optional, in a folder beside the repository. */
const shared = path.join(import.meta.dirname, "..", "..", "..", "shared");

/** What to pass as a test's `skip`. */
export const noShared = existsSync(path.join(shared, "samples")) ? false : "no ../shared with samples and vectors";

export function samplePath(...segments: string[]): string {
  return path.join(shared, "samples", ...segments);
}

/** Rows of a version table without its head line; cells may hold blanks on purpose. */
export function readVectors(name: string): string[][] {
  return readRows(path.join(shared, "vectors", name));
}

/** What an independent tool read from each sample: path, size, sha256, name, version, qualifier, reason of refusal. */
export function readSampleManifest(): string[][] {
  return readRows(samplePath("MANIFEST.tsv"));
}

function readRows(file: string): string[][] {
  const lines = readFileSync(file, "utf8").split("\n").slice(1);
  return lines.filter((line) => line !== "").map((line) => line.split("\t"));
}
