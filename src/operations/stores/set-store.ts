import { feedTotals, type FeedRow, type FeedTotals } from "../../catalog/feeds.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import {
  findStore,
  insertStore,
  makeCurrent,
  markRetired,
  replaceStore,
  listStoresOfFeed,
  updateStorePlace,
  type StoreRow,
} from "../../catalog/stores.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { overlap } from "../../stores/location.ts";
import type { Store } from "../../stores/store.ts";
import type { StoreTraits } from "../../stores/traits.ts";
import type { StoreOption } from "../../stores/descriptor.ts";
import { isDirectory, optionsOf, providers, type StoreType } from "../../stores/providers.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { describeStore, type FeedStore } from "../feeds/feeds.ts";
import {
  explicitPlace,
  prepareStore,
  requireStore,
  storeConfig,
  type NewStore,
} from "../feed-store/open-feed-store.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { provePlace, requireFreePlace } from "../feed-store/prove-place.ts";
import { lockWholeFeed } from "../commit/lock-feed.ts";
import { isSamePlace } from "../feed-store/same-place.ts";
import { examineNewStore, traitsOf } from "../feed-store/store-traits.ts";
import { sealStore } from "../feed-store/store-seal.ts";
import type { StoreOptions } from "../feed-store/store-secrets.ts";
import { clearUnused, isUnused } from "./retire-unused.ts";
import { checkControl, storeProbe } from "./test-store.ts";

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
  /** What was found of the provider; null: a disk, or it was not asked. */
  traits: StoreTraits | null;
  /** What the catalog has rows for and is still in the earlier store. */
  leftBehind: FeedTotals;
}

export interface StoreSetting {
  type: StoreType;
  options: StoreOptions;
  /** Whether a cloud is asked before it is saved. A disk always is. */
  check: boolean;
}

/** Sets the store of a feed. Moves no files. A store that holds none is retired, so that its place is free again. */
export async function setStore(
  context: Context,
  name: string,
  { type, options, check }: StoreSetting,
): Promise<StoreChange> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  // the lock keeps `migrate retire` from deleting files of the location that becomes the feed's store again
  await using lock = await lockWholeFeed(context, catalog, feed);
  let left: StoreRow | undefined;
  const change = await commit(catalog.db, [lock], async (db): Promise<StoreChange> => {
    const current = await requireStore(db, feed);
    const next = await prepareStore(context, db, feed, { type, options });
    await refuseOverlap(context, db, feed, next.location);
    // opening sends nothing; it refuses what the provider's client cannot use, such as a malformed connection string
    await using opened = await context.openStore(next.config);
    const isDisk = isDirectory(next.config);
    const probe = changesBlobs(type, next.options);
    const asked = isDisk || (check && (await tryPlace(context, opened, { probe })));
    const marker = asked ? await requireFreePlace(context, db, { feed, store: opened }) : undefined;
    if (isDisk) await checkControl(context, opened);
    const before = await describeStore(context, db, feed, current);
    const explicit = await explicitPlace(context, db, feed, current);
    const same =
      overlap(next.location, explicit.location) === "same" ||
      (marker?.store === current.id && (await isNewAddress(context, db, { feed, current, next, opened })));
    if (!same && (await isUnused(context, db, feed, current))) left = current;
    const row = same
      ? await updatePlace(context, db, current, next)
      : await replace(context, db, current, { explicit, next });
    if (left !== undefined) await markRetired(db, left.id, context.now());
    if (isDisk) await provePlace(context, db, { feed, row, location: next.location, store: opened }, "write");
    else if (asked) await examineNewStore(context, db, row, opened);
    const saved = await findStore(db, row.id);
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
      traits: (saved && traitsOf(saved)) ?? null,
      leftBehind: same || left !== undefined ? noFiles : await feedTotals(db, feed.id),
    };
  });
  if (left !== undefined) await clearUnused(context, catalog.db, { feed, row: left });
  return change;
}

/** Whether an option decides how blobs are stored. */
function changesBlobs(type: StoreType, given: NewStore["options"]): boolean {
  const provider = providers.find((each) => each.type === type);
  return provider !== undefined && optionsOf(provider).some(([name, { ofBlobs }]) => ofBlobs && given[name]);
}

/**
 * Whether the place that has the current store's marker is that store under another address. False for a copy of it, and
 * when the current store cannot be asked.
 */
async function isNewAddress(
  context: Context,
  db: Db,
  { feed, current, next, opened }: { feed: FeedRow; current: StoreRow; next: NewStore; opened: Store },
): Promise<boolean> {
  if (current.type !== next.type || (await findAt(db, feed.id, next)) !== undefined) return false;
  try {
    await using store = await context.openStore(await storeConfig(context, db, feed, current));
    return await isSamePlace(context, opened, store);
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    return false;
  }
}

/**
 * Lists the place, and with `probe` stores a blob, so that what the provider refuses is found before it is saved. Returns
 * false, with a notice, when this machine has no credentials: another machine may use the store, or this one after a sign-in.
 */
async function tryPlace(context: Context, store: Store, { probe }: { probe: boolean }): Promise<boolean> {
  try {
    for await (const _ of store.list("", { signal: context.signal })) break;
    if (!probe) return true;
    const traits = await store.examine?.({ folder: undefined, signal: context.signal });
    // a probe in a bucket that retains every blob could not be deleted
    if (traits?.lock?.days === undefined) await storeProbe(context, store);
    return true;
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    const { code, message, hint, cause, noCredentials } = error;
    if (noCredentials) {
      context.notice(`saved without asking the store: ${message}`);
      return false;
    }
    const way = "to save it without asking the store: --no-check";
    throw new FeedctlError(code, `nothing was saved: ${message}`, {
      hint: hint === undefined ? way : `${hint}; ${way}`,
      cause,
    });
  }
}

/** The feed's store, current or earlier, that is recorded at this location. */
async function findAt(db: Db, feedId: number, { location }: NewStore): Promise<StoreRow | undefined> {
  const stores = await listStoresOfFeed(db, feedId);
  return stores.find((row) => row.location !== null && overlap(row.location, location) === "same");
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
  const earlier = await findAt(db, feedId, next);
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
