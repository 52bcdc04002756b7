import { listAssetsAt, touchAssets } from "../../catalog/assets/assets.ts";
import { isRetentionRunning } from "../../catalog/retention/quarantine.ts";
import { lockRows } from "../../catalog/packages.ts";
import type { AssetAnswer } from "./item.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";

/**
 * Protects unchanged files from a running retention run: an upload counts as a use. Files that it has deleted meanwhile
 * become failures.
 */
export async function claimUnchanged(
  context: Context,
  target: Target,
  answers: readonly AssetAnswer[],
): Promise<AssetAnswer[]> {
  const { db } = await context.catalog();
  const { feed } = target;
  const paths = answers.flatMap(({ outcome }) => (outcome.status === "unchanged" ? [outcome.path] : []));
  if (paths.length === 0) return [...answers];
  const existing = (await isRetentionRunning(db, feed.id))
    ? await commit(db, [target], async (transaction) => {
        // waits until a batch of deletions has committed
        await lockRows(transaction, feed.id, "shared");
        return touchAssets(transaction, feed.id, paths);
      })
    : await listAssetsAt(db, feed.id, paths);
  const reason = "it was deleted meanwhile; upload it again";
  return answers.map(({ item, outcome }) =>
    outcome.status !== "unchanged" || existing.has(outcome.path)
      ? { item, outcome }
      : { item, outcome: { ...outcome, status: "failed", reason } },
  );
}
