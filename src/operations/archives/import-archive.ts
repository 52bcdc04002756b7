import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { limits } from "../../lib/limits.ts";
import { openArchive, type ArchiveEntry } from "../../formats/containers/open-archive.ts";
import { findNameDecoder, nameEncodings, type DecodeName } from "../../formats/containers/name-encoding.ts";
import { createSpool } from "../../lib/lists/spool.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobSource, ByteRange } from "../../stores/store.ts";
import { planArchive, type PlannedFile } from "./archive-plan.ts";
import type { AssetItem, AssetOutcome } from "../assets/item.ts";
import { openAssetTarget } from "../assets/asset-target.ts";
import { checkNames } from "../assets/check-names.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { fileError } from "../local-files/file-source.ts";
import { makeFolders } from "../assets/make-folders.ts";
import { countOutcome, createSummary, type UploadSummary } from "../assets/upload-summary.ts";

export interface ImportArchiveInput {
  directory: string;
  /** The local archive file. */
  path: string;
  /** The folder that it is expanded into. */
  to: string;
  /** Replace files that exist; otherwise they are skipped. */
  overwrite: boolean;
  /** Selects entries by their path in the archive. Default: all. */
  isSelected?: ((path: string) => boolean) | undefined;
  /** The encoding of names that are not marked as UTF-8. */
  nameEncoding?: string | undefined;
  /** The most bytes that it may unpack to. */
  maxSize?: number | undefined;
  dryRun?: boolean | undefined;
  onPlan?: ((files: number) => void) | undefined;
}

const BATCH = { files: 128, bytes: 64 * 1024 * 1024 };
/**
 * Files of a tar archive up to this size are held in memory and stored in batches. Larger ones are streamed one by one.
 */
const HELD = 4 * 1024 * 1024;

/**
 * Expands an archive into the store without unpacking it to disk. The first pass checks names and sizes and hashes the
 * files; the second stores them. One bad entry refuses the whole archive, before anything is written.
 */
export async function* importArchive(
  context: Context,
  input: ImportArchiveInput,
): AsyncGenerator<AssetOutcome | UploadSummary> {
  const { directory, to, dryRun, maxSize = limits.inflated } = input;
  await using assets = await openAssetTarget(context, { directory, command: "asset import-archive", dryRun });
  const { db } = await context.catalog();
  const summary = createSummary(assets.feed.name);
  const size = await sizeOf(input.path);
  const { ratioFrom } = limits;
  // an explicit maximum replaces the ratio check: disk images are mostly zeros and compress well
  const ratio = input.maxSize === undefined ? limits.ratio : Number.MAX_SAFE_INTEGER;
  const entries = limits.assetArchiveEntries;
  const bounds = { inflated: maxSize + entries * 2048, ratio, ratioFrom };
  const file = { path: input.path, size, name: basename(input.path) };
  const decodeName = input.nameEncoding === undefined ? undefined : requireDecoder(input.nameEncoding);
  const archive = await openArchive(file, { signal: context.signal, bounds, decodeName });
  const reading = { to, isSelected: input.isSelected, bytes: maxSize, ratio, ratioFrom, size };
  const temporary = await mkdtemp(join(tmpdir(), "feedctl-archive-"));
  await using _removed = { [Symbol.asyncDispose]: () => rm(temporary, { recursive: true, force: true }) };
  await using files = createSpool<PlannedFile>(join(temporary, "files"));
  // a zip lists its names separately: bad names are reported before gigabytes are read
  const plan = await planArchive(archive, reading, archive.random ? undefined : files);
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
  if (archive.random) await planArchive(archive, reading, files);
  input.onPlan?.(files.count);
  const planned = files.read();
  let next = await planned.next();
  let items: AssetItem[] = [];
  let bytes = 0;
  let index = -1;
  for await (const entry of archive.entries()) {
    if (next.done === true) break;
    if (next.value.index !== ++index) continue;
    const found = next.value;
    next = await planned.next();
    if (!archive.random && found.size > HELD) {
      yield* flush();
      items.push(itemOf(found, streamed(found, entry)));
      yield* flush();
      continue;
    }
    items.push(itemOf(found, archive.random ? reopened(entry) : held(await readWhole(entry))));
    bytes += found.size;
    if (items.length >= BATCH.files || bytes >= BATCH.bytes) yield* flush();
  }
  yield* flush();
  const folders = [...plan.names.filter(({ folder }) => folder).map(({ path }) => path), ...(to === "" ? [] : [to])];
  summary.folders = assets.folders + (await makeFolders(context, assets.writer, folders));
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
      modifiedAt: modified === undefined ? context.now() : new Date(modified),
      put: (store, options) => store.put(parseKey(path), source, options),
      async problem() {
        const now = await stat(input.path).catch(() => undefined);
        return now?.size === size ? undefined : new FeedctlError("corrupt", "the archive changed while it was read");
      },
    };
  }

  /** The first `open` reads the current entry of the pass. Later ones (retries, ranges) start a new pass. */
  function streamed(found: PlannedFile, entry: ArchiveEntry): BlobSource["open"] {
    let fresh = true;
    return async (range) => {
      if (!fresh || range !== undefined) return stream(cut(rescan(found.index), range));
      fresh = false;
      return stream(entry.chunks());
    };
  }

  async function* rescan(wanted: number): AsyncGenerator<Uint8Array> {
    let at = -1;
    for await (const entry of archive.entries()) if (++at === wanted) return yield* entry.chunks();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw fileError(error);
    throw new FeedctlError("not-found", `${path} does not exist`, { cause: error });
  }
}

function requireDecoder(encoding: string): DecodeName {
  const decoder = findNameDecoder(encoding);
  if (decoder !== undefined) return decoder;
  throw new FeedctlError("usage", `the encoding "${encoding}" is not known`, {
    hint: `known are ${nameEncodings} ...`,
  });
}

/** A source for an entry that can be opened any number of times. */
function reopened(entry: ArchiveEntry): BlobSource["open"] {
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

/** Turns `invalid`, of a damaged archive, into `corrupt`: stores discard the upload on that code. */
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
