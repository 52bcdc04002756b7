import type { AssetRow } from "../../catalog/assets/assets.ts";
import { markVerified, type Verified } from "../../catalog/files.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { proveStored, type Proof } from "../commit/prove-stored.ts";

/** Rows whose blob is missing, or has other content, by key. */
export type LostBlobs = ReadonlyMap<string, "missing" | "other">;

/** Finds rows whose blob is missing from the store or damaged. Records the blobs that had to be read as verified. */
export async function findLost(
  context: Context,
  { store, proof }: { store: Store; proof: Proof },
  rows: readonly AssetRow[],
): Promise<LostBlobs> {
  const { db } = await context.catalog();
  const lost = new Map<string, "missing" | "other">();
  const read: Verified[] = [];
  const proofs = mapParallel(rows, context.concurrency, async (row) => ({
    row,
    presence: await proveStored(store, row, { proof, signal: context.signal }),
  }));
  for await (const { row, presence } of proofs) {
    if (presence.is !== "there") lost.set(row.key, presence.is);
    else if (presence.read) read.push({ id: row.id, storeTag: presence.tag });
  }
  await markVerified(db, read, context.now());
  return lost;
}
