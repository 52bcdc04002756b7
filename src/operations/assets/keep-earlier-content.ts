import { createHash } from "node:crypto";
import { listKeptKeys, insertKept, type NewKept } from "../../catalog/assets/history.ts";
import type { AssetRow } from "../../catalog/assets/assets.ts";
import { forgetDeletes, withdrawWrites } from "../../catalog/pending.ts";
import type { HistoryReason } from "../../catalog/schema/assets.ts";
import { FeedctlError, isFeedctlError, isRefusedBlob } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Key } from "../../lib/key.ts";
import { parseKey } from "../../stores/key.ts";
import { announceBatch, recordStored } from "../commit/announce.ts";
import { HISTORY } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import type { Target } from "../commit/feed-writer.ts";
import { uploadNotes } from "../commit/upload-notes.ts";

/**
 * The key depends only on the file and its content, so that a run after a crash does not keep the same content twice.
 * The path is hashed: it may be as long as a key, and then it would not fit into one.
 */
function historyKey({ key, modifiedAt, sha256 }: Pick<AssetRow, "key" | "modifiedAt" | "sha256">): Key {
  const path = createHash("sha256").update(key).digest("hex").slice(0, 32);
  const time = modifiedAt.toISOString().replaceAll(/[-:.]/g, "");
  return parseKey(`${HISTORY}/${path}/${time}-${sha256.slice(0, 32)}`);
}

/**
 * In a directory with versioning: copies the content of files to the history and records it. Call it before they are
 * overwritten or deleted. Returns the failures by path: the content of those files must not be changed.
 */
export async function keepContent(
  context: Context,
  target: Target,
  rows: readonly AssetRow[],
  reason: HistoryReason,
): Promise<Map<string, FeedctlError>> {
  const failures = new Map<string, FeedctlError>();
  const { feed, store, storeId, run } = target;
  if (!feed.versioning || rows.length === 0) return failures;
  const { db } = await context.catalog();
  const keyed = rows.map((row) => ({ row, key: historyKey(row) }));
  const existing = await listKeptKeys(
    db,
    feed.id,
    keyed.map(({ key }) => key),
  );
  const missing = keyed.filter(({ key }) => !existing.has(key));
  if (missing.length === 0) return failures;
  const ours = await announceBatch(
    context,
    target,
    missing.map(({ row, key }) => ({ key, sha256: row.sha256 })),
  );
  const notes = uploadNotes(context, store.name);
  const kept: NewKept[] = [];
  for await (const one of mapParallel(missing, context.concurrency, keep)) if (one !== undefined) kept.push(one);
  const keys = kept.map(({ key }) => key);
  const stored = kept.map(({ row, key }) => ({ key, sha256: row.sha256 }));
  await recordStored(context, target, stored, () =>
    commit(db, [target], async (transaction) => {
      await insertKept(transaction, feed.id, kept, { now: context.now(), actor: context.actor });
      await forgetDeletes(transaction, storeId, keys);
      await withdrawWrites(transaction, { storeId, runId: run.id }, keys);
    }),
  );
  return failures;

  async function keep({ row, key }: { row: AssetRow; key: Key }): Promise<NewKept | undefined> {
    try {
      if (!ours.has(key)) throw new FeedctlError("locked", "another run is changing the same file");
      const { signal } = context;
      const blob = await store.head(row.key, { signal });
      if (blob === undefined) throw new FeedctlError("not-found", "its blob is missing");
      const put = await copyBlob(context, {
        source: store,
        target: store,
        blob,
        as: key,
        ifExists: "fail",
        expected: row,
        notes,
        contentType: row.contentType,
      });
      return { row, key, storeTag: put.tag ?? null, reason };
    } catch (error) {
      if (!isRefusedBlob(error) && !isFeedctlError(error, "not-found", "locked")) throw error;
      failures.set(
        row.key,
        new FeedctlError(error.code, `its current content could not be kept: ${error.message}`, { cause: error }),
      );
      return undefined;
    }
  }
}
