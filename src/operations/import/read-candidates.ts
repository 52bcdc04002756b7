import { fileTime } from "../../lib/files/file-time.ts";
import { dirname } from "node:path";
import type { RecordedFile } from "../../catalog/recorded-files.ts";
import { isFeedctlError } from "../../errors.ts";
import type { ReadOptions, VersionName } from "../../formats/format.ts";
import { inBatches, mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Context } from "../context.ts";
import { fileSource } from "../local-files/file-source.ts";
import type { FileMark } from "../local-files/file-mark.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { Candidate } from "./find-package-files.ts";
import type { ImportTarget } from "./import-target.ts";
import { unread, type FileOutcome } from "./outcome.ts";
import { openPackageReader, type PackageReader } from "./package-reader.ts";
import { prepareRecorded, type PreparedPackage } from "./prepare-package.ts";

export interface ReadingOptions {
  /** Import each file into the target of its type, and skip files of other types. */
  sorting: boolean;
  publishedFrom?: "file" | "now" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
  /**
   * The key where the feed may already have the file at `path`. If it has the same bytes there, the identity comes from
   * the row: the format may need options that the file does not contain.
   */
  keyOf?: ((path: string) => string) | undefined;
}

/**
 * The most files and bytes of one batch. A batch is recorded in one transaction, and its outcomes are reported
 * together.
 */
const BATCH = 256;
const BATCH_BYTES = 256 * 1024 * 1024;

export interface ReadBatch {
  prepared: ReadonlyMap<ImportTarget, PreparedPackage[]>;
  /** Outcomes of files that are not packages or could not be read. */
  answered: FileOutcome[];
  /** The folder of its last file. The next batch may have more files of it. */
  lastFolder: string;
}

type Read = { target: ImportTarget; item: PreparedPackage } | FileOutcome;

/** Reads the identities and hashes of candidates. Yields batches; uses threads when there are many files. */
export async function* readCandidates(
  context: Context,
  targets: readonly ImportTarget[],
  candidates: AsyncIterable<Candidate>,
  options: ReadingOptions,
): AsyncGenerator<ReadBatch> {
  const { keyOf } = options;
  const [first] = targets;
  await using reader = openPackageReader(context.signal);
  for await (const batch of inBatches(candidates, BATCH, { size: sizeOf, most: BATCH_BYTES })) {
    const rows = keyOf === undefined ? undefined : await first?.recorded(batch.map(({ path }) => keyOf(path)));
    const prepared = new Map<ImportTarget, PreparedPackage[]>(targets.map((target) => [target, []]));
    const answered: FileOutcome[] = [];
    const reads = await Array.fromAsync(mapParallel(batch, reader.width, (candidate) => read(candidate, rows)));
    for (const each of await readByFeed(reads))
      if ("result" in each) answered.push(each);
      else prepared.get(each.target)?.push(each.item);
    yield { prepared, answered, lastFolder: dirname(batch.at(-1)?.path ?? "") };
  }

  /** Reads files again whose neighbours did not say what they belong to, if the feed has versions of that name. */
  async function readByFeed(reads: readonly Read[]): Promise<Read[]> {
    const target = targets.find(({ format }) => format.versionsIn !== undefined);
    const namesOf = new Map<Read, Omit<VersionName, "group">[]>();
    for (const each of target === undefined ? [] : reads)
      if ("result" in each && each.found !== undefined && ["invalid", "skipped"].includes(each.result.status))
        namesOf.set(each, target?.format.versionsIn?.(each.found.file.name) ?? []);
    const known = (await target?.versionsNamed([...namesOf.values()].flat())) ?? [];
    if (target === undefined || known.length === 0) return [...reads];
    const again = mapParallel(reads, reader.width, async (each) => {
      const names = namesOf.get(each)?.map(({ name, version }) => `${name}\n${version}`);
      const fitting = known.filter(({ name, version }) => names?.includes(`${name}\n${version}`));
      if (fitting.length === 0 || !("result" in each) || each.found === undefined) return each;
      return readPackage(reader, [target], each.found, { ...options, sorting: false, known: fitting });
    });
    return Array.fromAsync(again);
  }

  async function read(candidate: Candidate, rows: ReadonlyMap<string, RecordedFile> | undefined): Promise<Read> {
    if ("problem" in candidate)
      return { found: undefined, result: unread(candidate.path, "failed", candidate.problem) };
    const row = keyOf === undefined ? undefined : rows?.get(keyOf(candidate.path));
    const known = row && (await readRecorded(context, row, candidate));
    if (known !== undefined && "result" in known) return known;
    if (known !== undefined && first !== undefined) return { target: first, item: known };
    return readPackage(reader, targets, candidate, options);
  }
}

/** Undefined when the file has other bytes than the row. */
async function readRecorded(
  { signal }: Context,
  row: RecordedFile,
  found: FoundFile,
): Promise<PreparedPackage | FileOutcome | undefined> {
  try {
    const item = await prepareRecorded(row, found, signal);
    return item && { ...item, found };
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    return { found, result: unread(found.path, "failed", error.message) };
  }
}

async function readPackage(
  reader: PackageReader,
  targets: readonly ImportTarget[],
  found: FoundFile,
  { sorting, distribution, component, publishedFrom, known }: ReadingOptions & Pick<ReadOptions, "known">,
): Promise<Read> {
  const { path, file, mark, root } = found;
  const type = sorting ? undefined : targets[0]?.format.type;
  const answer = await reader.read({ file, path, found: { root, mark }, type, distribution, component, known });
  if ("problem" in answer) {
    const { code, message } = answer.problem;
    if (answer.type !== undefined && !targets.some(({ format }) => format.type === answer.type))
      return { found, result: unread(path, "skipped", OTHER_TYPE) };
    return { found, result: unread(path, code === "invalid" ? "invalid" : "failed", message) };
  }
  const target = targets.find(({ format }) => format.type === answer.type);
  if (target === undefined || answer.type === undefined) return { found, result: unread(path, "skipped", OTHER_TYPE) };
  const publishedAt = publishedFrom === "file" ? timeOf(mark) : undefined;
  return { target, item: { ...answer.item, source: fileSource(file.path, file.size, mark), found, publishedAt } };
}

const OTHER_TYPE = "no feed for packages of its type";

function sizeOf(candidate: Candidate): number {
  return "file" in candidate ? candidate.file.size : 0;
}

function timeOf({ mtimeMs }: FileMark): Date {
  return new Date(Math.floor(fileTime(mtimeMs)));
}
