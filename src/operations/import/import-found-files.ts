import { basename, dirname } from "node:path";
import { createKeyedLock } from "../../lib/concurrency/keyed-lock.ts";
import { collect, mapInOrder, oneAhead } from "../../lib/concurrency/parallel.ts";
import type { Context } from "../context.ts";
import { identityName } from "../packages/identity-name.ts";
import { deleteSource } from "./delete-imported-source.ts";
import type { Candidate } from "./find-package-files.ts";
import type { ImportTarget } from "./import-target.ts";
import { isInFeed, type FileOutcome, type PackageOutcome } from "./outcome.ts";
import { readCandidates, type ReadBatch, type ReadingOptions } from "./read-candidates.ts";

export interface FoundOptions extends ReadingOptions {
  /** Delete source files once their package is in the feed. The targets must be opened with the proof `whole`. */
  move: boolean;
}

/** Batches in progress at once: while one is recorded, the next is stored. */
const BATCHES = 2;

/**
 * Imports the candidates; yields exactly one outcome for each. With `move` they must be grouped by folder: a format
 * that reads neighbouring files needs them until the whole folder is imported.
 */
export async function* importFoundFiles(
  context: Context,
  targets: readonly ImportTarget[],
  candidates: AsyncIterable<Candidate>,
  options: FoundOptions,
): AsyncGenerator<FileOutcome> {
  const { sorting, move } = options;
  const together = targets.some(({ format }) => format.readsNeighbours === true);
  const lock = createKeyedLock();
  let waiting: FileOutcome[] = [];
  /** Names of files that could not be imported, by folder. */
  const refused = new Map<string, string[]>();
  let failure: { error: unknown } | undefined;

  // while one batch is stored and recorded, the next is read
  for await (const { batch, items, ...end } of mapInOrder(oneAhead(batchesUntilFailure()), BATCHES, importLocked)) {
    failure ??= end.failure;
    for (const outcome of [...batch.answered, ...items]) {
      if (move && !isInFeed(outcome.result)) noteRefused(outcome);
      if (!move || !isInFeed(outcome.result)) yield outcome;
      else if (together) waiting.push(outcome);
      else yield await deleteSource(outcome);
    }
    const mayContinue = ({ found }: FileOutcome) => dirname(found?.path ?? "") === batch.lastFolder;
    for (const outcome of waiting) if (!mayContinue(outcome)) yield await deleteUnlessNeeded(outcome);
    waiting = waiting.filter(mayContinue);
    for (const folder of refused.keys()) if (folder !== batch.lastFolder) refused.delete(folder);
  }
  for (const outcome of waiting) yield await deleteUnlessNeeded(outcome);
  if (failure !== undefined) throw failure.error;
  for (const target of targets)
    for await (const outcome of outcomesOf(target, target.importHeld()))
      yield move && isInFeed(outcome.result) ? await deleteSource(outcome) : outcome;

  function noteRefused({ found, result }: FileOutcome): void {
    const path = found?.path ?? result.file;
    refused.set(dirname(path), [...(refused.get(dirname(path)) ?? []), basename(path)]);
  }

  async function deleteUnlessNeeded(outcome: FileOutcome): Promise<FileOutcome> {
    const { found, result } = outcome;
    if (found === undefined) return outcome;
    const name = basename(found.path);
    const needs = (other: string) => targets.some(({ format }) => format.isNeededBy?.(name, other) === true);
    const other = refused.get(dirname(found.path))?.find(needs);
    if (other === undefined) return deleteSource(outcome);
    const warning = `the source was not deleted: ${other} beside it, which could not be imported, needs it`;
    return { found, result: { ...result, warnings: [...result.warnings, warning] }, isKept: true };
  }

  async function* batchesUntilFailure(): AsyncGenerator<ReadBatch> {
    for await (const batch of readCandidates(context, targets, candidates, options)) {
      if (failure !== undefined) return;
      yield batch;
    }
  }

  /** Batches with the same packages are imported one after the other. */
  async function importLocked(batch: ReadBatch) {
    const packages = [...batch.prepared.values()].flat();
    const keys = packages.flatMap(({ key, identity }) => [key, identityName(identity)]);
    return lock.hold(keys, async () => ({ batch, ...(await collect(importBatch(batch))) }));
  }

  async function* importBatch({ prepared }: ReadBatch): AsyncGenerator<FileOutcome> {
    for (const [target, items] of prepared) yield* outcomesOf(target, target.import(items));
  }

  async function* outcomesOf(
    { feed }: ImportTarget,
    outcomes: AsyncIterable<PackageOutcome>,
  ): AsyncGenerator<FileOutcome> {
    for await (const { item, result } of outcomes)
      yield { found: item.found, result: sorting ? { ...result, feed: feed.name } : result };
  }
}
