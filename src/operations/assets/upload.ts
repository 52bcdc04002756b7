import { isDeepStrictEqual } from "node:util";
import { listAssetsAt, type AssetRow } from "../../catalog/assets/assets.ts";
import { collect, mapInOrder, oneAhead } from "../../lib/concurrency/parallel.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import type { LocalItem } from "../local-files/find-local-files.ts";
import { openAssetTarget, type AssetTarget } from "./asset-target.ts";
import { checkNames, type NewName } from "./check-names.ts";
import type { AssetItem, AssetOutcome } from "./item.ts";
import { makeFolders } from "./make-folders.ts";
import { checkMetadata } from "./metadata.ts";
import { inside } from "./paths.ts";
import { readUploads, type LocalFile, type ReadUpload, type UploadReading } from "./read-upload.ts";
import { describeRows, type DescribeChange } from "./set-properties.ts";
import { countOutcome, createSummary, type UploadSummary } from "./upload-summary.ts";

export interface UploadInput extends UploadReading {
  directory: string;
  items: AsyncIterable<LocalItem>;
  /** The target folder. */
  to: string;
  dryRun?: boolean | undefined;
  /** Called before the first byte. */
  onPlan?: ((files: number) => void) | undefined;
}

export type UploadEvent = AssetOutcome | UploadSummary;

/** Batches in progress at once: while one is recorded, the next is stored. */
const BATCHES = 2;

/**
 * Stores local files. Checks all names before anything is written: one bad name stops the upload. Then hashes, stores,
 * verifies and records the files in batches; a file that fails does not stop the others.
 */
export async function* uploadAssets(context: Context, input: UploadInput): AsyncGenerator<UploadEvent> {
  const { directory, dryRun = false, metadata } = input;
  await using assets = await openAssetTarget(context, { directory, command: "asset upload", dryRun });
  const summary = createSummary(assets.feed.name);
  if (metadata !== undefined) checkMetadata(metadata);
  const { files, names, problems } = await nameItems(input);
  for (const problem of problems) yield countOutcome(summary, problem);
  const { db } = await context.catalog();
  await using store = await openFeedStore(context, db, assets.feed);
  const badNames = await checkNames(db, { feedId: assets.feed.id, store, names });
  for (const { path, from, status, reason } of badNames)
    yield countOutcome(summary, { type: "file", path, from, status, reason });
  if (badNames.length > 0) {
    await assets.run?.finish(summary);
    yield summary;
    return;
  }
  input.onPlan?.(files.length);
  for await (const outcome of storeFiles(context, assets, files, { ...input, store }))
    yield countOutcome(summary, outcome);
  const folders = names.filter(({ folder }) => folder).map(({ path }) => path);
  summary.folders = assets.folders + (await makeFolders(context, assets.writer, folders));
  await assets.finish(summary);
  yield summary;
}

interface NamedItems {
  files: LocalFile[];
  /** The paths of files and folders. */
  names: NewName[];
  /** Items that cannot be uploaded for other reasons than their name. */
  problems: AssetOutcome[];
}

async function nameItems({ items, to }: Pick<UploadInput, "items" | "to">): Promise<NamedItems> {
  const named: NamedItems = { files: [], names: [], problems: [] };
  for await (const item of items) {
    if (item.kind === "problem") {
      const { local: from, reason, skip } = item;
      named.problems.push({ type: "file", path: "", from, status: skip ? "skipped" : "failed", reason });
      continue;
    }
    const path = inside(to, item.path);
    named.names.push({ path, folder: item.kind === "folder", from: item.local });
    if (item.kind === "file") named.files.push({ local: item.local, root: item.root, path });
  }
  return named;
}

/** While one batch is recorded, the next is stored and one more is read. An error is thrown after their outcomes. */
async function* storeFiles(
  context: Context,
  assets: AssetTarget,
  files: readonly LocalFile[],
  input: UploadInput,
): AsyncGenerator<AssetOutcome> {
  let failure: { error: unknown } | undefined;
  const update = propertyUpdate(input);
  const store = (batch: readonly ReadUpload[]) => collect(storeBatch(batch));
  for await (const stored of mapInOrder(oneAhead(batchesUntilFailure()), BATCHES, store)) {
    failure ??= stored.failure;
    yield* stored.items;
  }
  if (failure !== undefined) throw failure.error;

  async function* batchesUntilFailure(): AsyncGenerator<ReadUpload[]> {
    for await (const batch of readUploads(context, assets.feed.id, files, input)) {
      if (failure !== undefined) return;
      yield batch;
    }
  }

  async function* storeBatch(batch: readonly ReadUpload[]): AsyncGenerator<AssetOutcome> {
    const items: AssetItem[] = [];
    for (const each of batch) {
      if ("status" in each) yield each;
      else items.push(each);
    }
    const unchanged: string[] = [];
    for await (const { outcome } of assets.store(items, input.ifExists)) {
      if (outcome.status === "unchanged") unchanged.push(outcome.path);
      yield outcome;
    }
    if (update !== undefined && unchanged.length > 0) await updateProperties(context, assets, unchanged, update);
  }
}

interface PropertyUpdate {
  change: DescribeChange;
  isNeeded(row: AssetRow): boolean;
}

/**
 * With `replace`, unchanged files still get the given properties. Undefined: none are given, or it is not `replace`.
 */
function propertyUpdate({ ifExists, contentType, cacheControl, metadata }: UploadReading): PropertyUpdate | undefined {
  const isGiven = [contentType, cacheControl, metadata].some((each) => each !== undefined);
  if (ifExists !== "replace" || !isGiven) return undefined;
  return {
    change: { contentType, cacheControl, ...(metadata && { metadata: () => metadata }) },
    isNeeded: (row) =>
      (contentType !== undefined && row.contentType !== contentType) ||
      (cacheControl !== undefined && row.ownCacheControl !== cacheControl) ||
      (metadata !== undefined && !isDeepStrictEqual(row.metadata, metadata)),
  };
}

async function updateProperties(
  context: Context,
  assets: AssetTarget,
  paths: readonly string[],
  { change, isNeeded }: PropertyUpdate,
): Promise<void> {
  const { db } = await context.catalog();
  const rows = [...(await listAssetsAt(db, assets.feed.id, paths)).values()];
  await describeRows(context, assets, rows.filter(isNeeded), change);
}
