import { storesToRetire } from "../../catalog/migration/feed-migrations.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";

/** In the transaction that removes rows: their blobs may go, from earlier stores too that still hold them. */
export async function recordGone(
  context: Context,
  transaction: Db,
  { feed, storeId, run }: Target,
  keys: readonly string[],
): Promise<void> {
  const stores = new Set([storeId, ...(await storesToRetire(transaction, feed.id))]);
  for (const id of stores) await recordDeletes(transaction, id, run.id, keys, context.now());
}
