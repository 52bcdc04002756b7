import { dirname } from "node:path";
import { isFeedctlError } from "../errors.ts";
import { detectFormat } from "../formats/detect.ts";
import { allFormats } from "../formats/index.ts";
import { inBatches, mapParallel, oneAhead } from "../lib/parallel.ts";
import type { Context } from "./context.ts";
import type { Candidate, FoundFile } from "./find-package-files.ts";
import type { Lane } from "./import-lane.ts";
import { isThere, unread, type ImportedFile, type ImportStatus } from "./import-outcome.ts";
import { moveAway, type Taken } from "./move-away.ts";
import { preparePackage, prepareRecorded, type PreparedPackage } from "./prepare-package.ts";
import type { FileMark } from "./source-file.ts";

export interface CandidateOptions {
  /** Files are told apart by their type; those that no lane takes are passed over. */
  sorting: boolean;
  /** A source file is deleted once its package is in the feed: the lanes must prove that it is. */
  move: boolean;
  publishedFrom?: "file" | "now" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
  /**
   * A key that a file may be known by already: where the feed has that very file there, its row says what it is, and
   * not its format, which may need to be told more than the file knows.
   */
  keyOf?: ((path: string) => string) | undefined;
}

/** So many are recorded in one transaction, or as many as have so many bytes: what comes of them is told then. */
const BATCH = 256;
const BATCH_BYTES = 256 * 1024 * 1024;

/** Imports what is found. With `move` the files of a folder must come together, where their format reads neighbours. */
export async function* importCandidates(
  context: Context,
  lanes: readonly Lane[],
  candidates: AsyncIterable<Candidate>,
  options: CandidateOptions,
): AsyncGenerator<ImportedFile> {
  const { sorting, move, keyOf } = options;
  const together = lanes.some((lane) => lane.format.readsNeighbours === true);
  let waiting: Taken[] = [];

  // while one batch is being stored and recorded the next one is read
  for await (const { batch, answered, prepared, sources } of oneAhead(prepareAll())) {
    yield* answered;
    for (const [lane, items] of prepared) {
      for await (const answer of lane.take(items)) {
        const result = sorting ? { ...answer, feed: lane.feed.name } : answer;
        const source = sources.get(result.file);
        if (!move || source === undefined || !isThere(result)) yield result;
        else if (together) waiting.push({ result, source });
        else yield await moveAway({ result, source });
      }
    }
    // the next batch may go on with the last folder
    const last = dirname(batch.at(-1)?.path ?? "");
    const due = waiting.filter(({ source }) => dirname(source.path) !== last);
    waiting = waiting.filter(({ source }) => dirname(source.path) === last);
    for (const taken of due) yield await moveAway(taken);
  }
  for (const taken of waiting) yield await moveAway(taken);

  async function* prepareAll() {
    for await (const batch of inBatches(candidates, BATCH, { size: sizeOf, most: BATCH_BYTES })) {
      const keys = keyOf === undefined ? [] : batch.map(({ path }) => keyOf(path));
      const recorded = await lanes[0]?.recorded(keys);
      const prepared = new Map<Lane, PreparedPackage[]>(lanes.map((lane) => [lane, []]));
      const sources = new Map<string, FoundFile>();
      const answered: ImportedFile[] = [];
      for (const each of batch) if ("file" in each) sources.set(each.path, each);
      for await (const result of mapParallel(batch, context.concurrency, (each) => prepare(each, recorded))) {
        if ("status" in result) answered.push(result);
        else prepared.get(result.lane)?.push(result.item);
      }
      yield { batch, answered, prepared, sources };
    }
  }

  async function prepare(
    candidate: Candidate,
    recorded: Awaited<ReturnType<Lane["recorded"]>> | undefined,
  ): Promise<{ lane: Lane; item: PreparedPackage } | ImportedFile> {
    const { path } = candidate;
    const told = (status: ImportStatus, reason: string) => unread(path, status, reason);
    if ("problem" in candidate) return told("failed", candidate.problem);
    const { signal } = context;
    try {
      const lane = sorting ? await choose(candidate) : lanes[0];
      if (lane === undefined) return told("skipped", "no feed takes packages of its type");
      const row = keyOf === undefined ? undefined : recorded?.get(keyOf(path));
      const known = row === undefined ? undefined : await prepareRecorded(row, candidate.file, path, signal);
      if (known !== undefined) return { lane, item: known };
      const { distribution, component, publishedFrom } = options;
      const item = await preparePackage(lane.format, candidate.file, path, { signal, distribution, component });
      return { lane, item: { ...item, publishedAt: publishedFrom === "file" ? timeOf(candidate.mark) : undefined } };
    } catch (error) {
      if (!isFeedctlError(error) || error.code === "interrupted") throw error;
      return told(error.code === "invalid" ? "invalid" : "failed", error.message);
    }
  }

  async function choose({ file }: FoundFile): Promise<Lane | undefined> {
    const format = await detectFormat(file, await allFormats(), context.signal);
    return lanes.find((lane) => lane.format === format);
  }
}

function sizeOf(candidate: Candidate): number {
  return "file" in candidate ? candidate.file.size : 0;
}

function timeOf({ mtimeMs }: FileMark): Date {
  return new Date(Math.floor(mtimeMs));
}
