import { setTimeout as sleep } from "node:timers/promises";
import { loadFormat } from "../formats/index.ts";
import type { FeedType } from "../formats/feed-types.ts";
import { isFeedctlError } from "../errors.ts";
import { inBatches, mapParallel } from "../lib/parallel.ts";
import type { Context } from "./context.ts";
import { requireActiveFeed } from "./find-feed.ts";
import { findPackageFiles, type Candidate } from "./find-package-files.ts";
import { openWriter, settle, type FeedWriter } from "./feed-writer.ts";
import { commitBatch, planBatch } from "./import-batch.ts";
import { outcome, type ImportedFile } from "./import-outcome.ts";
import { preparePackage, type PreparedPackage } from "./prepare-package.ts";
import { startRun } from "./run.ts";

export interface ImportInput {
  feed: string;
  /** Files, directories, patterns. */
  paths: readonly string[];
  recursive?: boolean | undefined;
  dryRun?: boolean | undefined;
}

export interface ImportSummary {
  type: "summary";
  feed: string;
  imported: number;
  existing: number;
  conflicts: number;
  invalid: number;
  failed: number;
  /** Of the imported files. */
  bytes: number;
}

export type ImportEvent = ImportedFile | ImportSummary;

const BATCH = 64;

/**
 * Imports package files: identity from the manifest, bytes stored and verified, then rows committed. What is already
 * there is left alone. One file's trouble does not stop the others; a store or catalog that is gone does.
 */
export async function* importPackages(context: Context, input: ImportInput): AsyncGenerator<ImportEvent> {
  const catalog = await context.catalog();
  const feed = await requireActiveFeed(catalog.db, input.feed);
  const format = await loadFormat(feed.type as FeedType);
  const summary: ImportSummary = {
    type: "summary",
    feed: feed.name,
    imported: 0,
    existing: 0,
    conflicts: 0,
    invalid: 0,
    failed: 0,
    bytes: 0,
  };
  await using run = input.dryRun ? undefined : await startRun(context, "import", feed.id);
  await using writer = run === undefined ? undefined : openWriter(context, feed.name, run);
  let seen = new Map<string, string>();

  const candidates = findPackageFiles(context, format, input.paths, input.recursive ?? false);
  for await (const batch of inBatches(candidates, BATCH)) {
    const prepared: PreparedPackage[] = [];
    for await (const result of mapParallel(batch, context.concurrency, (candidate) => prepare(candidate))) {
      if ("status" in result) yield count(summary, result);
      else prepared.push(result);
    }
    // earlier batches are in the catalog by now, unless this is a dry run
    if (run !== undefined) seen = new Map();
    const fresh: PreparedPackage[] = [];
    for (const item of prepared.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
      const twin = seen.get(item.key);
      if (twin === undefined) {
        seen.set(item.key, item.hashes.sha256);
        fresh.push(item);
      } else if (twin === item.hashes.sha256) {
        yield count(summary, outcome(item, "existing", "the same package was already given in this run"));
      } else {
        yield count(
          summary,
          outcome(item, "conflict", "another file of this run has the same identity and other bytes"),
        );
      }
    }
    if (writer === undefined) for (const result of await planBatch(context, feed, fresh)) yield count(summary, result);
    else for await (const result of commit(writer, fresh)) yield count(summary, result);
  }
  if (writer !== undefined) await settleIfPossible(context, writer);
  await run?.finish(summary);
  yield summary;

  /**
   * What another run is importing at this moment is left to it and looked at again, while nothing of ours is held: two
   * runs that wait for each other's packages would wait for ever.
   */
  async function* commit(into: FeedWriter, items: readonly PreparedPackage[]): AsyncGenerator<ImportedFile> {
    const deadline = performance.now() + context.lockWait;
    for (let rest = items; rest.length > 0;) {
      const { results, busy } = await into.write((target) => commitBatch(context, target, rest));
      yield* results;
      if (busy.length > 0 && performance.now() >= deadline) {
        for (const item of busy)
          yield outcome(item, "failed", "another run is importing the same package and does not end");
        return;
      }
      if (busy.length > 0) await sleep(100, undefined, { signal: context.signal });
      rest = busy;
    }
  }

  async function prepare(candidate: Candidate): Promise<PreparedPackage | ImportedFile> {
    if ("problem" in candidate)
      return { type: "file", file: candidate.path, status: "failed", reason: candidate.problem };
    try {
      return await preparePackage(format, candidate.file, candidate.path, context.signal);
    } catch (error) {
      if (!isFeedctlError(error)) throw error;
      if (error.code === "interrupted") throw error;
      return {
        type: "file",
        file: candidate.path,
        status: error.code === "invalid" ? "invalid" : "failed",
        reason: error.message,
      };
    }
  }
}

/** What earlier runs left is not this import's fault: a store that forbids deleting must not make it fail. */
async function settleIfPossible(context: Context, writer: FeedWriter): Promise<void> {
  try {
    await settle(context, writer);
  } catch (error) {
    if (!isFeedctlError(error, "denied", "unavailable", "locked")) throw error;
    context.notice(`what interrupted runs left stays for now: ${error.message}`);
  }
}

function count(summary: ImportSummary, file: ImportedFile): ImportedFile {
  if (file.status === "conflict") summary.conflicts++;
  else summary[file.status]++;
  if (file.status === "imported") summary.bytes += file.size ?? 0;
  return file;
}
