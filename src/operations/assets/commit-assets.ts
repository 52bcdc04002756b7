import {
  findObstacles,
  folderCaches,
  foldersAbove,
  insertFolders,
  type Obstacle,
} from "../../catalog/assets/folders.ts";
import {
  findAssets,
  insertAssets,
  replaceAssets,
  takeAssets,
  type AssetRow,
  type NewAsset,
} from "../../catalog/assets/assets.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { lockRows } from "../../catalog/packages.ts";
import { forgetDeletes, renewWrites, withdrawWrites, type WriteIntent } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError, type FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/parallel.ts";
import { compareKeys } from "../../stores/key.ts";
import type { PutResult, Store } from "../../stores/store.ts";
import { announceBatch } from "../commit/announce.ts";
import { assetOutcome, newAsset, type AssetItem, type AssetOutcome, type IfExists } from "./item.ts";
import { effectiveCache } from "./paths.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";
import { keepContent } from "./keep-earlier-content.ts";
import { findLost, type Lost } from "./find-lost-blobs.ts";
import { recordDeleted } from "../commit/record-deleted.ts";
import { servedAs } from "./served-headers.ts";
import { uploadNotes } from "../commit/upload-notes.ts";

export interface AssetBatch {
  results: AssetOutcome[];
  /** Not done, because another run is writing the same path right now. */
  busy: AssetItem[];
  /** What ends the whole run, after so much of the batch was done; to be thrown once that is told. Undefined: nothing. */
  fatal: unknown;
}

export interface AssetBatchOptions {
  ifExists: IfExists;
  /** As in `LaneInput`. */
  prove: boolean;
}

type Rows = ReadonlyMap<string, AssetRow>;
type Stored = { item: AssetItem; row: NewAsset; result: PutResult };
type Answer =
  | Stored
  | { item: AssetItem; refusal: FeedctlError; definite: boolean }
  | { item: AssetItem; fatal: unknown };

/** What a dry run says of the items. With a `store` what the catalog has must be in it. */
export async function planAssets(
  context: Context,
  feed: FeedRow,
  items: readonly AssetItem[],
  { ifExists, store }: { ifExists: IfExists; store: Store | undefined },
): Promise<AssetOutcome[]> {
  const { db } = await context.catalog();
  const keys = items.map(({ key }) => key);
  const [rows, obstacles] = [await findAssets(db, feed.id, keys), await findObstacles(db, feed.id, keys)];
  const lost = store === undefined ? NONE : await findLost(context, store, items, rows);
  return items.map(
    (item) => existingOutcome(item, { rows, obstacles, lost, ifExists }) ?? ending(item, rows.get(item.key)),
  );
}

/** Stores and records items with different paths: announced, stored, committed, in that order. */
export async function commitAssets(
  context: Context,
  target: Target,
  items: readonly AssetItem[],
  { ifExists, prove }: AssetBatchOptions,
): Promise<AssetBatch> {
  const { db } = await context.catalog();
  const { feed, storeId, store, run } = target;
  const results: AssetOutcome[] = [];
  const keys = items.map(({ key }) => key);
  const known = await findAssets(db, feed.id, keys);
  const wanted = await split(items, known);
  if (wanted.length === 0) return { results: inOrder(results), busy: [], fatal: undefined };

  const ours = await announceBatch(
    context,
    target,
    wanted.map((item) => intentOf(item, known)),
  );
  const mine = wanted.filter(({ key }) => ours.has(key));
  const busy = wanted.filter(({ key }) => !ours.has(key));
  // between the first look and the announcement another run may have finished one of them
  const myKeys = mine.map(({ key }) => key);
  const since = await findAssets(db, feed.id, myKeys);
  const writable = await split(mine, since);
  const open = new Set(writable);
  const done = mine.filter((item) => !open.has(item)).map(({ key }) => key as string);
  await renewWrites(
    db,
    storeId,
    run.id,
    writable
      .filter(({ key }) => since.get(key)?.sha256 !== known.get(key)?.sha256)
      .map((item) => intentOf(item, since)),
  );
  const lost = await keepContent(
    context,
    target,
    writable.filter((item) => !isSame(item, since)).flatMap(({ key }) => since.get(key) ?? []),
    "overwritten",
  );
  const caches = await folderCaches(db, feed.id);
  const notes = uploadNotes(context, store.name);

  const stored: Stored[] = [];
  let fatal: unknown;
  for await (const answer of mapParallel(writable, context.concurrency, putOne)) {
    if ("result" in answer) stored.push(answer);
    else if ("refusal" in answer) {
      // a definite "no": nothing of ours became visible, so the announcement can go
      if (answer.definite) done.push(answer.item.key);
      const { code, message } = answer.refusal;
      const status = code === "conflict" || code === "invalid" ? code : "failed";
      results.push(assetOutcome(answer.item, status, message));
    } else fatal ??= answer.fatal;
  }
  results.push(...(await record(stored, done)));
  return { results: inOrder(results), busy, fatal };

  async function split(some: readonly AssetItem[], rows: Rows): Promise<AssetItem[]> {
    const paths = some.map(({ key }) => key);
    const obstacles = await findObstacles(db, feed.id, paths);
    const absent = prove ? await findLost(context, store, some, rows) : NONE;
    return some.filter((item) => {
      const answer = existingOutcome(item, { rows, obstacles, lost: absent, ifExists });
      if (answer !== undefined) results.push(answer);
      return answer === undefined;
    });
  }

  /** What is to be written; with the row that will stand for it, where one stands for other bytes now. */
  function intentOf(item: AssetItem, rows: Rows): WriteIntent {
    const { key, hashes } = item;
    const row = rows.get(key);
    return {
      key,
      sha256: hashes.sha256,
      ...(row !== undefined && { replacement: newAsset(item, row, context.actor, null) }),
    };
  }

  async function putOne(item: AssetItem): Promise<Answer> {
    if (fatal !== undefined) return { item, fatal };
    const before = since.get(item.key);
    const problem = lost.get(item.key);
    if (problem !== undefined) return { item, refusal: problem, definite: true };
    // a blob that is put back is what its row says of it
    const row =
      before !== undefined && isSame(item, since)
        ? newAsset({ ...item, modifiedAt: before.modifiedAt, detectedType: undefined }, before, before.uploadedBy, null)
        : newAsset(item, before, context.actor, null);
    const { key, cacheControl, metadata, contentType, sha256, md5 } = row;
    try {
      const result = await item.put(store, {
        ifExists: before === undefined ? "fail" : "replace",
        ...(before !== undefined && { replaces: true }),
        sha256,
        md5,
        contentType,
        notes,
        signal: context.signal,
        modified: new Date(row.modifiedAt),
        ...servedAs({ cacheControl: effectiveCache(cacheControl, key, caches) ?? null, metadata }),
      });
      return { item, row: { ...row, storeTag: result.tag ?? null }, result };
    } catch (error) {
      const definite = isFeedctlError(error, "conflict", "corrupt", "invalid");
      const fault = context.signal.aborted ? undefined : await item.problem?.(error);
      if (fault !== undefined) return { item, refusal: fault, definite };
      return definite ? { item, refusal: error, definite } : { item, fatal: error };
    }
  }

  /** Rows of what is stored. What came in between makes an item a conflict, and its blob is settled later. */
  async function record(all: readonly Stored[], withdrawn: readonly string[]): Promise<AssetOutcome[]> {
    return db.transaction().execute(async (transaction) => {
      await target.assertHeld();
      await lockRows(transaction, feed.id, "exclusive");
      const paths = all.map(({ row }) => row.key);
      const obstacles = await findObstacles(transaction, feed.id, paths);
      const free = all.filter(({ row }) => !obstacles.has(row.key));
      const moved = await takeSources(transaction, free);
      const good = free.filter(({ item }) => item.instead === undefined || moved.has(item.instead.key));
      const there = await findAssets(
        transaction,
        feed.id,
        good.map(({ row }) => row.key),
      );
      const rows = good.map(({ row }) => row);
      const above = rows.flatMap(({ key }) => foldersAbove(key));
      await insertFolders(transaction, feed.id, above, context.now());
      const fresh = rows.filter(({ key }) => !there.has(key));
      const other = rows.filter(({ key }) => there.has(key));
      await insertAssets(transaction, feed.id, fresh, context.now());
      await replaceAssets(transaction, feed.id, other, context.now());
      const recorded = rows.map(({ key }) => key);
      await forgetDeletes(transaction, storeId, recorded);
      await withdrawWrites(transaction, storeId, run.id, [...recorded, ...withdrawn]);
      const audited = rows.map(({ key, sha256, size }) => ({
        action: !there.has(key) ? "stored" : there.get(key)?.sha256 === sha256 ? "restored" : "overwritten",
        object: key,
        detail: { sha256, size },
      }));
      await run.audit(transaction, audited);
      return all.map((each) => {
        const obstacle = obstacles.get(each.row.key);
        if (obstacle !== undefined) return assetOutcome(each.item, "conflict", obstacleReason(obstacle));
        if (!good.includes(each)) return assetOutcome(each.item, "failed", "what was to be moved changed meanwhile");
        return {
          ...ending(each.item, since.get(each.row.key)),
          contentType: each.row.contentType,
        };
      });
    });
  }

  async function takeSources(transaction: Db, all: readonly Stored[]): Promise<Set<string>> {
    const sources = all.flatMap(({ item }) => item.instead ?? []);
    if (sources.length === 0) return new Set();
    const taken = await takeAssets(transaction, feed.id, sources);
    await recordDeleted(context, transaction, target, taken);
    return new Set(taken);
  }
}

/** As they became ready is in no order at all. */
function inOrder(results: AssetOutcome[]): AssetOutcome[] {
  return results.toSorted((a, b) => compareKeys(a.path, b.path));
}

const NONE: Lost = new Map();

function isSame({ key, hashes }: AssetItem, rows: Rows): boolean {
  return rows.get(key)?.sha256 === hashes.sha256;
}

/** What has become of an item that was stored; `row`: what stood for its path. */
function ending(item: AssetItem, row: AssetRow | undefined): AssetOutcome {
  if (row === undefined) return assetOutcome(item, "stored");
  if (row.sha256 === item.hashes.sha256) return { ...assetOutcome(item, "stored"), restored: true };
  return assetOutcome(item, "overwritten");
}

/** Undefined: it is to be stored. */
function existingOutcome(
  item: AssetItem,
  there: { rows: Rows; obstacles: ReadonlyMap<string, Obstacle>; lost: Lost; ifExists: IfExists },
): AssetOutcome | undefined {
  const { rows, obstacles, lost, ifExists } = there;
  const obstacle = obstacles.get(item.key);
  if (obstacle !== undefined) return assetOutcome(item, "conflict", obstacleReason(obstacle));
  const row = rows.get(item.key);
  if (row === undefined) return undefined;
  if (ifExists === "skip") return assetOutcome(item, "skipped", "a file of that name is there");
  if (isSame(item, rows)) {
    const instead = lost.get(item.key);
    if (instead === undefined) return { ...assetOutcome(item, "unchanged"), contentType: row.contentType };
    if (instead === "missing" || ifExists === "replace") return undefined;
    const why = "the store holds other bytes for it than the catalog says; see: feedctl verify";
    return assetOutcome(item, "failed", why);
  }
  if (ifExists === "replace") return undefined;
  return assetOutcome(item, "conflict", "the directory has this file with other bytes");
}

export function obstacleReason({ kind, by }: Obstacle): string {
  return kind === "folder" ? "a folder of that name is there" : `the file ${by} stands where its folder should be`;
}
