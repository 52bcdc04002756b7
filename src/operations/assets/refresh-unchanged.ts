import { findAssets, touchAssets } from "../../catalog/assets/assets.ts";
import { isRetentionRunning } from "../../catalog/retention/quarantine.ts";
import { lockRows } from "../../catalog/packages.ts";
import type { AssetOutcome } from "./item.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";

/** Who uploads what is there already wants to have it: what a retention run is about to take is left. */
export async function claimUnchanged(
  context: Context,
  { feed }: Target,
  results: readonly AssetOutcome[],
): Promise<AssetOutcome[]> {
  const { db } = await context.catalog();
  const paths = results.flatMap(({ status, path }) => (status === "unchanged" ? [path] : []));
  if (paths.length === 0) return [...results];
  const there = (await isRetentionRunning(db, feed.id))
    ? await db.transaction().execute(async (transaction) => {
        // a batch of deletions ends before this looks
        await lockRows(transaction, feed.id, "shared");
        return touchAssets(transaction, feed.id, paths);
      })
    : await findAssets(db, feed.id, paths);
  return results.map((result) =>
    result.status !== "unchanged" || there.has(result.path)
      ? result
      : { ...result, status: "failed", reason: "it was deleted meanwhile; upload it again" },
  );
}
