import { foldersAbove, insertFolders } from "../../catalog/assets/folders.ts";
import { findAssets, insertAssets, type NewAsset } from "../../catalog/assets/assets.ts";
import { listFiles, type FileRow } from "../../catalog/files.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { lockRows } from "../../catalog/packages.ts";
import { unsettledKeys } from "../../catalog/pending.ts";
import type { StoreRow } from "../../catalog/stores.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { detectType, HEAD } from "../../lib/detect-type.ts";
import { hashStream } from "../../lib/hash.ts";
import { createHead } from "../../lib/collect-head.ts";
import { inBatches, mapParallel } from "../../lib/parallel.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { unadopted, type AdoptedBlob } from "./outcome.ts";
import { checkNames } from "../assets/check-names.ts";
import { assetPathProblem, HISTORY } from "../assets/paths.ts";
import type { Context } from "../context.ts";
import type { FeedWriter, Target } from "../commit/feed-writer.ts";
import { sideBySide } from "../transfer/merge-listings.ts";

export interface AdoptAssets {
  feed: FeedRow;
  row: StoreRow;
  store: Store;
  /** Undefined: a dry run. */
  writer: FeedWriter | undefined;
}

/** A file whose bytes were read, and the version of it that was read. */
interface ReadAsset {
  asset: NewAsset;
  blob: BlobInfo;
}

const BATCH = 64;
/** What says nothing: the second is what S3 says where nobody has said anything. */
const PLAIN: readonly (string | undefined)[] = [undefined, "application/octet-stream", "binary/octet-stream"];

/**
 * Catalogues files that lie in an asset directory's store already: their bytes are read once, their types, headers and
 * metadata are the blobs' own. Other tools' folder markers become folders; history that another server keeps stays its own.
 */
export async function* adoptAssets(
  context: Context,
  { feed, row, store, writer }: AdoptAssets,
): AsyncGenerator<AdoptedBlob> {
  const { db } = await context.catalog();
  const { signal } = context;
  const told: AdoptedBlob[] = [];
  const markers: string[] = [];
  const onForeign = (name: string) => {
    const folder = name.replace(/\/$/, "");
    if (folder !== name && assetPathProblem(folder) === undefined) markers.push(folder);
    else if (folder !== "") told.push(unadopted(name, "invalid", "its name can be no path", null));
  };
  const listings = { row: listFiles(db, feed.id), blob: store.list("", { signal, onForeign }) };
  const pairs = sideBySide<{ row: FileRow; blob: BlobInfo }>(listings, { row: "the catalog", blob: store.name });
  for await (const batch of inBatches(unknown(pairs), BATCH)) {
    yield* told.splice(0);
    const files: ReadAsset[] = [];
    for await (const answer of mapParallel(batch, context.concurrency, read)) {
      if ("status" in answer) yield answer;
      else files.push(answer);
    }
    yield* await record(files);
  }
  yield* told;
  yield* await record([]);

  async function* unknown(all: typeof pairs): AsyncGenerator<BlobInfo> {
    for await (const { row: known, blob } of all) {
      if (blob === undefined) continue;
      if (known !== undefined) told.push(unadopted(blob.key, "existing", null, blob.size));
      else if (blob.key.startsWith(`${HISTORY}/`))
        told.push(unadopted(blob.key, "skipped", "is history that feedctl does not keep", blob.size));
      else yield blob;
    }
  }

  async function read(listed: BlobInfo): Promise<ReadAsset | AdoptedBlob> {
    const { key } = listed;
    try {
      const blob = store.features.listsAll ? listed : ((await store.head(key, { signal })) ?? listed);
      const head = createHead(HEAD);
      const { size, ...hashes } = await hashStream(await store.get(key, { signal, known: blob }), head.add);
      // what nobody has described is described by its name and bytes
      const plain = PLAIN.includes(blob.contentType);
      const metadata = Object.entries(blob.metadata ?? {}).map(
        ([name, value]) => [name, { value, header: true }] as const,
      );
      const asset: NewAsset = {
        asset: true,
        key,
        size,
        ...hashes,
        contentType: plain ? await detectType(key, { head: head.bytes(), size }) : (blob.contentType as string),
        storeTag: blob.tag ?? null,
        modifiedAt: blob.modified.toISOString(),
        uploadedBy: context.actor,
        cacheControl: blob.cacheControl ?? null,
        metadata: Object.fromEntries(metadata),
      };
      return { asset, blob: listed };
    } catch (error) {
      if (!isFeedctlError(error, "not-found", "corrupt", "denied") || signal.aborted) throw error;
      return unadopted(key, "failed", error.message, listed.size);
    }
  }

  /** Rows for blobs that are there still; one that waits for its deletion, or that a dead run has left, gets none. */
  async function record(files: readonly ReadAsset[]): Promise<AdoptedBlob[]> {
    const folders = markers.splice(0);
    if (writer === undefined) return (await choose(store, files)).results;
    if (files.length + folders.length === 0) return [];
    return writer.write(async (target) => {
      if (target.storeId !== row.id)
        throw new FeedctlError("conflict", `feed "${feed.name}" has got another store meanwhile`, {
          hint: "run the command again",
        });
      const { wanted, results } = await choose(target.store, files);
      const fresh = await presentOf(target, wanted, results);
      await db.transaction().execute(async (transaction) => {
        await target.assertHeld();
        await lockRows(transaction, feed.id, "exclusive");
        const above = [...fresh.flatMap(({ key }) => foldersAbove(key)), ...folders, ...folders.flatMap(foldersAbove)];
        await insertFolders(transaction, feed.id, above, context.now());
        await insertAssets(transaction, feed.id, fresh, context.now());
        const audited = fresh.map(({ key, sha256, size }) => ({
          action: "adopted",
          object: key,
          detail: { sha256, size },
        }));
        await target.run.audit(transaction, audited);
      });
      return results;
    });
  }

  /** What can have a row; `results` has an answer for each file, `adopted` for those. */
  async function choose(
    from: Store,
    files: readonly ReadAsset[],
  ): Promise<{ wanted: ReadAsset[]; results: AdoptedBlob[] }> {
    const keys = files.map(({ asset }) => asset.key);
    const there = await findAssets(db, feed.id, keys);
    const names = keys.filter((key) => !there.has(key)).map((key) => ({ path: key, folder: false, from: key }));
    const problems = await checkNames(db, { feedId: feed.id, store: from, names });
    const bad = new Map(problems.map(({ path, reason }) => [path, reason]));
    const results = files.map(({ asset: { key, size } }) => {
      if (there.has(key)) return unadopted(key, "existing", null, size);
      return bad.has(key)
        ? unadopted(key, "conflict", bad.get(key) ?? null, null)
        : unadopted(key, "adopted", null, size);
    });
    return { wanted: files.filter(({ asset: { key } }) => !there.has(key) && !bad.has(key)), results };
  }

  /** Those that are still what was read; for the others their answer becomes another one. */
  async function presentOf(target: Target, wanted: readonly ReadAsset[], results: AdoptedBlob[]): Promise<NewAsset[]> {
    const doomed = new Set(wanted.length === 0 ? [] : await unsettledKeys(db, row.id));
    const present: NewAsset[] = [];
    const looked = mapParallel(wanted, context.concurrency, async ({ asset, blob }) => ({
      asset,
      blob,
      now: doomed.has(asset.key) ? undefined : await target.store.head(blob.key, { signal }),
    }));
    for await (const { asset, blob, now } of looked) {
      const { key, size } = asset;
      if (doomed.has(key))
        answer(unadopted(key, "skipped", "an interrupted run has left it; see: feedctl verify --repair", size));
      else if (now === undefined) answer(unadopted(key, "failed", "it was deleted while it was read", size));
      else if (now.tag !== blob.tag || now.size !== blob.size)
        answer(unadopted(key, "failed", "it changed while it was read", size));
      else present.push(asset);
    }
    return present;

    function answer(other: AdoptedBlob): void {
      results.splice(
        results.findIndex(({ file }) => file === other.file),
        1,
        other,
      );
    }
  }
}
