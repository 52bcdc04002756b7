import { FeedctlError } from "../../errors.ts";
import { placesOnly } from "../../formats/feed-types.ts";
import type { Context } from "../context.ts";
import { findPackageFiles, type GivenPath } from "./find-package-files.ts";
import { importFoundFiles } from "./import-found-files.ts";
import { SETTLE } from "../local-files/settled.ts";
import { settledCandidates } from "./settled-candidates.ts";
import { openImportTarget, type ImportTarget } from "./import-target.ts";
import type { ImportedFile } from "./outcome.ts";

export interface ImportInput {
  /** The target feeds. One feed gets all packages; with several, each gets the packages of its type. */
  feeds: readonly string[];
  /** Files, directories, patterns. */
  paths: readonly GivenPath[];
  /** The directory of relative paths. */
  cwd: string;
  recursive?: boolean | undefined;
  dryRun?: boolean | undefined;
  /** Replace files that the feed has with other bytes. */
  overwrite?: boolean | undefined;
  /** With one feed: skip packages of other types. Otherwise they are invalid. */
  detect?: boolean | undefined;
  /** Delete each source file once its package is in the feed. */
  move?: boolean | undefined;
  /** With `move`: milliseconds for which a file must not change; default `SETTLE`. */
  settle?: number | undefined;
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** The publish date of new versions: the modification time of the file, or now. Default: `now`. */
  publishedFrom?: "file" | "now" | undefined;
  /** `skip`: report packages that the feed has with other bytes as skipped, not as conflicts. Default: `fail`. */
  onConflict?: "skip" | "fail" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
  /** The name of the recorded run. Default: `import`. */
  command?: string | undefined;
}

export interface ImportSummary {
  type: "summary";
  /** The names of the feeds, separated by commas. */
  feed: string;
  imported: number;
  /** How many of the imported files replaced other bytes. */
  overwritten: number;
  existing: number;
  /** Blobs that were missing in the store. */
  restored: number;
  conflicts: number;
  invalid: number;
  failed: number;
  /** Packages of other types, and conflicts with `onConflict: "skip"`. */
  skipped: number;
  /** Total size of the stored files. */
  bytes: number;
}

export type ImportEvent = ImportedFile | ImportSummary;

/**
 * Imports package files: reads the identity from the manifest, stores and verifies the bytes, commits the rows and,
 * with `move`, deletes the source. Existing packages stay. A file that fails does not stop the others; a store or
 * catalog that is unavailable does.
 */
export async function* importPackages(context: Context, input: ImportInput): AsyncGenerator<ImportEvent> {
  const { dryRun = false, overwrite = false, move = false, command = "import", onConflict } = input;
  const targets: ImportTarget[] = [];
  await using _targets = {
    async [Symbol.asyncDispose]() {
      for (const target of targets.toReversed()) await target[Symbol.asyncDispose]();
    },
  };
  for (const feed of input.feeds)
    targets.push(await openImportTarget(context, { feed, command, dryRun, overwrite, proof: move ? "whole" : "head" }));
  const { distribution, component } = input;
  if ((distribution ?? component) !== undefined && !targets.some(({ format }) => format.place !== undefined))
    throw new FeedctlError("usage", placesOnly());
  const summary: ImportSummary = {
    type: "summary",
    feed: targets.map((target) => target.feed.name).join(","),
    imported: 0,
    overwritten: 0,
    existing: 0,
    restored: 0,
    conflicts: 0,
    invalid: 0,
    failed: 0,
    skipped: 0,
    bytes: 0,
  };
  const sorting = input.detect === true || targets.length > 1;
  const found = findPackageFiles(context, input.paths, {
    cwd: input.cwd,
    recursive: input.recursive ?? false,
    formats: targets.map((target) => target.format),
    include: input.include,
    exclude: input.exclude,
    byFolder: move,
    byContent: sorting,
  });
  const candidates = move && !dryRun ? settledCandidates(context, found, input.settle ?? SETTLE) : found;
  const outcomes = importFoundFiles(context, targets, candidates, {
    sorting,
    move: move && !dryRun,
    publishedFrom: input.publishedFrom,
    distribution,
    component,
  });
  for await (const { result } of outcomes) yield count(result);
  for (const target of targets) await target.finish(summary);
  yield summary;

  function count(file: ImportedFile): ImportedFile {
    const isSkipped = file.status === "conflict" && onConflict === "skip";
    const counted: ImportedFile = isSkipped ? { ...file, status: "skipped" } : file;
    if (counted.status === "conflict") summary.conflicts++;
    else if (counted.status === "overwritten") summary.imported++;
    else summary[counted.status]++;
    if (counted.status === "overwritten") summary.overwritten++;
    if (isStored(counted)) summary.bytes += counted.size ?? 0;
    return counted;
  }
}

function isStored({ status }: ImportedFile): boolean {
  return status === "imported" || status === "overwritten" || status === "restored";
}
