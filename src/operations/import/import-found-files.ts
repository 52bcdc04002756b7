import { dirname } from "node:path";
import { isFeedctlError } from "../../errors.ts";
import { collect, inBatches, mapInOrder, mapParallel, oneAhead } from "../../lib/parallel.ts";
import type { Context } from "../context.ts";
import { fileSource } from "../local-files/file-source.ts";
import type { Candidate, FoundFile } from "./find-package-files.ts";
import { identityName } from "../packages/identity-name.ts";
import type { Lane } from "./import-target.ts";
import { isThere, unread, type ImportedFile } from "./outcome.ts";
import { moveAway, type Taken } from "./delete-imported-source.ts";
import { openPackageReader } from "./package-reader.ts";
import { prepareRecorded, type PreparedPackage } from "./prepare-package.ts";
import type { FileMark } from "../local-files/file-mark.ts";

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
/** While one batch is recorded the next one is stored. */
const BATCHES = 2;

interface Batch {
  /** The folder of its last file. */
  lastFolder: string;
  answered: ImportedFile[];
  prepared: Map<Lane, PreparedPackage[]>;
  /** By their paths as they are shown. */
  sources: Map<string, FoundFile>;
}

/** Imports what is found. With `move` the files of a folder must come together, where their format reads neighbours. */
export async function* importCandidates(
  context: Context,
  lanes: readonly Lane[],
  candidates: AsyncIterable<Candidate>,
  options: CandidateOptions,
): AsyncGenerator<ImportedFile> {
  const { sorting, move, keyOf } = options;
  const together = lanes.some((lane) => lane.format.readsNeighbours === true);
  await using reader = openPackageReader(context.signal);
  let waiting: Taken[] = [];
  let failure: { error: unknown } | undefined;
  const take = takeApart();

  // while one batch is being stored and recorded the next one is read
  for await (const { batch, items: results, ...end } of mapInOrder(oneAhead(prepareAll()), BATCHES, take)) {
    failure ??= end.failure;
    for (const result of [...batch.answered, ...results]) {
      const source = batch.sources.get(result.file);
      if (!move || source === undefined || !isThere(result)) yield result;
      else if (together) waiting.push({ result, source });
      else yield await moveAway({ result, source });
    }
    // the next batch may go on with the last folder
    const due = waiting.filter(({ source }) => dirname(source.path) !== batch.lastFolder);
    waiting = waiting.filter(({ source }) => dirname(source.path) === batch.lastFolder);
    for (const taken of due) yield await moveAway(taken);
  }
  for (const taken of waiting) yield await moveAway(taken);
  if (failure !== undefined) throw failure.error;

  async function* prepareAll(): AsyncGenerator<Batch> {
    for await (const batch of inBatches(candidates, BATCH, { size: sizeOf, most: BATCH_BYTES })) {
      if (failure !== undefined) return;
      const keys = keyOf === undefined ? [] : batch.map(({ path }) => keyOf(path));
      const recorded = await lanes[0]?.recorded(keys);
      const prepared = new Map<Lane, PreparedPackage[]>(lanes.map((lane) => [lane, []]));
      const sources = new Map<string, FoundFile>();
      const answered: ImportedFile[] = [];
      for (const each of batch) if ("file" in each) sources.set(each.path, each);
      for await (const result of mapParallel(batch, reader.width, (each) => prepare(each, recorded))) {
        if ("status" in result) answered.push(result);
        else prepared.get(result.lane)?.push(result.item);
      }
      yield { lastFolder: dirname(batch.at(-1)?.path ?? ""), answered, prepared, sources };
    }
  }

  async function prepare(
    candidate: Candidate,
    recorded: Awaited<ReturnType<Lane["recorded"]>> | undefined,
  ): Promise<{ lane: Lane; item: PreparedPackage } | ImportedFile> {
    const { path } = candidate;
    if ("problem" in candidate) return unread(path, "failed", candidate.problem);
    const { file, mark } = candidate;
    const { distribution, component, publishedFrom } = options;
    const [first] = lanes;
    const row = keyOf === undefined ? undefined : recorded?.get(keyOf(path));
    try {
      const known = row && (await prepareRecorded(row, file, path, context.signal));
      if (known !== undefined && first !== undefined) return { lane: first, item: known };
    } catch (error) {
      if (!isFeedctlError(error) || error.code === "interrupted") throw error;
      return unread(path, "failed", error.message);
    }
    const type = sorting ? undefined : first?.format.type;
    const answer = await reader.read({ file, path, type, distribution, component });
    if ("problem" in answer) {
      const { code, message } = answer.problem;
      return unread(path, code === "invalid" ? "invalid" : "failed", message);
    }
    const lane = lanes.find(({ format }) => format.type === answer.type);
    if (lane === undefined || answer.type === undefined)
      return unread(path, "skipped", "no feed takes packages of its type");
    const publishedAt = publishedFrom === "file" ? timeOf(mark) : undefined;
    return { lane, item: { ...answer.item, source: fileSource(file.path, file.size), publishedAt } };
  }

  /** Gives a batch to its lanes, after those under way that have the same packages: one batch at a time has it. */
  function takeApart() {
    const underway = new Map<Promise<void>, Set<string>>();
    return async (batch: Batch) => {
      const items = [...batch.prepared.values()].flat();
      const keys = new Set(items.flatMap(({ key, identity }) => [key, identityName(identity)]));
      const before = [...underway].filter(([, others]) => [...keys].some((key) => others.has(key)));
      const end = Promise.withResolvers<void>();
      underway.set(end.promise, keys);
      await Promise.all(before.map(([done]) => done));
      const taken = await collect(takeBatch(batch));
      underway.delete(end.promise);
      end.resolve();
      return { batch, ...taken };
    };
  }

  async function* takeBatch({ prepared }: Batch): AsyncGenerator<ImportedFile> {
    for (const [lane, items] of prepared) {
      for await (const result of lane.take(items)) yield sorting ? { ...result, feed: lane.feed.name } : result;
    }
  }
}

function sizeOf(candidate: Candidate): number {
  return "file" in candidate ? candidate.file.size : 0;
}

function timeOf({ mtimeMs }: FileMark): Date {
  return new Date(Math.floor(mtimeMs));
}
