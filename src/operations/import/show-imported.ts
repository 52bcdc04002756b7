import { lockRows } from "../../catalog/packages.ts";
import { hiddenKeys, isRetentionRunning, touchVersions, unhideByKeys } from "../../catalog/retention/quarantine.ts";
import type { Target } from "../commit/feed-writer.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { isInFeed, type ImportedFile, type PackageOutcome } from "./outcome.ts";

/**
 * Shows versions again that retention has hidden when one of their files is imported, and protects versions from a
 * running retention run. A conflict with a hidden version says that it is hidden.
 */
export async function showImported(
  context: Context,
  target: Target,
  outcomes: readonly PackageOutcome[],
): Promise<PackageOutcome[]> {
  const { db } = await context.catalog();
  const { feed, run } = target;
  const keysOf = (wanted: (result: ImportedFile) => boolean) =>
    outcomes.flatMap(({ result }) => (result.key !== null && wanted(result) ? [result.key] : []));
  const inFeed = keysOf(isInFeed);
  const hidden = await hiddenKeys(db, feed.id, [...inFeed, ...keysOf(({ status }) => status === "conflict")]);
  const isRunning = inFeed.length > 0 && (await isRetentionRunning(db, feed.id));
  const claimed = isRunning ? inFeed : inFeed.filter((key) => hidden.get(key) !== false);
  const gone = new Set(claimed);
  if (claimed.length > 0)
    await commit(db, [target], async (transaction) => {
      // waits until a batch of deletions has committed
      await lockRows(transaction, feed.id, "shared");
      const shown = await unhideByKeys(transaction, feed.id, claimed);
      for (const key of await touchVersions(transaction, feed.id, claimed)) gone.delete(key);
      await run.audit(
        transaction,
        shown.map(({ key }) => ({ action: "restored", object: key, detail: { reason: "imported again" } })),
      );
    });
  return outcomes.map(({ item, result }) => ({ item, result: withVisibility(result) }));

  function withVisibility(result: ImportedFile): ImportedFile {
    if (result.key === null) return result;
    if (isInFeed(result) && gone.has(result.key))
      return { ...result, status: "failed", reason: "it was deleted meanwhile; import it again" };
    if (hidden.get(result.key) !== true) return result;
    if (isInFeed(result))
      return { ...result, warnings: [...result.warnings, "was hidden by retention and is shown again"] };
    if (result.status === "conflict")
      return { ...result, reason: `${result.reason}, hidden by retention; see: feedctl retention restore` };
    return result;
  }
}
