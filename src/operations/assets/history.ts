import { listKept, setVersioning, type KeptRow } from "../../catalog/assets/history.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import type { AssetOutcome } from "./item.ts";
import { openAssetTarget } from "./asset-target.ts";
import { parseFolder } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireRightClock } from "../right-clock.ts";
import { copyItem } from "./copy.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { openWriter, finishPendingOf } from "../commit/feed-writer.ts";
import { findItem, noItem, requireDirectory, requireLiveDirectory } from "./require-asset.ts";
import { recordDeleted } from "../commit/record-deleted.ts";
import { startRun } from "../commit/recorded-run.ts";
import { deleteFileRows } from "../../catalog/files.ts";

/**
 * Earlier versions of one file, or of all files; newest first. Throws `not-found` for a path without versions and
 * without a file.
 */
export async function* listHistory(context: Context, directory: string, text?: string): AsyncGenerator<KeptRow> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  const path = text === undefined ? undefined : parseFolder(text);
  let found = false;
  for await (const row of listKept(db, feed.id, path)) {
    found = true;
    yield row;
  }
  if (!found && path !== undefined && (await findItem(db, feed.id, path)) === undefined) throw noItem(feed, path);
}

/** Makes an earlier version the content of a file. The current content is kept as a version, as with any overwrite. */
export async function restoreAsset(
  context: Context,
  input: { directory: string; path: string; version?: number | undefined },
): Promise<AssetOutcome & { version: number }> {
  const { db } = await context.catalog();
  await using assets = await openAssetTarget(context, { directory: input.directory, command: "asset restore" });
  const path = parseFolder(input.path);
  const found = await findItem(db, assets.feed.id, path);
  const now = found !== undefined && "file" in found ? found.file.sha256 : undefined;
  const kept = await Array.fromAsync(listKept(db, assets.feed.id, path));
  const wanted =
    input.version === undefined
      ? kept.find(({ sha256 }) => sha256 !== now)
      : kept.find(({ version }) => version === input.version);
  if (wanted === undefined)
    throw new FeedctlError("not-found", `no earlier version of ${path} is kept`, {
      hint: `see: feedctl asset history ${assets.feed.name} ${path}`,
    });
  await using store = await openFeedStore(context, db, assets.feed);
  // an existing file keeps its media type: only the content is restored
  const contentType = now === undefined ? wanted.contentType : undefined;
  const item = { ...copyItem(context, store, wanted, { path, move: false }), contentType };
  const [answer] = await Array.fromAsync(assets.store([item], "replace"));
  if (answer === undefined) throw new Error("a restored file has no outcome");
  const { outcome } = answer;
  await assets.finish(outcome);
  return { ...outcome, version: wanted.version };
}

export async function switchVersioning(
  context: Context,
  directory: string,
  on: boolean,
): Promise<{ directory: string; versioning: boolean }> {
  const { db } = await context.catalog();
  const feed = await requireLiveDirectory(db, directory);
  await using run = await startRun(context, "asset versioning", feed.id);
  await commit(db, [run], async (transaction) => {
    await lockRows(transaction, feed.id, "exclusive");
    await setVersioning(transaction, feed.id, on);
    await run.audit(transaction, [{ action: on ? "versioning on" : "versioning off", object: feed.name }]);
  });
  const result = { directory: feed.name, versioning: on };
  await run.finish(result);
  return result;
}

export interface PruneInput {
  directory: string;
  /** Only versions of this file. */
  path?: string | undefined;
  /** How many of the newest versions of each file stay. */
  keep?: number | undefined;
  /** Only versions that were kept longer ago than this, in milliseconds by the catalog's clock. */
  olderThan?: number | undefined;
}

/**
 * The versions that the rule selects for deletion. Deletes nothing. Throws `refused` when an age is given and the clocks
 * of this machine and of the catalog differ.
 */
export async function planPrune(
  context: Context,
  { directory, path, keep = 0, olderThan }: PruneInput,
): Promise<KeptRow[]> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  if (olderThan !== undefined) await requireRightClock(context);
  const before = olderThan === undefined ? undefined : new Date(context.now().getTime() - olderThan);
  const selected: KeptRow[] = [];
  let place = { path: "", count: 0 };
  for await (const row of listKept(db, feed.id, path === undefined ? undefined : parseFolder(path))) {
    if (row.path !== place.path) place = { path: row.path, count: 0 };
    if (++place.count > keep && (before === undefined || row.keptAt < before)) selected.push(row);
  }
  return selected;
}

/** Deletes rows and records pending deletes in one transaction, then deletes the blobs. */
export async function pruneHistory(
  context: Context,
  directory: string,
  rows: readonly KeptRow[],
): Promise<{ directory: string; versions: number; bytes: number }> {
  const { db } = await context.catalog();
  const feed = await requireLiveDirectory(db, directory);
  await using run = await startRun(context, "asset history", feed.id);
  await using writer = openWriter(context, feed, run);
  let versions = 0;
  for (let start = 0; start < rows.length; start += 1000) {
    const some = rows.slice(start, start + 1000);
    versions += await writer.write(async (target) =>
      commit(db, [target], async (transaction) => {
        await lockRows(transaction, feed.id, "exclusive");
        const ids = some.map(({ version }) => version);
        const keys = await deleteFileRows(transaction, feed.id, ids);
        await recordDeleted(context, transaction, target, keys);
        await run.audit(
          transaction,
          some.map(({ path, version }) => ({ action: "version deleted", object: path, detail: { version } })),
        );
        return keys.length;
      }),
    );
  }
  await finishPendingOf(context, writer);
  const pruned = { directory: feed.name, versions, bytes: rows.reduce((sum, { size }) => sum + size, 0) };
  await run.finish(pruned);
  return pruned;
}
