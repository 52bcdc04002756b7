import type { KeptBlobs } from "../feed-store/store-traits.ts";
import { assetsBelow, listAssetsAt, type AssetRow } from "../../catalog/assets/assets.ts";
import { deleteEmptyFolders } from "../../catalog/assets/folders.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { detectType, HEAD } from "../../lib/detect-type.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import { createHead } from "../../lib/bytes/collect-head.ts";
import { compareKeys, type Key } from "../../lib/key.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobInfo, DeleteFailure, PutResult, Store } from "../../stores/store.ts";
import type { AssetItem, AssetOutcome } from "./item.ts";
import type { AssetTarget } from "./asset-target.ts";
import { assetPathProblem, folderOf, inside } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import { tryFinishPending, type FeedWriter } from "../commit/feed-writer.ts";
import type { Context } from "../context.ts";
import { removeFiles } from "./delete.ts";

interface Waiting {
  item: AssetItem;
  resolve(outcome: AssetOutcome): void;
  reject(error: unknown): void;
}

/** The most files of one batch. A batch is recorded in one transaction. */
const BATCH = 128;
/** Batches in parallel, so that a large file does not delay small ones. */
const WIDTH = 3;

/**
 * A `Store` over a folder of an asset directory, so that `runMirror` can write to it. It lists the catalog's rows, and
 * puts and deletes are recorded as uploads and deletions. A blob's tag is its sha256. `below` is the directory's own
 * store, and `folders` are the folders below `folder`. `onKept`: called with what the provider keeps of deleted blobs.
 */
export function openAssetView(
  context: Context,
  assets: AssetTarget,
  below: Store,
  view: { folder: string; folders: ReadonlySet<string>; onKept: (kept: KeptBlobs | null) => void },
): Store {
  const { folder, folders, onKept } = view;
  const { feed } = assets;
  const waiting: Waiting[] = [];
  let pumps = 0;
  /** Resolves when the blobs of deleted files are deleted. Undefined: more files were deleted since. */
  let cleaned: Promise<void> | undefined = Promise.resolve();
  const skip = folder === "" ? 0 : folder.length + 1;
  const pathOf = (key: Key) => parseKey(inside(folder, key));
  const infoOf = (row: AssetRow): BlobInfo => ({
    key: parseKey(row.key.slice(skip)),
    size: row.size,
    modified: row.modifiedAt,
    tag: row.sha256,
    md5: row.md5,
    sha256: row.sha256,
    contentType: row.contentType,
  });
  const writer = () => {
    if (assets.writer === undefined) throw new Error("a dry run writes nothing");
    return assets.writer;
  };

  async function pump(): Promise<void> {
    pumps++;
    for (let batch = waiting.splice(0, BATCH); batch.length > 0; batch = waiting.splice(0, BATCH)) {
      const open = new Map(batch.map((each) => [each.item, each]));
      try {
        for await (const { item, outcome } of assets.store([...open.keys()], "replace")) {
          open.get(item)?.resolve(outcome);
          open.delete(item);
        }
      } catch (error) {
        for (const { reject } of open.values()) reject(error);
      }
    }
    pumps--;
  }

  function add(item: AssetItem): Promise<AssetOutcome> {
    const outcome = new Promise<AssetOutcome>((resolve, reject) => waiting.push({ item, resolve, reject }));
    if (pumps < WIDTH) void pump();
    return outcome;
  }

  async function deleteMany(keys: readonly Key[]): Promise<DeleteFailure[]> {
    const { db } = await context.catalog();
    const rows = [...(await listAssetsAt(db, feed.id, keys.map(pathOf))).values()];
    if (rows.length > 0) await writer().write((target) => removeFiles(context, target, rows));
    if (rows.length > 0) cleaned = undefined;
    return [];
  }

  return {
    name: `asset directory ${feed.name}${folder === "" ? "" : `/${folder}`}`,
    type: below.type,
    features: { sortedList: true, atomicCreate: true, listsAll: true, metadata: true },
    async head(key) {
      const { db } = await context.catalog();
      const path = pathOf(key);
      const row = (await listAssetsAt(db, feed.id, [path])).get(path);
      return row === undefined ? undefined : infoOf(row);
    },
    get: (key, options) => below.get(pathOf(key), { ...options, known: undefined }),
    async put(key, source, options) {
      const head = createHead(HEAD);
      const { size, ...hashes } = await hashStream(await source.open(undefined, options.signal), head.add);
      if (size !== source.size || (options.sha256 !== undefined && hashes.sha256 !== options.sha256))
        throw new FeedctlError("corrupt", `the content of ${key} does not have the announced size or hash`);
      await source.check?.();
      const path = pathOf(key);
      // the blobs of deleted files may be in the place of this one
      await (cleaned ??= tryFinishPending(context, writer(), { failed: true }).then(onKept));
      if (folders.has(key)) await deleteFolders(context, writer(), pathsIn(folder, folders, key));
      // the media type is kept or detected: the local disk, the source, has none
      const outcome = await add({
        key: path,
        from: key,
        size,
        hashes,
        detectedType: await detectType(path, { head: head.bytes(), size }),
        modifiedAt: options.modified ?? context.now(),
        put: (store, more) => store.put(path, source, more),
      });
      return resultOf(outcome, hashes.sha256);
    },
    async *list(prefix) {
      const { db } = await context.catalog();
      const rows = assetsBelow(db, feed.id, folderOf(inside(folder, prefix)));
      for await (const row of rows) if (row.key.startsWith(prefix, skip)) yield infoOf(row);
    },
    nameProblem: (key) => assetPathProblem(inside(folder, key)) ?? below.nameProblem?.(pathOf(key)),
    delete: async (key) => void (await deleteMany([key])),
    deleteMany,
    [Symbol.asyncDispose]: async () => below[Symbol.asyncDispose](),
  };
}

/** The folder of a key and those below it, innermost first. */
function pathsIn(folder: string, folders: ReadonlySet<string>, key: Key): string[] {
  const inner = [...folders].filter((each) => each === key || each.startsWith(`${key}/`)).sort(compareKeys);
  return inner.toReversed().map((each) => inside(folder, each));
}

/** A file replaces a folder in which no file is left. */
async function deleteFolders(context: Context, writer: FeedWriter, paths: readonly string[]): Promise<void> {
  const { db } = await context.catalog();
  await writer.write((target) =>
    commit(db, [target], async (transaction) => {
      await lockRows(transaction, target.feed.id, "exclusive");
      for (const path of paths) await deleteEmptyFolders(transaction, target.feed.id, [path]);
    }),
  );
}

function resultOf({ status, reason, path }: AssetOutcome, sha256: string): PutResult {
  const outcomes = { stored: "created", overwritten: "replaced", unchanged: "unchanged" } as const;
  if (status === "stored" || status === "overwritten" || status === "unchanged")
    return { outcome: outcomes[status], tag: sha256, sha256 };
  const code = status === "conflict" ? "conflict" : status === "invalid" ? "invalid" : "unavailable";
  throw new FeedctlError(code, reason ?? `${path} was not stored`);
}
