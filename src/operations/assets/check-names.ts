import { listCaseTwins, listFolderConflicts, listPathConflicts, foldersAbove } from "../../catalog/assets/folders.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import { conflictReason } from "./match-assets.ts";
import { assetPathProblem } from "./paths.ts";

/** A path that is about to be created. */
export interface NewName {
  path: string;
  folder: boolean;
  /** Its source, for messages. */
  from: string;
}

export interface NameProblem extends NewName {
  status: "invalid" | "conflict";
  reason: string;
}

export interface NamesInput {
  feedId: number;
  store: Store;
  names: readonly NewName[];
  /** Refuse names that differ only in case on every store, not only on a disk that ignores case. For archives. */
  portable?: boolean | undefined;
}

const BATCH = 5000;

/** Names that are invalid, conflict with one another, or conflict with existing files and folders. Writes nothing. */
export async function checkNames(db: Db, { feedId, store, names, portable }: NamesInput): Promise<NameProblem[]> {
  const problems: NameProblem[] = [];
  const good: NewName[] = [];
  const bad = (name: NewName, status: NameProblem["status"], reason: string) =>
    void problems.push({ ...name, status, reason });

  for (const name of names) {
    const problem = assetPathProblem(name.path) ?? store.nameProblem?.(name.path as Key);
    if (problem !== undefined) bad(name, "invalid", `its name ${problem}`);
    else good.push(name);
  }
  const files = new Map<string, NewName>();
  for (const name of good) {
    if (name.folder) continue;
    const twin = files.get(name.path);
    if (twin === undefined) files.set(name.path, name);
    else bad(name, "conflict", `${twin.from} has the same path`);
  }
  const folders = new Set(
    good.flatMap(({ path, folder }) => (folder ? [path, ...foldersAbove(path)] : foldersAbove(path))),
  );
  for (const [path, name] of files) if (folders.has(path)) bad(name, "conflict", "a folder has the same path");

  const folds = await store.foldsCase?.();
  if (portable || folds) reportCaseTwins([...files.keys(), ...folders]);
  for (let start = 0; start < good.length; start += BATCH) await compareWithCatalog(good.slice(start, start + BATCH));
  return problems;

  function reportCaseTwins(paths: readonly string[]): void {
    const seen = new Map<string, string>();
    const named = new Map(good.map((name) => [name.path, name]));
    for (const path of paths) {
      const folded = path.normalize("NFC").toLowerCase();
      const twin = seen.get(folded);
      if (twin === undefined) seen.set(folded, path);
      else if (twin !== path) {
        const name = named.get(path) ?? { path, folder: true, from: path };
        bad(name, "conflict", `it differs from ${twin} only in case or Unicode normalization`);
      }
    }
  }

  async function compareWithCatalog(some: readonly NewName[]): Promise<void> {
    const fileConflicts = await listPathConflicts(
      db,
      feedId,
      some.filter(({ folder }) => !folder).map(({ path }) => path),
    );
    // an existing folder is fine: only a file at its path or at a parent's path conflicts
    const folderConflicts = await listFolderConflicts(
      db,
      feedId,
      some.filter(({ folder }) => folder).map(({ path }) => path),
    );
    for (const name of some) {
      const conflict = (name.folder ? folderConflicts : fileConflicts).get(name.path);
      if (conflict !== undefined) bad(name, "conflict", conflictReason(conflict));
    }
    if (!folds) return;
    const twins = await listCaseTwins(db, feedId, [
      ...new Set(some.flatMap(({ path }) => [path, ...foldersAbove(path)])),
    ]);
    for (const name of some) {
      const same = [name.path, ...foldersAbove(name.path)].find((path) => twins.has(path));
      if (same !== undefined) bad(name, "conflict", `${twins.get(same)} exists, and the disk treats both names as one`);
    }
  }
}
