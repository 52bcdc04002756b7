import type { AssetRow } from "../../catalog/assets/assets.ts";
import { folderCaches } from "../../catalog/assets/folders.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { renewWrites, type WriteIntent } from "../../catalog/pending.ts";
import { compareKeys } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import { announceBatch, recordStored } from "../commit/announce.ts";
import type { Target } from "../commit/feed-writer.ts";
import { commit } from "../commit/commit.ts";
import type { Proof } from "../commit/prove-stored.ts";
import type { Context } from "../context.ts";
import { newAsset, type AssetAnswer, type AssetItem, type IfExists } from "./item.ts";
import { keepContent } from "./keep-earlier-content.ts";
import { existingOutcome, hasSameBytes, readExisting, splitByExisting, storedOutcome } from "./match-assets.ts";
import { putAssets } from "./put-assets.ts";
import { recordAssets } from "./record-assets.ts";

export interface AssetBatch {
  answers: AssetAnswer[];
  /** Not stored: another run is writing the same path. */
  busy: AssetItem[];
  /** How many folders were created for the stored files. */
  folders: number;
  /** An error that ends the whole run. The caller reports `answers` first, then throws it. */
  fatal: unknown;
}

export interface AssetBatchOptions {
  ifExists: IfExists;
  proof: Proof;
}

/** The outcomes that a dry run reports. `store` is only read. */
export async function planAssets(
  context: Context,
  feed: FeedRow,
  items: readonly AssetItem[],
  options: AssetBatchOptions & { store: Store },
): Promise<AssetAnswer[]> {
  const existing = await readExisting(context, feed.id, items, options);
  return items.map((item) => {
    const outcome = existingOutcome(item, existing) ?? storedOutcome(item, existing.rows.get(item.key));
    return { item, outcome };
  });
}

/**
 * Stores and records items; their paths must differ. Announces the keys, then stores the blobs, then commits the rows.
 */
export async function commitAssets(
  context: Context,
  target: Target,
  items: readonly AssetItem[],
  { ifExists, proof }: AssetBatchOptions,
): Promise<AssetBatch> {
  const { feed, storeId, store, run } = target;
  const { db } = await context.catalog();
  const reading = { ifExists, proof, store };
  const known = await readExisting(context, feed.id, items, reading);
  const { wanted, answered } = splitByExisting(items, known);
  if (wanted.length === 0) return { answers: inOrder(answered), busy: [], folders: 0, fatal: undefined };

  const intentOf = (item: AssetItem, rows: ReadonlyMap<string, AssetRow>) =>
    intent(context.actor, item, rows.get(item.key));
  const intents = wanted.map((item) => intentOf(item, known.rows));
  const ours = await announceBatch(context, target, intents);
  const mine = wanted.filter(({ key }) => ours.has(key));
  const busy = wanted.filter(({ key }) => !ours.has(key));
  // another run may have stored one of them between the first read and the announcement
  const since = await readExisting(context, feed.id, mine, reading);
  const { wanted: writable, answered: meanwhile } = splitByExisting(mine, since);
  const changed = writable.filter(({ key }) => since.rows.get(key)?.sha256 !== known.rows.get(key)?.sha256);
  const renewed = changed.map((item) => intentOf(item, since.rows));
  if (renewed.length > 0)
    await commit(db, [target], (transaction) => renewWrites(transaction, { storeId, runId: run.id }, renewed));

  const overwritten = writable.flatMap((item) => {
    const row = since.rows.get(item.key);
    return row === undefined || hasSameBytes(item, row) ? [] : [row];
  });
  const unkept = await keepContent(context, target, overwritten, "overwritten");
  const caches = await folderCaches(db, feed.id);
  const puts = await putAssets(context, store, writable, { rows: since.rows, unkept, caches });
  const notNeeded = meanwhile.map(({ item }) => item.key);
  const stored = puts.stored.map(({ item }) => intentOf(item, since.rows));
  const recorded = await recordStored(context, target, stored, () =>
    recordAssets(context, target, {
      stored: puts.stored,
      before: since.rows,
      withdrawn: [...notNeeded, ...puts.withdrawn],
    }),
  );
  const answers = [...answered, ...meanwhile, ...puts.refused, ...recorded.answers];
  return { answers: inOrder(answers), busy, folders: recorded.folders, fatal: puts.fatal };
}

/**
 * The announcement of a write. When it replaces other content it carries the new row, with which a later run can
 * finish.
 */
function intent(actor: string, item: AssetItem, row: AssetRow | undefined): WriteIntent {
  const { key, hashes } = item;
  const replacement = row !== undefined && { replacement: newAsset(item, row, actor, null) };
  return { key, sha256: hashes.sha256, ...replacement };
}

/** Sorted by key: parallel puts finish in any order. */
function inOrder(answers: AssetAnswer[]): AssetAnswer[] {
  return answers.toSorted((a, b) => compareKeys(a.item.key, b.item.key));
}
