import { listAssetsAt, type AssetRow } from "../../catalog/assets/assets.ts";
import { listPathConflicts, type PathConflict } from "../../catalog/assets/folders.ts";
import type { Store } from "../../stores/store.ts";
import type { Proof } from "../commit/prove-stored.ts";
import type { Context } from "../context.ts";
import { findLost, type LostBlobs } from "./find-lost-blobs.ts";
import { assetOutcome, type AssetAnswer, type AssetItem, type AssetOutcome, type IfExists } from "./item.ts";

export type AssetRows = ReadonlyMap<string, AssetRow>;

/** The state of the directory at the paths of some items. */
export interface Existing {
  rows: AssetRows;
  conflicts: ReadonlyMap<string, PathConflict>;
  lost: LostBlobs;
  ifExists: IfExists;
}

/** Reads the state at the paths of the items, and checks the blobs of rows that have an item's content. */
export async function readExisting(
  context: Context,
  feedId: number,
  items: readonly AssetItem[],
  { ifExists, proof, store }: { ifExists: IfExists; proof: Proof; store: Store },
): Promise<Existing> {
  const { db } = await context.catalog();
  const keys = items.map(({ key }) => key);
  const rows = await listAssetsAt(db, feedId, keys);
  const conflicts = await listPathConflicts(db, feedId, keys);
  const lost = await findLost(context, { store, proof }, sameRows(items, rows));
  return { rows, conflicts, lost, ifExists };
}

/** The rows whose content is that of an item. */
function sameRows(items: readonly AssetItem[], rows: AssetRows): AssetRow[] {
  return items.flatMap((item) => {
    const row = rows.get(item.key);
    return row !== undefined && hasSameBytes(item, row) ? [row] : [];
  });
}

/** Splits items into those to be stored and those whose outcome is known. */
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

/** The outcome of an item that is not stored; undefined when it is to be stored. */
export function existingOutcome(item: AssetItem, existing: Existing): AssetOutcome | undefined {
  const { rows, conflicts, lost, ifExists } = existing;
  const conflict = conflicts.get(item.key);
  if (conflict !== undefined) return assetOutcome(item, "conflict", conflictReason(conflict));
  const row = rows.get(item.key);
  if (row === undefined) return undefined;
  const damage = lost.get(item.key);
  if (ifExists === "skip" && damage !== "missing") return assetOutcome(item, "skipped", "a file of that name exists");
  if (hasSameBytes(item, row)) {
    if (damage === undefined) return { ...assetOutcome(item, "unchanged"), contentType: row.contentType };
    if (damage === "missing" || ifExists === "replace") return undefined;
    const why = "its blob in the store does not match the catalog; overwrite it, or see: feedctl verify";
    return assetOutcome(item, "failed", why);
  }
  if (ifExists === "replace") return undefined;
  return assetOutcome(item, "conflict", "the directory has this file with other bytes");
}

/** The outcome of a stored item; `row`: the file at its path before, if any. */
export function storedOutcome(item: AssetItem, row: AssetRow | undefined): AssetOutcome {
  if (row === undefined) return assetOutcome(item, "stored");
  if (hasSameBytes(item, row)) return { ...assetOutcome(item, "stored"), restored: true };
  return assetOutcome(item, "overwritten");
}

export function hasSameBytes({ hashes }: AssetItem, row: AssetRow | undefined): boolean {
  return row?.sha256 === hashes.sha256;
}

export function conflictReason({ kind, by }: PathConflict): string {
  return kind === "folder" ? "a folder of that name exists" : `${by} is a file, not a folder`;
}
