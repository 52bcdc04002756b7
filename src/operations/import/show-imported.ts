import { lockRows } from "../../catalog/packages.ts";
import { hiddenKeys, isRetentionRunning, touchVersions, unhideByKeys } from "../../catalog/retention/quarantine.ts";
import type { Target } from "../commit/feed-writer.ts";
import type { Context } from "../context.ts";
import { isThere, type ImportedFile, type PackageOutcome } from "./outcome.ts";

/**
 * Versions that retention has hidden are shown again when one of their files is imported, and versions that a retention
 * run is about to delete are kept. A conflict with a hidden version says so.
 */
export async function showImported(
  context: Context,
  { feed, run }: Target,
  outcomes: readonly PackageOutcome[],
): Promise<PackageOutcome[]> {
  const { db } = await context.catalog();
  const keysOf = (wanted: (result: ImportedFile) => boolean) =>
    outcomes.flatMap(({ result }) => (result.key !== null && wanted(result) ? [result.key] : []));
  const there = keysOf(isThere);
  const hidden = await hiddenKeys(db, feed.id, [...there, ...keysOf(({ status }) => status === "conflict")]);
  const isRunning = there.length > 0 && (await isRetentionRunning(db, feed.id));
  const claimed = isRunning ? there : there.filter((key) => hidden.get(key) !== false);
  const gone = new Set(claimed);
  if (claimed.length > 0)
    await db.transaction().execute(async (transaction) => {
      // a batch of deletions ends before this looks
      await lockRows(transaction, feed.id, "shared");
      const shown = await unhideByKeys(transaction, feed.id, claimed);
      for (const key of await touchVersions(transaction, feed.id, claimed)) gone.delete(key);
      await run.audit(
        transaction,
        shown.map(({ key }) => ({ action: "restored", object: key, detail: { reason: "imported again" } })),
      );
    });
  return outcomes.map(({ item, result }) => ({ item, result: afterLook(result) }));

  function afterLook(result: ImportedFile): ImportedFile {
    if (result.key === null) return result;
    if (isThere(result) && gone.has(result.key))
      return { ...result, status: "failed", reason: "it was deleted meanwhile; import it again" };
    if (hidden.get(result.key) !== true) return result;
    if (isThere(result))
      return { ...result, warnings: [...result.warnings, "retention had hidden it; it is shown again"] };
    if (result.status === "conflict")
      return { ...result, reason: `${result.reason}, hidden by retention; see: feedctl retention restore` };
    return result;
  }
}
