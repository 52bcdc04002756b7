import { foldersAbove, insertFolders } from "../catalog/asset-folders.ts";
import { findAssets, insertAssets, type NewAsset } from "../catalog/assets.ts";
import { listFiles, type FileRow } from "../catalog/files.ts";
import type { FeedRow } from "../catalog/feeds.ts";
import { lockRows } from "../catalog/packages.ts";
import { findDeletes } from "../catalog/pending.ts";
import type { StoreRow } from "../catalog/stores.ts";
import { isFeedctlError } from "../errors.ts";
import { detectType, HEAD } from "../lib/detect-type.ts";
import { hashStream } from "../lib/hash.ts";
import { createHead } from "../lib/head.ts";
import { inBatches, mapParallel } from "../lib/parallel.ts";
import type { BlobInfo, Store } from "../stores/store.ts";
import { unadopted, type AdoptedBlob } from "./adopt-outcome.ts";
import { checkNames } from "./asset-names.ts";
import { assetPathProblem, HISTORY } from "./asset-paths.ts";
import type { Context } from "./context.ts";
import type { FeedWriter } from "./feed-writer.ts";
import { sideBySide } from "./side-by-side.ts";

export interface AdoptAssets {
  feed: FeedRow;
  row: StoreRow;
  store: Store;
  /** Undefined: a dry run. */
  writer: FeedWriter | undefined;
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
    const files: NewAsset[] = [];
    for await (const answer of mapParallel(batch, context.concurrency, read)) {
      if ("status" in answer) yield answer;
      else files.push(answer);
    }
    const names = files.map(({ key }) => ({ path: key, folder: false, from: key }));
    const problems = await checkNames(db, { feedId: feed.id, store, names });
    const bad = new Set(problems.map(({ path }) => path));
    for (const { path, reason } of problems) yield unadopted(path, "conflict", reason, null);
    const good = files.filter(({ key }) => !bad.has(key));
    await record(good);
    for (const { key, size } of good) yield unadopted(key, "adopted", null, size);
  }
  yield* told;
  await record([]);

  async function* unknown(all: typeof pairs): AsyncGenerator<BlobInfo> {
    for await (const { row: known, blob } of all) {
      if (blob === undefined) continue;
      if (known !== undefined) told.push(unadopted(blob.key, "existing", null, blob.size));
      else if (blob.key.startsWith(`${HISTORY}/`))
        told.push(unadopted(blob.key, "skipped", "is history that feedctl does not keep", blob.size));
      else yield blob;
    }
  }

  async function read(listed: BlobInfo): Promise<NewAsset | AdoptedBlob> {
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
      return {
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
    } catch (error) {
      if (!isFeedctlError(error, "not-found", "corrupt", "denied") || signal.aborted) throw error;
      return unadopted(key, "failed", error.message, listed.size);
    }
  }

  /** Rows for blobs that are there; a blob that waits for its deletion gets none. */
  async function record(files: readonly NewAsset[]): Promise<void> {
    const folders = markers.splice(0);
    if (files.length + folders.length === 0) return;
    await writer?.write(async (target) =>
      db.transaction().execute(async (transaction) => {
        await target.assertHeld();
        await lockRows(transaction, feed.id, "exclusive");
        const keys = files.map(({ key }) => key);
        const doomed = new Set(await findDeletes(transaction, row.id, keys));
        const there = await findAssets(transaction, feed.id, keys);
        const fresh = files.filter(({ key }) => !doomed.has(key) && !there.has(key));
        const above = [...fresh.flatMap(({ key }) => foldersAbove(key)), ...folders, ...folders.flatMap(foldersAbove)];
        await insertFolders(transaction, feed.id, above, context.now());
        await insertAssets(transaction, feed.id, fresh, context.now());
        const audited = fresh.map(({ key, sha256, size }) => ({
          action: "adopted",
          object: key,
          detail: { sha256, size },
        }));
        await target.run.audit(transaction, audited);
      }),
    );
  }
}
