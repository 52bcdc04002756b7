import { unlink } from "node:fs/promises";
import { isFeedctlError } from "../errors.ts";
import { detectFormat } from "../formats/detect.ts";
import { allFormats } from "../formats/index.ts";
import { inBatches, mapParallel } from "../lib/parallel.ts";
import type { Context } from "./context.ts";
import { findPackageFiles, type Candidate, type FindOptions } from "./find-package-files.ts";
import type { ImportedFile, ImportStatus } from "./import-outcome.ts";
import { openLane, type Lane } from "./import-lane.ts";
import { preparePackage, type PreparedPackage } from "./prepare-package.ts";

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
  conflicts: number;
  invalid: number;
  failed: number;
  /** Packages of other types, and conflicts that were to be passed over. */
  skipped: number;
  /** Of the imported files. */
  bytes: number;
}

export type ImportEvent = ImportedFile | ImportSummary;

const BATCH = 64;

/**
 * Imports package files: identity from the manifest, bytes stored and verified, then rows committed, then, with `move`,
 * the source deleted. What is already there is left alone. One file's trouble does not stop the others; a store or
 * catalog that is gone does.
 */
export async function* importPackages(context: Context, input: ImportInput): AsyncGenerator<ImportEvent> {
  const { dryRun = false, overwrite = false, command = "import", onConflict } = input;
  await using lanes = new AsyncDisposableStack();
  const open: Lane[] = [];
  for (const feed of input.feeds) open.push(lanes.use(await openLane(context, { feed, command, dryRun, overwrite })));
  const summary: ImportSummary = {
    type: "summary",
    feed: open.map((lane) => lane.feed.name).join(","),
    ...{ imported: 0, overwritten: 0, existing: 0, conflicts: 0, invalid: 0, failed: 0, skipped: 0, bytes: 0 },
  };
  const sorting = input.detect || open.length > 1;
  const options: FindOptions = {
    recursive: input.recursive ?? false,
    formats: open.map((lane) => lane.format),
    include: input.include,
    exclude: input.exclude,
  };

  for await (const batch of inBatches(findPackageFiles(context, input.paths, options), BATCH)) {
    const prepared = new Map<Lane, PreparedPackage[]>(open.map((lane) => [lane, []]));
    for await (const result of mapParallel(batch, context.concurrency, prepare)) {
      if ("status" in result) yield count(result);
      else prepared.get(result.lane)?.push(result.item);
    }
    for (const [lane, items] of prepared) {
      const sources = new Map(items.map((item) => [item.path, item.source.path]));
      for await (const result of lane.take(items)) {
        const moved = await moveAway(result, sources.get(result.file));
        yield count(sorting ? { ...moved, feed: lane.feed.name } : moved);
      }
    }
  }
  for (const lane of open) await lane.finish(summary);
  yield summary;

  async function prepare(candidate: Candidate): Promise<{ lane: Lane; item: PreparedPackage } | ImportedFile> {
    const { path } = candidate;
    const told = (status: ImportStatus, reason: string): ImportedFile => ({ type: "file", file: path, status, reason });
    if ("problem" in candidate) return told("failed", candidate.problem);
    const { signal } = context;
    const { distribution, component } = input;
    try {
      const lane = sorting ? await choose(candidate) : open[0];
      if (lane === undefined) return told("skipped", "no feed takes packages of its type");
      const about = { signal, distribution, component };
      const item = await preparePackage(lane.format, candidate.file, path, about);
      const publishedAt = input.publishedFrom === "file" ? candidate.modified : undefined;
      return { lane, item: { ...item, publishedAt } };
    } catch (error) {
      if (!isFeedctlError(error) || error.code === "interrupted") throw error;
      return told(error.code === "invalid" ? "invalid" : "failed", error.message);
    }
  }

  async function choose({ file }: Extract<Candidate, { file: unknown }>): Promise<Lane | undefined> {
    const format = await detectFormat(file, await allFormats(), context.signal);
    return open.find((lane) => lane.format === format);
  }

  /** Only what is in the feed, verified and recorded, may go from its old place. */
  async function moveAway(result: ImportedFile, path: string | undefined): Promise<ImportedFile> {
    const there = result.status === "imported" || result.status === "overwritten" || result.status === "existing";
    if (!input.move || dryRun || !there || path === undefined) return result;
    try {
      await unlink(path);
      return result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return result;
      const why = `the feed has it, but the file cannot be deleted: ${(error as Error).message}`;
      return { ...result, status: "failed", reason: why };
    }
  }

  function count(file: ImportedFile): ImportedFile {
    const passedOver = file.status === "conflict" && onConflict === "skip";
    const told: ImportedFile = passedOver ? { ...file, status: "skipped" } : file;
    if (told.status === "conflict") summary.conflicts++;
    else if (told.status === "overwritten") summary.imported++;
    else summary[told.status]++;
    if (told.status === "overwritten") summary.overwritten++;
    if (told.status === "imported" || told.status === "overwritten") summary.bytes += told.size ?? 0;
    return told;
  }
}
