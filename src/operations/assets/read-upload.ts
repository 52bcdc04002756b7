import { fileTime } from "../../lib/files/file-time.ts";
import { lstat } from "node:fs/promises";
import { basename } from "node:path";
import { Transform } from "node:stream";
import { listAssetsAt, type AssetRow } from "../../catalog/assets/assets.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { detectType } from "../../lib/detect-type.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import { tagOf } from "../../stores/disk/index.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobSource, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { createFoldersOfFiles, markOf, type FileMark, type FoldersOfFiles } from "../local-files/file-mark.ts";
import { CHUNK, fileError, fileProblem } from "../local-files/file-source.ts";
import { readLocalFile } from "../local-files/read-local-file.ts";
import { findLost } from "./find-lost-blobs.ts";
import type { AssetItem, AssetOutcome, IfExists } from "./item.ts";

export interface UploadProgress {
  path: string;
  /** Every file is read for its hashes before its bytes are sent. */
  doing: "reading" | "sending";
  bytes: number;
  size: number;
}

export interface UploadReading {
  ifExists: IfExists;
  /** Do not read files whose size and time are those of their row: report them as unchanged. */
  ifChanged?: boolean | undefined;
  contentType?: string | undefined;
  /** Null: inherited from the folder. */
  cacheControl?: string | null | undefined;
  metadata?: UserMetadata | undefined;
  /** The directory's store: the blob of a file that need not be read must be there. */
  store?: Store | undefined;
  /** Called while large files are read and sent. */
  onProgress?: ((part: UploadProgress) => void) | undefined;
}

/** A local file and its path in the directory. */
export interface LocalFile {
  local: string;
  /** A folder above it, below which no link is followed. */
  root: string;
  path: string;
}

interface MeasuredFile extends LocalFile {
  /** Of a regular file; otherwise why there is none. */
  mark: FileMark | Error;
  /** 0 when it is not a regular file. */
  size: number;
  modified: Date;
}

/** An item to be stored, or the outcome of a file that need not or cannot be read. */
export type ReadUpload = AssetItem | AssetOutcome;

/** The most files and bytes of one batch. A batch is recorded in one transaction. */
const BATCH = { files: 256, bytes: 512 * 1024 * 1024 };
/** Files from this size on report progress. */
const LARGE = 32 * 1024 * 1024;

/** Reads and hashes files. Yields batches of items to be stored and outcomes of files that are not. */
export async function* readUploads(
  context: Context,
  feedId: number,
  files: readonly LocalFile[],
  reading: UploadReading,
): AsyncGenerator<ReadUpload[]> {
  const { db } = await context.catalog();
  const { store } = reading;
  const needsRows = reading.ifChanged === true || reading.ifExists === "skip";
  for await (const batch of measured(files)) {
    const paths = batch.map(({ path }) => path);
    const known = needsRows ? await listAssetsAt(db, feedId, paths) : new Map<string, AssetRow>();
    const answers = new Map(
      batch.map((file) => [file, unreadOutcome(file, known.get(file.path), reading.ifExists)] as const),
    );
    const rows = batch.flatMap((file) => (answers.get(file) === undefined ? [] : (known.get(file.path) ?? [])));
    const lost = store === undefined ? undefined : await findLost(context, { store, proof: "head" }, rows);
    yield await Array.fromAsync(
      mapParallel(batch, context.concurrency, async (file) => {
        const answer = lost?.has(file.path) === true ? undefined : answers.get(file);
        return answer ?? readUpload(context, file, reading);
      }),
    );
  }
}

/** Stats files batch by batch, not all at the start: a long list would delay the first upload. */
async function* measured(files: readonly LocalFile[]): AsyncGenerator<MeasuredFile[]> {
  let batch: MeasuredFile[] = [];
  let bytes = 0;
  using folders = createFoldersOfFiles();
  for (const file of files) {
    const mark = await findMark(folders, file).catch((error: unknown) => error as Error);
    const known = mark instanceof Error ? { size: 0, mtimeMs: 0 } : mark;
    batch.push({ ...file, mark, size: known.size, modified: new Date(Math.round(fileTime(known.mtimeMs))) });
    bytes += known.size;
    if (batch.length < BATCH.files && bytes < BATCH.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

async function findMark(folders: FoldersOfFiles, { root, local }: LocalFile): Promise<FileMark> {
  const folder = await folders.of(root, local);
  const info = await lstat(folder.at(basename(local)));
  if (!info.isFile()) throw new FeedctlError("corrupt", "it is no longer a regular file");
  return markOf(info);
}

/** The outcome of a file that need not be read, by its row, size and time; undefined when it must be. */
function unreadOutcome(file: MeasuredFile, row: AssetRow | undefined, ifExists: IfExists): AssetOutcome | undefined {
  if (row === undefined) return undefined;
  if (ifExists === "skip") return { ...outcomeOf(file, "skipped"), reason: "a file of that name exists" };
  if (row.size !== file.size || row.modifiedAt.getTime() !== file.modified.getTime()) return undefined;
  return { ...outcomeOf(file, "unchanged"), sha256: row.sha256, contentType: row.contentType };
}

async function readUpload(context: Context, file: MeasuredFile, reading: UploadReading): Promise<ReadUpload> {
  const { local, path, size, modified, mark } = file;
  const { contentType, cacheControl, metadata, onProgress } = reading;
  try {
    if (mark instanceof Error) throw mark;
    const { source, hashes, head } = await readLocalFile(local, mark, context.signal, (bytes) => {
      if (size >= LARGE) onProgress?.({ path, doing: "reading", bytes, size });
    });
    const sent = withProgress(source, path, onProgress);
    return {
      key: parseKey(path),
      from: local,
      size,
      hashes,
      modifiedAt: modified,
      contentType,
      detectedType: contentType ?? (await detectType(path, { head, size })),
      cacheControl,
      metadata,
      put: (store, options) => store.put(parseKey(path), sent, options),
      problem: (failure) => fileProblem({ size, path: local, pathTag: tagOf(mark) }, failure),
    };
  } catch (error) {
    const known = fileError(error);
    if (!isFeedctlError(known) || known.code === "interrupted") throw known;
    return { ...outcomeOf(file, "failed"), reason: known.message };
  }
}

function outcomeOf({ local, path, size }: MeasuredFile, status: AssetOutcome["status"]): AssetOutcome {
  return { type: "file", path, from: local, status, size };
}

/** Reports how much of a large file was read. Reports nothing when the kernel copies the file. */
function withProgress(source: BlobSource, path: string, onProgress: UploadReading["onProgress"]): BlobSource {
  if (onProgress === undefined || source.size < LARGE) return source;
  return {
    ...source,
    async open(range, signal) {
      const stream = await source.open(range, signal);
      let bytes = range?.start ?? 0;
      const meter = new Transform({
        highWaterMark: CHUNK,
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length;
          onProgress({ path, doing: "sending", bytes, size: source.size });
          done(null, chunk);
        },
      });
      stream.on("error", (error) => meter.destroy(error));
      meter.on("close", () => stream.destroy());
      return stream.pipe(meter);
    },
  };
}
