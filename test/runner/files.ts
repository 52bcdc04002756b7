import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { repository } from "../support/build.ts";
import { importsOf } from "../support/imports.ts";

/** Milliseconds by test file, of the last run that it was part of. */
export type Durations = Record<string, number>;

const cache = join(repository, "node_modules", ".cache", "feedctl-tests", "durations.json");

/**
 * The test files at the paths, or all of them, relative to the repository with `/`. Throws for a path that does not
 * exist or holds no test file. Files that only prove something about the runner lie in `fixtures` and must be named.
 */
export function findTestFiles(paths: readonly string[]): string[] {
  const found = paths.length === 0 ? testsBelow("test") : paths.flatMap(testsAt);
  return [...new Set(found)].toSorted();
}

function testsAt(path: string): string[] {
  const full = resolve(path);
  const kind = statSync(full, { throwIfNoEntry: false });
  if (kind === undefined) throw new Error(`${path} does not exist`);
  const name = relative(repository, full).split(sep).join("/");
  const files = kind.isDirectory() ? testsBelow(name) : [name];
  if (files.length === 0) throw new Error(`${path} holds no test file (*.test.ts)`);
  return files;
}

function testsBelow(folder: string): string[] {
  const names = globSync("**/*.test.ts", { cwd: join(repository, folder) });
  return names
    .map((name) => `${folder}/${name.split(sep).join("/")}`)
    .filter((name) => folder.includes("fixtures") || !name.includes("/fixtures/"));
}

/** The longest files, for a checkout that has not been tested yet. The order was measured on 2 cores in November 2026. */
const LONGEST = [
  "operations/commit/kill",
  "operations/commit/cut-lock",
  "stores/s3/store",
  "stores/gcs/store",
  "stores/azure/store",
  "operations/migrate/failures",
  "operations/drop/trouble",
  "stores/disk/store",
  "cli/transcripts",
  "repo/docs",
  "cli/completion/completion",
  "simulation/simulation",
  "stores/disk/threads",
  "stores/retry/retry",
].map((name) => `test/${name}.test.ts`);

/**
 * The longest file first, so that none is still running alone at the end. Files that no run has measured yet come before
 * the others.
 */
export function longestFirst(files: readonly string[], durations: Durations): string[] {
  const size = (file: string) => statSync(join(repository, file)).size;
  const guess = (file: string) => (LONGEST.includes(file) ? 2e9 - LONGEST.indexOf(file) : 1e9) + size(file) / 1e6;
  const weight = (file: string) => durations[file] ?? guess(file);
  return files.toSorted((a, b) => weight(b) - weight(a));
}

export function readDurations(): Durations {
  try {
    return JSON.parse(readFileSync(cache, "utf8")) as Durations;
  } catch {
    return {}; // no run yet, or one that was killed while it wrote
  }
}

export function writeDurations(durations: Durations): void {
  mkdirSync(dirname(cache), { recursive: true });
  writeFileSync(cache, JSON.stringify(durations));
}

/** The repository's own modules that a test file loads, directly or through others. */
export function modulesOf(file: string, known: Set<string> = new Set()): Set<string> {
  if (known.has(file) || statSync(join(repository, file), { throwIfNoEntry: false }) === undefined) return known;
  known.add(file);
  for (const { target, typeOnly } of importsOf(file)) {
    if (target !== undefined && !typeOnly && target.startsWith("test/")) modulesOf(target, known);
  }
  return known;
}
