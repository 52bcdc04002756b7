import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { findStore, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { NewStore } from "../feed-store/open-feed-store.ts";
import { provePlace, provePlaceAgain, requireFreePlace } from "../feed-store/prove-place.ts";
import { provingStore } from "../feed-store/proven-store.ts";
import { isSamePlace } from "../feed-store/same-place.ts";

/**
 * Opens the target of a migration before it is recorded. Throws `conflict` when its marker is of another feed, or when
 * it is the source by another name: two mounts of one disk, two names of one server.
 */
export async function openTarget(
  context: Context,
  db: Db,
  { feed, current, source, next }: { feed: FeedRow; current: StoreRow; source: Store; next: NewStore },
): Promise<Store> {
  const target = await context.openStore(next.config);
  try {
    const marker = await requireFreePlace(context, db, { feed, store: target });
    if (marker?.store === current.id && (await isSamePlace(context, source, target)))
      throw new FeedctlError("conflict", `${target.name} and ${source.name} are one place`, {
        hint: "nothing was copied; choose another target",
      });
    return target;
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw error;
  }
}

/** Marks the target of a recorded migration on first use. The result reads the marker again before it writes. */
export async function provenTarget(
  context: Context,
  db: Db,
  { feed, storeId, next, target }: { feed: FeedRow; storeId: number; next: NewStore; target: Store },
): Promise<Store> {
  const row = await findStore(db, storeId);
  if (row === undefined) throw new Error(`store ${storeId} of feed ${feed.id} is gone`);
  const place = { feed, row, location: next.location, store: target };
  const marker = await provePlace(context, db, place, "write");
  const prove = async () => {
    if (marker !== undefined) await provePlaceAgain(context, place, marker);
  };
  return provingStore(target, { prove, requireMarker: prove });
}
