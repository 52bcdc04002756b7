import { listCaseTwins, listFolderConflicts, listPathConflicts, foldersAbove } from "../../catalog/assets/folders.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Key } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import { obstacleReason } from "./match-assets.ts";
import { assetPathProblem } from "./paths.ts";

/** A path that is to come into being. */
export interface NewName {
  path: string;
  folder: boolean;
  /** Where it comes from, for people. */
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
  /** Refuse names that differ in case only on every store: of an archive, which may be unpacked elsewhere. */
  portable?: boolean | undefined;
}

const BATCH = 5000;

/** Which of the names can not be, by themselves, beside one another, or beside what is there. Writes nothing. */
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
  if (portable || folds) tellCaseTwins([...files.keys(), ...folders]);
  for (let start = 0; start < good.length; start += BATCH) await lookAround(good.slice(start, start + BATCH));
  return problems;

  function tellCaseTwins(paths: readonly string[]): void {
    const seen = new Map<string, string>();
    const named = new Map(good.map((name) => [name.path, name]));
    for (const path of paths) {
      const folded = path.normalize("NFC").toLowerCase();
      const twin = seen.get(folded);
      if (twin === undefined) seen.set(folded, path);
      else if (twin !== path) {
        const name = named.get(path) ?? { path, folder: true, from: path };
        bad(name, "conflict", `it differs from ${twin} in case or accents' form only`);
      }
    }
  }

  async function lookAround(some: readonly NewName[]): Promise<void> {
    const obstacles = await listPathConflicts(
      db,
      feedId,
      some.filter(({ folder }) => !folder).map(({ path }) => path),
    );
    // a folder may be there; only a file on its way or in its place hinders it
    const inTheWay = await listFolderConflicts(
      db,
      feedId,
      some.filter(({ folder }) => folder).map(({ path }) => path),
    );
    for (const name of some) {
      const obstacle = (name.folder ? inTheWay : obstacles).get(name.path);
      if (obstacle !== undefined) bad(name, "conflict", obstacleReason(obstacle));
    }
    if (!folds) return;
    const twins = await listCaseTwins(db, feedId, [
      ...new Set(some.flatMap(({ path }) => [path, ...foldersAbove(path)])),
    ]);
    for (const name of some) {
      const met = [name.path, ...foldersAbove(name.path)].find((path) => twins.has(path));
      if (met !== undefined) bad(name, "conflict", `${twins.get(met)} is there, which the disk does not tell from it`);
    }
  }
}
