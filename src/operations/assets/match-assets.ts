import { listAssetsAt, type AssetRow } from "../../catalog/assets/assets.ts";
import { listPathConflicts, type PathConflict } from "../../catalog/assets/folders.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { findLost, type Lost } from "./find-lost-blobs.ts";
import { assetOutcome, type AssetAnswer, type AssetItem, type AssetOutcome, type IfExists } from "./item.ts";

export type AssetRows = ReadonlyMap<string, AssetRow>;

/** What the directory has at the paths of some items. */
export interface Existing {
  rows: AssetRows;
  obstacles: ReadonlyMap<string, PathConflict>;
  lost: Lost;
  ifExists: IfExists;
}

const NONE: Lost = new Map();

/** With a `store` it is also proven that it has the blobs of those rows that have an item's bytes. */
export async function readExisting(
  context: Context,
  feedId: number,
  items: readonly AssetItem[],
  { ifExists, store }: { ifExists: IfExists; store: Store | undefined },
): Promise<Existing> {
  const { db } = await context.catalog();
  const keys = items.map(({ key }) => key);
  const rows = await listAssetsAt(db, feedId, keys);
  const obstacles = await listPathConflicts(db, feedId, keys);
  const lost = store === undefined ? NONE : await findLost(context, store, items, rows);
  return { rows, obstacles, lost, ifExists };
}

/** Parts the items that are to be stored from those whose outcome is known. */
export function splitByExisting(
  items: readonly AssetItem[],
  existing: Existing,
): { wanted: AssetItem[]; answered: AssetAnswer[] } {
  const wanted: AssetItem[] = [];
  const answered: AssetAnswer[] = [];
  for (const item of items) {
    const outcome = existingOutcome(item, existing);
    if (outcome === undefined) wanted.push(item);
    else answered.push({ item, outcome });
  }
  return { wanted, answered };
}

/** Undefined: the item is to be stored. */
export function existingOutcome(item: AssetItem, existing: Existing): AssetOutcome | undefined {
  const { rows, obstacles, lost, ifExists } = existing;
  const obstacle = obstacles.get(item.key);
  if (obstacle !== undefined) return assetOutcome(item, "conflict", obstacleReason(obstacle));
  const row = rows.get(item.key);
  if (row === undefined) return undefined;
  if (ifExists === "skip") return assetOutcome(item, "skipped", "a file of that name is there");
  if (hasSameBytes(item, row)) {
    const instead = lost.get(item.key);
    if (instead === undefined) return { ...assetOutcome(item, "unchanged"), contentType: row.contentType };
    if (instead === "missing" || ifExists === "replace") return undefined;
    const why = "the store holds other bytes for it than the catalog says; see: feedctl verify";
    return assetOutcome(item, "failed", why);
  }
  if (ifExists === "replace") return undefined;
  return assetOutcome(item, "conflict", "the directory has this file with other bytes");
}

/** The outcome of an item that was stored; `row`: what its path had before. */
export function storedOutcome(item: AssetItem, row: AssetRow | undefined): AssetOutcome {
  if (row === undefined) return assetOutcome(item, "stored");
  if (hasSameBytes(item, row)) return { ...assetOutcome(item, "stored"), restored: true };
  return assetOutcome(item, "overwritten");
}

export function hasSameBytes({ hashes }: AssetItem, row: AssetRow | undefined): boolean {
  return row?.sha256 === hashes.sha256;
}

export function obstacleReason({ kind, by }: PathConflict): string {
  return kind === "folder" ? "a folder of that name is there" : `the file ${by} stands where its folder should be`;
}
