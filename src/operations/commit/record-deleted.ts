import { storesHolding } from "../../catalog/migration/feed-migrations.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";
import type { Target } from "./feed-writer.ts";

/** In the transaction that removes rows: records that their blobs may be deleted, in every store that may hold them. */
export async function recordDeleted(
  context: Context,
  transaction: Db,
  { feed, run }: Pick<Target, "feed" | "run">,
  keys: readonly string[],
): Promise<void> {
  const about = { runId: run.id, now: context.now() };
  for (const store of await storesHolding(transaction, feed.id))
    await recordDeletes(transaction, { ...store, ...about }, keys);
}
