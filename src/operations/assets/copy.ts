import {
  deleteFolders,
  describeFolder,
  foldersBelow,
  insertFolders,
  foldersAbove,
} from "../../catalog/assets/folders.ts";
import { assetsBelow, type AssetRow } from "../../catalog/assets/assets.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { inBatches } from "../../lib/parallel.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import type { AssetItem, AssetOutcome, IfExists } from "./item.ts";
import { openAssetTarget, type AssetTarget } from "./asset-target.ts";
import { tryFinishPending } from "../commit/feed-writer.ts";
import { checkNames, type NewName } from "./check-names.ts";
import { baseName, inside, parseFolder } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import { removeFiles } from "./delete.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { openWriter, type FeedWriter } from "../commit/feed-writer.ts";
import { findItem, noItem, requireDirectory, requireLiveDirectory, type FileOrFolder } from "./require-asset.ts";
import { countOutcome, createSummary, type UploadSummary } from "./upload-summary.ts";

export interface CopyAssetsInput {
  directory: string;
  from: string;
  to: string;
  /** The target asset directory. Default: the same one. */
  toDirectory?: string | undefined;
  move: boolean;
  ifExists: IfExists;
  dryRun?: boolean | undefined;
}

const BATCH = 256;

/** Copies or moves a file or a folder with its contents. Uses server-side copies where the provider has them. */
export async function* copyAssets(
  context: Context,
  input: CopyAssetsInput,
): AsyncGenerator<AssetOutcome | UploadSummary> {
  const { move, ifExists, dryRun } = input;
  const { db } = await context.catalog();
  const source = await (move ? requireLiveDirectory : requireDirectory)(db, input.directory);
  const command = move ? "asset move" : "asset copy";
  const directory = input.toDirectory ?? source.name;
  await using assets = await openAssetTarget(context, { directory, command, dryRun });
  const same = assets.feed.id === source.id;
  const from = parseFolder(input.from);
  const found = await findItem(db, source.id, from);
  if (found === undefined) throw noItem(source, from);
  const to = await targetOf();
  const summary = createSummary(assets.feed.name);
  if (same && to === from) throw new FeedctlError("usage", `source and target are the same: ${from}`);
  if (same && "folder" in found && `${to}/`.startsWith(from === "" ? "" : `${from}/`))
    throw new FeedctlError("usage", `${from === "" ? "the directory" : from} cannot go into itself`);
  const pathOf = (path: string) => ("file" in found ? to : inside(to, path.slice(from === "" ? 0 : from.length + 1)));

  await using opened = await openFeedStore(context, db, source);
  const names = await namesOf(found);
  {
    await using other = same ? undefined : await openFeedStore(context, db, assets.feed);
    const problems = await checkNames(db, { feedId: assets.feed.id, store: other ?? opened, names });
    for (const { path, from: shown, status, reason } of problems)
      yield countOutcome(summary, { type: "file", path, from: shown, status, reason });
    if (problems.length > 0) return yield summary;
  }
  if (assets.writer !== undefined && "folder" in found) await copyFolders(assets.writer);
  const moved: AssetRow[] = [];
  for await (const rows of inBatches("file" in found ? [found.file] : assetsBelow(db, source.id, from), BATCH)) {
    const isMove = move && same;
    const copies = new Map(
      rows.map((row) => [copyItem(context, opened, row, { path: pathOf(row.key), move: isMove }), row]),
    );
    for await (const { item, outcome } of assets.store([...copies.keys()], ifExists)) {
      const exists = ["stored", "overwritten", "unchanged"].includes(outcome.status);
      // inside one directory, the transaction that records the copy also deletes the source row
      const remains = !same || outcome.status === "unchanged";
      if (move && exists && remains && !dryRun) moved.push(copies.get(item) as AssetRow);
      yield countOutcome(summary, outcome);
    }
  }
  summary.folders += assets.folders;
  await assets.finish(summary);
  if (move && assets.run !== undefined) await clearSource(assets);
  yield summary;

  /** As `cp` does it: into `to` when that is an existing folder or ends in a slash; otherwise `to` is the new name. */
  async function targetOf(): Promise<string> {
    const path = parseFolder(input.to);
    const into =
      path === "" || input.to.endsWith("/") || "folder" in ((await findItem(db, assets.feed.id, path)) ?? {});
    return into ? inside(path, baseName(from)) : path;
  }

  async function namesOf(what: FileOrFolder): Promise<NewName[]> {
    if ("file" in what) return [{ path: to, folder: false, from }];
    const all: NewName[] = to === "" ? [] : [{ path: to, folder: true, from }];
    for await (const { key } of assetsBelow(db, source.id, from))
      all.push({ path: pathOf(key), folder: false, from: key });
    for await (const { path } of foldersBelow(db, source.id, from))
      all.push({ path: pathOf(path), folder: true, from: path });
    return all;
  }

  /** Creates the target folders with their cache header and metadata. Before the files, which inherit the header. */
  async function copyFolders(writer: FeedWriter): Promise<void> {
    const own = await findItem(db, source.id, from);
    const rows = own !== undefined && "folder" in own && to !== "" ? [own.folder] : [];
    for await (const row of foldersBelow(db, source.id, from)) rows.push(row);
    await writer.write(async (target) =>
      commit(db, [target], async (transaction) => {
        await lockRows(transaction, assets.feed.id, "exclusive");
        const path = (row: { path: string }) => (row.path === from ? to : pathOf(row.path));
        const wanted = rows.flatMap((row) => [...foldersAbove(path(row)), path(row)]);
        summary.folders = (await insertFolders(transaction, assets.feed.id, wanted, context.now())).length;
        for (const row of rows) {
          const { cache_control: cacheControl, metadata } = row;
          if (cacheControl === null && Object.keys(metadata).length === 0) continue;
          const about = { feedId: assets.feed.id, path: path(row), now: context.now() };
          await describeFolder(transaction, about, { cacheControl, metadata });
        }
      }),
    );
  }

  /** After a move: deletes the source files whose rows remain, then the source folders if everything was moved. */
  async function clearSource({ run, writer }: AssetTarget): Promise<void> {
    if (run === undefined || writer === undefined) return;
    await using into = openWriter(context, source, run);
    for await (const rows of inBatches(moved, BATCH)) await into.write((target) => removeFiles(context, target, rows));
    const complete = summary.conflict + summary.invalid + summary.failed + summary.skipped === 0;
    if (complete && "folder" in (found ?? {}) && from !== "")
      await into.write(async (target) =>
        commit(db, [target], async (transaction) => {
          await lockRows(transaction, source.id, "exclusive");
          for await (const _ of assetsBelow(transaction, source.id, from)) return; // a file was added meanwhile
          await deleteFolders(transaction, source.id, from);
        }),
      );
    await tryFinishPending(context, into, { failed: true });
  }
}

/** An item that copies the blob of `row` in `source` to `path`. With `move` recording it deletes `row`. */
export function copyItem(
  context: Context,
  source: Store,
  row: Omit<AssetRow, "cacheControl" | "ownCacheControl" | "inheritedCache" | "metadata" | "id"> & Partial<AssetRow>,
  { path, move }: { path: string; move: boolean },
): AssetItem {
  const { md5, sha1, sha256, sha512 } = row;
  const hashes = { md5, sha1, sha256, sha512 };
  return {
    key: parseKey(path),
    from: row.key,
    size: row.size,
    hashes,
    modifiedAt: row.modifiedAt,
    createdAt: row.createdAt,
    contentType: row.contentType,
    cacheControl: row.ownCacheControl,
    metadata: row.metadata,
    ...(move && { movedFrom: row as AssetRow }),
    async put(target, options) {
      const { ifExists, replaces, contentType, cacheControl, metadata, notes, signal } = options;
      const blob = await source.head(row.key, { signal });
      if (blob === undefined) throw new FeedctlError("corrupt", `the blob of ${row.key} is missing`);
      const as = parseKey(path);
      const served = { cacheControl, metadata };
      const expected = hashes;
      return copyBlob(context, {
        source,
        target,
        blob,
        as,
        ifExists,
        replaces,
        expected,
        contentType,
        served,
        notes,
      });
    },
  };
}
