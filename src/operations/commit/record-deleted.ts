import { storesHolding } from "../../catalog/migration/feed-migrations.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";
import type { Target } from "./feed-writer.ts";

/**
 * Records pending deletes for the keys of rows that the same transaction removes, in every store that may hold them.
 */
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
