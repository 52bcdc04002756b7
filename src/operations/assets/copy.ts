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
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import { removeFiles } from "./delete.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { openWriter, type FeedWriter } from "../commit/feed-writer.ts";
import { findItem, noItem, requireDirectory, requireLiveDirectory, type Found } from "./require-asset.ts";
import { countOutcome, createSummary, type UploadSummary } from "./upload-summary.ts";

export interface CopyAssetsInput {
  directory: string;
  from: string;
  to: string;
  /** Another asset directory that it goes to. */
  toDirectory?: string | undefined;
  move: boolean;
  ifExists: IfExists;
  dryRun?: boolean | undefined;
}

const BATCH = 256;

/** Copies or moves a file, or a folder with all that lies in it, inside the provider where it can. */
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
  if (same && to === from) throw new FeedctlError("usage", `${from} and its copy would be the same`);
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
  const away: AssetRow[] = [];
  for await (const rows of inBatches("file" in found ? [found.file] : assetsBelow(db, source.id, from), BATCH)) {
    const isMove = move && same;
    const copies = new Map(
      rows.map((row) => [copyItem(context, opened, row, { path: pathOf(row.key), move: isMove }), row]),
    );
    for await (const { item, outcome } of assets.store([...copies.keys()], ifExists)) {
      const there = ["stored", "overwritten", "unchanged"].includes(outcome.status);
      // what has gone in the same transaction as the copy came is not to be removed again
      const left = !same || outcome.status === "unchanged";
      if (move && there && left && !dryRun) away.push(copies.get(item) as AssetRow);
      yield countOutcome(summary, outcome);
    }
  }
  await assets.finish(summary);
  if (move && assets.run !== undefined) await clearSource(assets);
  yield summary;

  /** Into a folder that is there, or ends in a slash; else under that very name. */
  async function targetOf(): Promise<string> {
    const path = parseFolder(input.to);
    const into =
      path === "" || input.to.endsWith("/") || "folder" in ((await findItem(db, assets.feed.id, path)) ?? {});
    return into ? inside(path, baseName(from)) : path;
  }

  async function namesOf(what: NonNullable<Found>): Promise<NewName[]> {
    if ("file" in what) return [{ path: to, folder: false, from }];
    const all: NewName[] = to === "" ? [] : [{ path: to, folder: true, from }];
    for await (const { key } of assetsBelow(db, source.id, from))
      all.push({ path: pathOf(key), folder: false, from: key });
    for await (const { path } of foldersBelow(db, source.id, from))
      all.push({ path: pathOf(path), folder: true, from: path });
    return all;
  }

  /** With what they say of themselves, and before the files, which inherit it. */
  async function copyFolders(writer: FeedWriter): Promise<void> {
    const own = await findItem(db, source.id, from);
    const rows = own !== undefined && "folder" in own && to !== "" ? [own.folder] : [];
    for await (const row of foldersBelow(db, source.id, from)) rows.push(row);
    await writer.write(async (target) =>
      db.transaction().execute(async (transaction) => {
        await target.assertHeld();
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

  /** Of a move: files whose copies were there or are in another directory, and folders in which nothing is left. */
  async function clearSource({ run, writer }: AssetTarget): Promise<void> {
    if (run === undefined || writer === undefined) return;
    await using into = openWriter(context, source.name, run);
    for await (const rows of inBatches(away, BATCH)) await into.write((target) => removeFiles(context, target, rows));
    const complete = summary.conflict + summary.invalid + summary.failed + summary.skipped === 0;
    if (complete && "folder" in (found ?? {}) && from !== "")
      await into.write(async (target) =>
        db.transaction().execute(async (transaction) => {
          await target.assertHeld();
          await lockRows(transaction, source.id, "exclusive");
          for await (const _ of assetsBelow(transaction, source.id, from)) return; // somebody added a file meanwhile
          await deleteFolders(transaction, source.id, from);
        }),
      );
    await tryFinishPending(context, into);
  }
}

/** A file of a store as content for another path. */
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
    ...(move && { instead: row as AssetRow }),
    async put(target, options) {
      const { ifExists, replaces, contentType, cacheControl, metadata, notes, signal } = options;
      const blob = await source.head(parseKey(row.key), { signal });
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
