import { listCachedVersions, deleteVersions, lockRows } from "../../catalog/packages.ts";
import { storesHolding, type HoldingStore } from "../../catalog/migration/feed-migrations.ts";
import { deleteFileRowsOfVersions } from "../../catalog/files.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { openWriter, finishPendingOf } from "../commit/feed-writer.ts";
import { startRun, type Run } from "../commit/recorded-run.ts";

export interface ClearedCache {
  feed: string;
  versions: number;
  files: number;
}

const BATCH = 500;

/**
 * Deletes every version that came from an upstream connector. Per batch, rows are deleted and pending deletes recorded
 * in one transaction; the blobs are deleted at the end.
 */
export async function clearCached(context: Context, ref: FeedRef): Promise<ClearedCache> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, ref);
  await using run = await startRun(context, "feed clear-cached", feed.id);
  await using writer = openWriter(context, feed, run);
  const cleared: ClearedCache = { feed: feed.name, versions: 0, files: 0 };
  for (;;) {
    const taken = await writer.write(async (target) =>
      commit(db, [target], async (transaction) => {
        const stores = await storesHolding(transaction, feed.id);
        return takeCached(context, transaction, { feedId: feed.id, stores, run }, BATCH);
      }),
    );
    if (taken.versions === 0) break;
    cleared.versions += taken.versions;
    cleared.files += taken.files;
  }
  await finishPendingOf(context, writer);
  await run.finish(cleared);
  return cleared;
}

/**
 * Deletes the rows of up to `limit` cached versions and records pending deletes in the given stores. `db` must be a
 * transaction. Returns how many versions and files.
 */
export async function takeCached(
  context: Context,
  db: Db,
  { feedId, stores, run }: { feedId: number; stores: readonly HoldingStore[]; run: Run },
  limit: number,
): Promise<{ versions: number; files: number }> {
  await lockRows(db, feedId, "exclusive");
  const versions = await listCachedVersions(db, feedId, limit);
  const keys = await deleteFileRowsOfVersions(db, versions);
  const about = { runId: run.id, now: context.now() };
  for (const store of stores) await recordDeletes(db, { ...store, ...about }, keys);
  await deleteVersions(db, versions);
  if (versions.length > 0)
    await run.audit(db, [
      { action: "cached versions cleared", object: "", detail: { versions: versions.length, files: keys.length } },
    ]);
  return { versions: versions.length, files: keys.length };
}
