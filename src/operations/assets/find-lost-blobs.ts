import type { AssetRow } from "../../catalog/assets/assets.ts";
import { markVerified, type Verified } from "../../catalog/files.ts";
import { mapParallel } from "../../lib/parallel.ts";
import type { Store } from "../../stores/store.ts";
import type { AssetItem } from "./item.ts";
import type { Context } from "../context.ts";
import { proveStored } from "../commit/prove-stored.ts";

/** What stands in the store instead of the bytes that a row speaks of, by key. */
export type Lost = ReadonlyMap<string, "missing" | "other">;

/**
 * Of items that rows have with the same bytes: those whose blobs are not in the store. Where somebody is about to delete
 * the file an item comes from, the row alone is not enough. What was read for it is recorded.
 */
export async function findLost(
  context: Context,
  store: Store,
  items: readonly AssetItem[],
  rows: ReadonlyMap<string, AssetRow>,
): Promise<Lost> {
  const { db } = await context.catalog();
  const same = items.flatMap(({ key, hashes }) => {
    const row = rows.get(key);
    return row?.sha256 === hashes.sha256 ? [row] : [];
  });
  const lost = new Map<string, "missing" | "other">();
  const read: Verified[] = [];
  const proofs = mapParallel(same, context.concurrency, async (row) => ({
    row,
    presence: await proveStored(store, row, context.signal),
  }));
  for await (const { row, presence } of proofs) {
    if (presence.is !== "there") lost.set(row.key, presence.is);
    else if (presence.read) read.push({ id: row.id, storeTag: presence.tag });
  }
  await markVerified(db, read, context.now());
  return lost;
}
