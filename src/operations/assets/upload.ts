import { lstat } from "node:fs/promises";
import { Transform } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { findAssets, type AssetRow } from "../../catalog/assets/assets.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import { isFeedctlError } from "../../errors.ts";
import { detectType } from "../../lib/detect-type.ts";
import { collect, mapInOrder, mapParallel, oneAhead } from "../../lib/parallel.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobSource } from "../../stores/store.ts";
import type { AssetItem, AssetOutcome, AssetStatus, IfExists } from "./item.ts";
import { openAssetLane } from "./asset-target.ts";
import { checkMetadata } from "./metadata.ts";
import { checkNames, type NewName } from "./check-names.ts";
import { inside } from "./paths.ts";
import type { Context } from "../context.ts";
import { describeRows, type DescribeChange } from "./set-properties.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { CHUNK, fileError, fileProblem } from "../local-files/file-source.ts";
import type { LocalItem } from "../local-files/find-local-files.ts";
import { readLocalFile } from "../local-files/read-local-file.ts";
import { makeFolders } from "./make-folders.ts";
import { createSummary, type UploadSummary } from "./upload-summary.ts";

export interface UploadInput {
  directory: string;
  items: AsyncIterable<LocalItem>;
  /** The folder they go to. */
  to: string;
  ifExists: IfExists;
  /** What has the size and time of its row is not read. */
  ifChanged?: boolean | undefined;
  dryRun?: boolean | undefined;
  contentType?: string | undefined;
  /** Null: inherited. */
  cacheControl?: string | null | undefined;
  metadata?: UserMetadata | undefined;
  /** Told before the first byte. */
  onPlan?: ((files: number) => void) | undefined;
  /** Told of every file that takes long. */
  onProgress?: ((part: UploadProgress) => void) | undefined;
}

export interface UploadProgress {
  path: string;
  /** Every file is read for its hashes before its bytes are sent. */
  doing: "reading" | "sending";
  bytes: number;
  size: number;
}

export type UploadEvent = AssetOutcome | UploadSummary;

/** So many files, or so many bytes of them, are recorded at once. */
const BATCH = { files: 256, bytes: 512 * 1024 * 1024 };

const BATCHES = 2;

type LocalFile = { local: string; path: string };

/**
 * Stores local files: their names checked all together before anything is written, then hashed, stored and verified, then
 * recorded. One file's trouble does not stop the others, but a name that cannot be stops all.
 */
export async function* uploadAssets(context: Context, input: UploadInput): AsyncGenerator<UploadEvent> {
  const { directory, ifExists, dryRun = false, to } = input;
  await using lane = await openAssetLane(context, { directory, command: "asset upload", dryRun });
  const { db } = await context.catalog();
  const { feed } = lane;
  const summary = createSummary(feed.name);
  const { contentType, cacheControl, metadata } = input;
  if (metadata !== undefined) checkMetadata(metadata);
  // the same bytes with another media type are a wish too, where files may be replaced
  const describes = ifExists === "replace" && [contentType, cacheControl, metadata].some((each) => each !== undefined);
  const change: DescribeChange = { contentType, cacheControl, ...(metadata && { metadata: () => metadata }) };
  const isOther = (row: AssetRow) =>
    (contentType !== undefined && row.contentType !== contentType) ||
    (cacheControl !== undefined && row.ownCacheControl !== cacheControl) ||
    (metadata !== undefined && !isDeepStrictEqual(row.metadata, metadata));
  const files: LocalFile[] = [];
  const names: NewName[] = [];
  for await (const item of input.items) {
    if (item.kind === "problem") {
      const { local: from, reason } = item;
      yield count({ type: "file", path: "", from, status: item.skip ? "skipped" : "failed", reason });
      continue;
    }
    const path = inside(to, item.path);
    names.push({ path, folder: item.kind === "folder", from: item.local });
    if (item.kind === "file") files.push({ local: item.local, path });
  }
  {
    await using store = await openFeedStore(context, db, feed);
    const problems = await checkNames(db, { feedId: feed.id, store, names });
    for (const { path, from, status, reason } of problems) yield count({ type: "file", path, from, status, reason });
    if (problems.length > 0) {
      await lane.run?.finish(summary);
      yield summary;
      return;
    }
  }
  input.onPlan?.(files.length);
  let end: { error: unknown } | undefined;
  // while one batch is recorded the next one is stored, and one more is read
  for await (const taken of mapInOrder(oneAhead(prepareAll()), BATCHES, (batch) => collect(take(batch)))) {
    end ??= taken.failure;
    for (const outcome of taken.items) yield count(outcome);
  }
  if (end !== undefined) throw end.error;
  const folders = names.filter(({ folder }) => folder).map(({ path }) => path);
  if (lane.writer !== undefined) summary.folders = await makeFolders(context, lane.writer, folders);
  await lane.finish(summary);
  yield summary;

  function count(outcome: AssetOutcome): AssetOutcome {
    summary[outcome.status]++;
    if (outcome.status === "stored" || outcome.status === "overwritten") summary.bytes += outcome.size ?? 0;
    return outcome;
  }

  async function* prepareAll() {
    for await (const batch of batches(files)) {
      if (end !== undefined) return;
      const paths = batch.map(({ path }) => path);
      const known = input.ifChanged || ifExists === "skip" ? await findAssets(db, feed.id, paths) : new Map();
      const prepared: (AssetItem | AssetOutcome)[] = [];
      const reading = mapParallel(batch, context.concurrency, (file) => prepare(file, known.get(file.path)));
      for await (const each of reading) prepared.push(each);
      yield prepared;
    }
  }

  async function* take(prepared: readonly (AssetItem | AssetOutcome)[]): AsyncGenerator<AssetOutcome> {
    const items: AssetItem[] = [];
    for (const each of prepared) {
      if ("status" in each) yield each;
      else items.push(each);
    }
    const same: string[] = [];
    for await (const outcome of lane.take(items, ifExists)) {
      if (outcome.status === "unchanged") same.push(outcome.path);
      yield outcome;
    }
    if (!describes || same.length === 0) return;
    const rows = [...(await findAssets(db, feed.id, same)).values()];
    await describeRows(context, lane, rows.filter(isOther), change);
  }

  async function prepare(
    file: LocalFile & { size: number; modified: Date },
    row: { size: number; modifiedAt: Date; sha256: string; contentType: string } | undefined,
  ): Promise<AssetItem | AssetOutcome> {
    const { local, path, size, modified } = file;
    const told = (status: AssetStatus, reason?: string): AssetOutcome => ({
      type: "file",
      path,
      from: local,
      status,
      size,
      ...(reason !== undefined && { reason }),
    });
    if (row !== undefined && ifExists === "skip") return told("skipped", "a file of that name is there");
    if (row !== undefined && row.size === size && row.modifiedAt.getTime() === modified.getTime())
      return { ...told("unchanged"), sha256: row.sha256, contentType: row.contentType };
    try {
      if (size < 0) await lstat(local);
      const { source, hashes, head } = await readLocalFile(local, size, context.signal, (bytes) => {
        if (size >= LONG) input.onProgress?.({ path, doing: "reading", bytes, size });
      });
      const watchedSource = watched(source, path);
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
        put: (store, options) => store.put(parseKey(path), watchedSource, options),
        problem: (failure) => fileProblem({ ...source, path: local }, failure),
      };
    } catch (error) {
      const known = fileError(error);
      if (!isFeedctlError(known) || known.code === "interrupted") throw known;
      return told("failed", known.message);
    }
  }

  /** A large file tells how far it is. Not where the kernel copies it. */
  function watched(source: BlobSource, path: string): BlobSource {
    const { onProgress } = input;
    if (onProgress === undefined || source.size < LONG) return source;
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
}

const LONG = 32 * 1024 * 1024;
/** Sizes and times are taken as late as possible, so that a long list is soon complete. */
async function* batches(files: readonly LocalFile[]): AsyncGenerator<(LocalFile & { size: number; modified: Date })[]> {
  let batch: (LocalFile & { size: number; modified: Date })[] = [];
  let bytes = 0;
  for (const file of files) {
    const info = await lstat(file.local).catch(() => undefined);
    const size = info?.isFile() === true ? info.size : -1;
    batch.push({ ...file, size, modified: info?.mtime ?? new Date(0) });
    bytes += size;
    if (batch.length < BATCH.files && bytes < BATCH.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
