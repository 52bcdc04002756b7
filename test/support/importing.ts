import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Installation } from "./databases.ts";

export type ImportCounts = Record<
  "imported" | "overwritten" | "existing" | "restored" | "conflicts" | "invalid" | "failed" | "skipped",
  number
>;

/** Counts that are 0 except for `change`. */
export const counts = (change: Partial<ImportCounts> = {}): ImportCounts => ({
  imported: 0,
  overwritten: 0,
  existing: 0,
  restored: 0,
  conflicts: 0,
  invalid: 0,
  failed: 0,
  skipped: 0,
  ...change,
});

export type FileEvent = Record<"file" | "status" | "name" | "version" | "qualifier" | "key" | "feed", string> & {
  reason: string | null;
  warnings: string[];
};

export interface ImportReport {
  files: FileEvent[];
  counts: ImportCounts;
}

/** A report from the events of `import --json`: one per file, the summary last. */
export function reportOf(events: readonly Record<string, unknown>[]): ImportReport {
  const { type, imported, overwritten, existing, restored, conflicts, invalid, failed, skipped } = events.at(
    -1,
  ) as ImportCounts & { type: string };
  assert.equal(type, "summary");
  const files = events.slice(0, -1) as unknown as FileEvent[];
  return { files, counts: { imported, overwritten, existing, restored, conflicts, invalid, failed, skipped } };
}

export async function importing(place: Installation, code: number, ...args: string[]): Promise<ImportReport> {
  return reportOf((await place.exits(code, "import", "--json", ...args)).events());
}

export interface Listed {
  group: string;
  name: string;
  version: string;
  publishedAt: string;
  publishedBy: string;
  downloads: number;
  listed: boolean;
  files: { key: string; size: number; qualifier: string; md5: string; sha1: string; sha256: string; sha512: string }[];
}

export async function listed(place: Installation, feed: string): Promise<Listed[]> {
  return (await place.run("package", "list", feed, "--json")).json() as Listed[];
}

/** Asserts that catalog and store agree by hash on `match` files. */
export async function assertSound(place: Installation, feed: string, match: number): Promise<void> {
  const verified = (await place.run("verify", feed, "--read", "--json")).summary();
  assert.partialDeepStrictEqual(verified, { match, differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0 });
}

/** Creates a feed with a disk store at `store` in the installation. */
export async function diskFeed(place: Installation, name: string, type: string): Promise<string> {
  await place.run("feed", "create", name, "--type", type);
  const root = place.path("store", name);
  await place.run("store", "set", name, "disk", "--path", root);
  return root;
}

/** Writes files by their paths below a folder, and returns those paths. */
export function writeFiles(folder: string, files: Record<string, string | Buffer>): string[] {
  return Object.entries(files).map(([name, bytes]) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  });
}
