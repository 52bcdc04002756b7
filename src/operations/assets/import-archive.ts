import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { limits } from "../../formats/limits.ts";
import { openArchive, type ArchiveEntry } from "../../formats/containers/open-archive.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobSource, ByteRange } from "../../stores/store.ts";
import { planArchive, type PlannedFile } from "./archive-plan.ts";
import type { AssetItem, AssetOutcome } from "./item.ts";
import { openAssetTarget } from "./asset-target.ts";
import { checkNames } from "./check-names.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { fileError } from "../local-files/file-source.ts";
import { makeFolders } from "./make-folders.ts";
import { countOutcome, createSummary, type UploadSummary } from "./upload-summary.ts";

export interface ImportArchiveInput {
  directory: string;
  /** A file on this machine. */
  path: string;
  /** The folder it is expanded in. */
  to: string;
  /** Files of the same name are replaced; without it they are left alone. */
  overwrite: boolean;
  /** Bytes that may come out of it. */
  maxSize?: number | undefined;
  dryRun?: boolean | undefined;
  onPlan?: ((files: number) => void) | undefined;
}

/** Entries of an archive for files, where nobody knows how many are usual. */
const MOST_ENTRIES = 1_000_000;
const BATCH = { files: 128, bytes: 64 * 1024 * 1024 };
/** Up to here a file of a tar archive is kept in memory while it is stored; larger ones are stored as they come by. */
const HELD = 4 * 1024 * 1024;

/**
 * Expands an archive into the store without unpacking it on this machine: a first pass proves names, sizes and bytes, a
 * second one stores them. What is wrong with any entry refuses the whole archive, and nothing is written.
 */
export async function* importArchive(
  context: Context,
  input: ImportArchiveInput,
): AsyncGenerator<AssetOutcome | UploadSummary> {
  const { directory, to, dryRun, maxSize = limits.inflated } = input;
  await using assets = await openAssetTarget(context, { directory, command: "asset import-archive", dryRun });
  const { db } = await context.catalog();
  const summary = createSummary(assets.feed.name);
  const { size } = await stat(input.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw fileError(error);
    throw new FeedctlError("not-found", `there is no file ${input.path}`, { cause: error });
  });
  const { ratioFrom } = limits;
  // whoever says how much may come out of it knows the archive: disk images are mostly zeros
  const ratio = input.maxSize === undefined ? limits.ratio : Number.MAX_SAFE_INTEGER;
  const bounds = { inflated: maxSize + MOST_ENTRIES * 2048, ratio, ratioFrom, entries: MOST_ENTRIES };
  const file = { path: input.path, size, name: basename(input.path) };
  const archive = await openArchive(file, context.signal, bounds);
  const reading = { bytes: maxSize, ratio, ratioFrom, size };
  // where the names can be had alone, a bad one is told before gigabytes are read
  let plan = await planArchive(archive, to, reading, !archive.random);
  {
    await using store = await openFeedStore(context, db, assets.feed);
    const { names } = plan;
    const beside = await checkNames(db, { feedId: assets.feed.id, store, names, portable: true });
    const problems = [...plan.problems, ...beside];
    for (const { path, from, status, reason } of problems)
      yield countOutcome(summary, { type: "file", path, from, status, reason });
    if (problems.length > 0) {
      await assets.run?.finish(summary);
      return yield summary;
    }
  }
  if (archive.random) plan = await planArchive(archive, to, reading, true);
  input.onPlan?.(plan.files.length);
  const planned = new Map(plan.files.map((each) => [each.index, each]));
  let items: AssetItem[] = [];
  let bytes = 0;
  let index = -1;
  for await (const entry of archive.entries()) {
    const found = planned.get(++index);
    if (found === undefined) continue;
    if (!archive.random && found.size > HELD) {
      yield* flush();
      items.push(itemOf(found, passing(found, entry)));
      yield* flush();
      continue;
    }
    items.push(itemOf(found, archive.random ? again(entry) : held(await readWhole(entry))));
    bytes += found.size;
    if (items.length >= BATCH.files || bytes >= BATCH.bytes) yield* flush();
  }
  yield* flush();
  const folders = plan.names.filter(({ folder }) => folder).map(({ path }) => path);
  if (to !== "") folders.push(to);
  if (assets.writer !== undefined) summary.folders = await makeFolders(context, assets.writer, folders);
  await assets.finish(summary);
  yield summary;

  async function* flush(): AsyncGenerator<AssetOutcome> {
    const batch = items;
    items = [];
    bytes = 0;
    if (batch.length === 0) return;
    for await (const { outcome } of assets.store(batch, input.overwrite ? "replace" : "skip"))
      yield countOutcome(summary, outcome);
  }

  function itemOf({ path, size: length, hashes, type, modified }: PlannedFile, open: BlobSource["open"]): AssetItem {
    const source: BlobSource = { size: length, open };
    return {
      key: parseKey(path),
      from: path,
      size: length,
      hashes,
      detectedType: type,
      modifiedAt: modified ?? context.now(),
      put: (store, options) => store.put(parseKey(path), source, options),
      async problem() {
        const now = await stat(input.path).catch(() => undefined);
        return now?.size === size ? undefined : new FeedctlError("corrupt", "the archive changed while it was read");
      },
    };
  }

  /** The bytes as they come by; whoever wants them again, after a failure, gets them by another pass. */
  function passing(found: PlannedFile, entry: ArchiveEntry): BlobSource["open"] {
    let fresh = true;
    return async (range) => {
      if (!fresh || range !== undefined) return stream(cut(anew(found.index), range));
      fresh = false;
      return stream(entry.chunks());
    };
  }

  async function* anew(wanted: number): AsyncGenerator<Uint8Array> {
    let at = -1;
    for await (const entry of archive.entries()) if (++at === wanted) return yield* entry.chunks();
  }
}

/** The bytes of an entry that can be read at any time. */
function again(entry: ArchiveEntry): BlobSource["open"] {
  return async (range) => stream(cut(entry.chunks(), range));
}

function held(bytes: Buffer): BlobSource["open"] {
  return async (range) => Readable.from([bytes.subarray(range?.start ?? 0, range?.end)]);
}

async function readWhole(entry: ArchiveEntry): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(entry.chunks()));
}

async function* cut(chunks: AsyncIterable<Uint8Array>, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  const { start = 0, end = Infinity } = range ?? {};
  let at = 0;
  for await (const chunk of chunks) {
    const piece = chunk.subarray(Math.max(0, start - at), Math.max(0, Math.min(chunk.length, end - at)));
    at += chunk.length;
    if (piece.length > 0) yield piece;
    if (at >= end) return;
  }
}

/** A source that breaks is `corrupt` to a store: nothing of it becomes visible. */
function stream(chunks: AsyncIterable<Uint8Array>): Readable {
  async function* translated(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    } catch (error) {
      if (!isFeedctlError(error, "invalid")) throw error;
      throw new FeedctlError("corrupt", error.message, { cause: error });
    }
  }
  return Readable.from(translated(), { objectMode: false, highWaterMark: 256 * 1024 });
}
