import { FeedctlError } from "../../errors.ts";
import { placesOnly } from "../../formats/feed-types.ts";
import type { Context } from "../context.ts";
import { findPackageFiles } from "./find-package-files.ts";
import { importFoundFiles } from "./import-found-files.ts";
import { openImportTarget, type ImportTarget } from "./import-target.ts";
import type { ImportedFile } from "./outcome.ts";

export interface ImportInput {
  /** One feed takes all; several take the packages of their own type each. */
  feeds: readonly string[];
  /** Files, directories, patterns. */
  paths: readonly string[];
  recursive?: boolean | undefined;
  dryRun?: boolean | undefined;
  /** Other bytes of a known file take its place. */
  overwrite?: boolean | undefined;
  /** With one feed: files of other types are passed over instead of being invalid. */
  detect?: boolean | undefined;
  /** A source file is deleted once its package is in the feed. */
  move?: boolean | undefined;
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** `file`: a version was published when its file was last modified. Default: now. */
  publishedFrom?: "file" | "now" | undefined;
  /** `skip`: packages with other bytes than the feed's are passed over without a fault. Default: `fail`. */
  onConflict?: "skip" | "fail" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
  /** Told of by the run that is recorded; default: `import`. */
  command?: string | undefined;
}

export interface ImportSummary {
  type: "summary";
  /** Their names, with commas between. */
  feed: string;
  imported: number;
  /** Of these, how many took the place of other bytes. */
  overwritten: number;
  existing: number;
  /** Blobs that the store had lost. */
  restored: number;
  conflicts: number;
  invalid: number;
  failed: number;
  /** Packages of other types, and conflicts that were to be passed over. */
  skipped: number;
  /** Of all that was stored. */
  bytes: number;
}

export type ImportEvent = ImportedFile | ImportSummary;

/**
 * Imports package files: identity from the manifest, bytes stored and verified, then rows committed, then, with `move`,
 * the source deleted. What is already there is left alone. One file's trouble does not stop the others; a store or
 * catalog that is gone does.
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
    targets.push(await openImportTarget(context, { feed, command, dryRun, overwrite, prove: move }));
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
  const found = findPackageFiles(context, input.paths, {
    recursive: input.recursive ?? false,
    formats: targets.map((target) => target.format),
    include: input.include,
    exclude: input.exclude,
    byFolder: move,
  });
  const outcomes = importFoundFiles(context, targets, found, {
    sorting: input.detect === true || targets.length > 1,
    move: move && !dryRun,
    publishedFrom: input.publishedFrom,
    distribution,
    component,
  });
  for await (const { result } of outcomes) yield count(result);
  for (const target of targets) await target.finish(summary);
  yield summary;

  function count(file: ImportedFile): ImportedFile {
    const passedOver = file.status === "conflict" && onConflict === "skip";
    const told: ImportedFile = passedOver ? { ...file, status: "skipped" } : file;
    if (told.status === "conflict") summary.conflicts++;
    else if (told.status === "overwritten") summary.imported++;
    else summary[told.status]++;
    if (told.status === "overwritten") summary.overwritten++;
    if (isStored(told)) summary.bytes += told.size ?? 0;
    return told;
  }
}

function isStored({ status }: ImportedFile): boolean {
  return status === "imported" || status === "overwritten" || status === "restored";
}
