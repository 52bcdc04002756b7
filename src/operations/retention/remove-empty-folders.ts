import { deleteEmptiedFolders, foldersAbove } from "../../catalog/assets/folders.ts";
import type { PlannedVersion } from "../../catalog/retention/plan.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { RetentionRule } from "./criteria.ts";
import type { Run } from "../commit/recorded-run.ts";

/** Removes the folders whose last file was deleted by a rule with `removeEmptyFolders`. Returns their paths, sorted. */
export async function removeEmptyFolders(
  db: Db,
  { feed, rules, run }: { feed: { id: number }; rules: readonly RetentionRule[]; run: Run },
  deleted: readonly Pick<PlannedVersion, "path" | "kept" | "rule">[],
): Promise<string[]> {
  if (!rules.some(({ criteria }) => criteria.removeEmptyFolders)) return [];
  // the rule that deletes the last file of a folder decides
  const last = new Map<string, boolean>();
  for (const { path, kept, rule } of deleted)
    if (path !== null && kept === null)
      for (const folder of foldersAbove(path)) last.set(folder, rules[rule - 1]?.criteria.removeEmptyFolders ?? false);
  const emptied = [...last].filter(([, isWanted]) => isWanted).map(([folder]) => folder);
  const removed = (await deleteEmptiedFolders(db, feed.id, emptied)).toSorted();
  await run.audit(
    db,
    removed.map((object) => ({ action: "folder deleted", object })),
  );
  return removed;
}
