import { feedTotals, type FeedTotals } from "../../catalog/feeds.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import {
  insertStore,
  makeCurrent,
  replaceStore,
  listStoresOfFeed,
  updateStorePlace,
  type StoreRow,
} from "../../catalog/stores.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { overlap } from "../../stores/location.ts";
import type { StoreOption } from "../../stores/descriptor.ts";
import { isDirectory, optionsOf, providers, type StoreType } from "../../stores/providers.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { describeStore, type FeedStore } from "../feeds/feeds.ts";
import { explicitPlace, prepareStore, requireStore, type NewStore } from "../feed-store/open-feed-store.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { provePlace, requireFreePlace } from "../feed-store/prove-place.ts";
import { lockWholeFeed } from "../commit/lock-feed.ts";
import { examineNewStore } from "../feed-store/store-traits.ts";
import { sealStore } from "../feed-store/store-seal.ts";
import type { StoreOptions } from "../feed-store/store-secrets.ts";
import { checkControl } from "./test-store.ts";

export interface StoreTypeInfo {
  type: StoreType;
  title: string;
  /** `property` is the option's name in configuration files and plans. */
  options: (Pick<StoreOption, "flag" | "value" | "description" | "secret" | "proget"> & { property: string })[];
}

export function listStoreTypes(): StoreTypeInfo[] {
  return providers.map((provider) => ({
    type: provider.type,
    title: provider.title,
    options: optionsOf(provider).map(([property, { flag, value, description, secret, proget }]) => ({
      property,
      flag,
      ...(value !== undefined && { value }),
      description,
      ...(secret !== undefined && { secret }),
      ...(proget !== undefined && { proget }),
    })),
  }));
}

export interface StoreChange {
  feed: string;
  /** `unchanged`: the same location, perhaps with other credentials or options. */
  outcome: "changed" | "unchanged";
  store: FeedStore;
  before: FeedStore;
  /** What the catalog has rows for and is still in the earlier store. */
  leftBehind: FeedTotals;
}

/** Sets the store of a feed. Moves no files. */
export async function setStore(
  context: Context,
  name: string,
  type: StoreType,
  options: StoreOptions,
): Promise<StoreChange> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  // the lock keeps `migrate retire` from deleting files of the location that becomes the feed's store again
  await using lock = await lockWholeFeed(context, catalog, feed);
  return await commit(catalog.db, [lock], async (db) => {
    const current = await requireStore(db, feed);
    const next = await prepareStore(context, db, feed, { type, options });
    await refuseOverlap(context, db, feed, next.location);
    // a cloud is asked nothing before its first use: its credentials may exist elsewhere
    await using opened = isDirectory(next.config) ? await context.openStore(next.config) : undefined;
    if (opened !== undefined) {
      await requireFreePlace(context, db, { feed, store: opened });
      await checkControl(context, opened);
    }
    const before = await describeStore(context, db, feed, current);
    const explicit = await explicitPlace(context, db, feed, current);
    const same = overlap(next.location, explicit.location) === "same";
    const row = same
      ? await updatePlace(context, db, current, next)
      : await replace(context, db, current, { explicit, next });
    if (opened !== undefined) {
      await provePlace(context, db, { feed, row, location: next.location, store: opened }, "write");
      await examineNewStore(context, db, row, opened);
    }
    const store = await describeStore(context, db, feed, row);
    await insertAuditEvents(db, { runId: null, actor: context.actor, feedId: feed.id, now: context.now() }, [
      { action: "store set", object: feed.name, detail: { from: before.location, to: store.location } },
    ]);
    const noFiles = { packages: 0, versions: 0, files: 0, bytes: 0 };
    return {
      feed: feed.name,
      outcome: same ? "unchanged" : "changed",
      store,
      before,
      leftBehind: same ? noFiles : await feedTotals(db, feed.id),
    };
  });
}

async function updatePlace(context: Context, db: Db, row: StoreRow, next: NewStore): Promise<StoreRow> {
  await updateStorePlace(db, row.id, { options: next.options, location: next.savedLocation });
  await sealStore(context, db, row.id);
  return { ...row, options: next.options, location: next.savedLocation };
}

async function replace(
  context: Context,
  db: Db,
  current: StoreRow,
  { explicit, next }: { explicit: Parameters<typeof replaceStore>[2]; next: NewStore },
): Promise<StoreRow> {
  const feedId = current.feed_id;
  const now = context.now();
  await replaceStore(db, current.id, explicit, now);
  // an earlier store at the same location becomes current again: a location never has two rows
  const earlier = (await listStoresOfFeed(db, feedId)).find(
    (row) => row.location !== null && overlap(row.location, next.location) === "same",
  );
  if (earlier === undefined) {
    const inserted = await insertStore(db, {
      feedId,
      type: next.type,
      options: next.options,
      location: next.savedLocation,
      role: "current",
      now,
    });
    await sealStore(context, db, inserted.id);
    return inserted;
  }
  await makeCurrent(db, earlier.id);
  return updatePlace(context, db, { ...earlier, role: "current" }, next);
}
