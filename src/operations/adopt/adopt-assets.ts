import { listAssetsAt, insertAssets, type NewAsset } from "../../catalog/assets/assets.ts";
import { foldersAbove, insertFolders } from "../../catalog/assets/folders.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { lockRows } from "../../catalog/packages.ts";
import type { StoreRow } from "../../catalog/stores.ts";
import { inBatches, mapParallel } from "../../lib/concurrency/parallel.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { checkNames } from "../assets/check-names.ts";
import type { FeedWriter, Target } from "../commit/feed-writer.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { lookAgain, writeInto } from "./look-again.ts";
import { blobOutcome, type AdoptedBlob } from "./outcome.ts";
import { listUnrecorded, readAsset, type AssetListingEntry, type AssetBlob } from "./read-asset.ts";

export interface AdoptAssets {
  feed: FeedRow;
  row: StoreRow;
  store: Store;
  /** Undefined: a dry run. */
  writer: FeedWriter | undefined;
}

/** Limits of a batch: blobs to read, and entries of the store's listing. */
const BATCH = { blobs: 64, listed: 4096 };

/** Files and folders that are recorded in one transaction. */
interface Batch {
  files: AssetBlob[];
  /** Paths of other tools' folder markers. */
  folders: string[];
}

/**
 * Catalogues files that are already in an asset directory's store. Each is read once, for its hashes; content type,
 * headers and metadata come from the blob. Other tools' folder markers become folders. Another server's history is
 * skipped.
 */
export async function* adoptAssets(context: Context, input: AdoptAssets): AsyncGenerator<AdoptedBlob> {
  const { db } = await context.catalog();
  const { feed, store } = input;
  const size = (listed: AssetListingEntry) => ("blob" in listed ? 1 : 0);
  const listing = listUnrecorded(context, db, feed.id, store);
  for await (const listed of inBatches(listing, BATCH.listed, { size, most: BATCH.blobs })) {
    const batch: Batch = { files: [], folders: [] };
    const blobs: BlobInfo[] = [];
    for (const each of listed) {
      if ("outcome" in each) yield each.outcome;
      else if ("folder" in each) batch.folders.push(each.folder);
      else blobs.push(each.blob);
    }
    for await (const read of mapParallel(blobs, context.concurrency, (blob) => readAsset(context, store, blob))) {
      if ("status" in read) yield read;
      else batch.files.push(read);
    }
    yield* await adoptFiles(context, input, batch);
  }
}

/** Records the files that are not refused. Returns one result per file. */
async function adoptFiles(context: Context, input: AdoptAssets, { files, folders }: Batch): Promise<AdoptedBlob[]> {
  const { feed, row, store, writer } = input;
  if (files.length + folders.length === 0) return [];
  if (writer === undefined) return outcomesOf(files, await findRefused(context, feed, store, files));
  return writeInto(writer, row.id, async (target) => {
    const refused = await findRefused(context, feed, target.store, files);
    const wanted = files.filter((file) => !refused.has(file));
    const present: NewAsset[] = [];
    for (const look of await lookAgain(context, target, wanted)) {
      const { asset } = look.each;
      if ("now" in look) present.push(asset);
      else refused.set(look.each, blobOutcome(asset.key, look.status, look.reason, asset.size));
    }
    await record(context, target, present, folders);
    return outcomesOf(files, refused);
  });
}

function outcomesOf(files: readonly AssetBlob[], refused: ReadonlyMap<AssetBlob, AdoptedBlob>): AdoptedBlob[] {
  return files.map((file) => refused.get(file) ?? blobOutcome(file.asset.key, "adopted", null, file.asset.size));
}

/** Results for files that already have a row, or whose names are invalid. */
async function findRefused(
  context: Context,
  feed: FeedRow,
  store: Store,
  files: readonly AssetBlob[],
): Promise<Map<AssetBlob, AdoptedBlob>> {
  const { db } = await context.catalog();
  const keys = files.map(({ asset }) => asset.key);
  const there = await listAssetsAt(db, feed.id, keys);
  const names = keys.filter((key) => !there.has(key)).map((key) => ({ path: key, folder: false, from: key }));
  const problems = await checkNames(db, { feedId: feed.id, store, names });
  const bad = new Map(problems.map(({ path, reason }) => [path, reason]));
  const refused = new Map<AssetBlob, AdoptedBlob>();
  for (const file of files) {
    const { key, size } = file.asset;
    if (there.has(key)) refused.set(file, blobOutcome(key, "existing", null, size));
    else if (bad.has(key)) refused.set(file, blobOutcome(key, "conflict", bad.get(key) ?? null, null));
  }
  return refused;
}

async function record(
  context: Context,
  target: Target,
  assets: readonly NewAsset[],
  folders: readonly string[],
): Promise<void> {
  const { db } = await context.catalog();
  const { feed, run } = target;
  await commit(db, [target], async (transaction) => {
    await lockRows(transaction, feed.id, "exclusive");
    const above = [...assets.flatMap(({ key }) => foldersAbove(key)), ...folders, ...folders.flatMap(foldersAbove)];
    await insertFolders(transaction, feed.id, above, context.now());
    await insertAssets(transaction, feed.id, assets, context.now());
    await run.audit(
      transaction,
      assets.map(({ key, sha256, size }) => ({ action: "adopted", object: key, detail: { sha256, size } })),
    );
  });
}
