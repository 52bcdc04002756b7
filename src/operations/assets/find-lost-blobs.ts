import type { AssetRow } from "../../catalog/assets/assets.ts";
import { markVerified, type Verified } from "../../catalog/files.ts";
import { mapParallel } from "../../lib/parallel.ts";
import type { Store } from "../../stores/store.ts";
import type { AssetItem } from "./item.ts";
import type { Context } from "../context.ts";
import { proveStored } from "../commit/prove-stored.ts";

/** Rows whose blob is missing, or has other content, by key. */
export type LostBlobs = ReadonlyMap<string, "missing" | "other">;

/**
 * Of the items whose row has the same content, finds those whose blob is missing or damaged. A row alone does not
 * justify deleting the source. Blobs that had to be read are recorded as verified.
 */
export async function findLost(
  context: Context,
  store: Store,
  items: readonly AssetItem[],
  rows: ReadonlyMap<string, AssetRow>,
): Promise<LostBlobs> {
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
