import type { Catalog } from "../../catalog/connection/catalog.ts";
import {
  insertMigration,
  findMigration,
  findOpenMigration,
  findSwitchedMigration,
  updateMigration,
  type MigrationRow,
} from "../../catalog/migration/feed-migrations.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { MigrationPlan } from "../../catalog/schema/migration.ts";
import { insertStore, reuseAsTarget, listStoresOfFeed, updateStorePlace, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { locationName, locationOf, overlap } from "../../stores/location.ts";
import type { StoreType } from "../../stores/providers.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import {
  followsSettings,
  explicitPlace,
  type ExplicitPlace,
  prepareStore,
  requireStore,
  storeConfig,
  type NewStore,
} from "../feed-store/open-feed-store.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import type { Run } from "../commit/recorded-run.ts";
import { sealStore } from "../feed-store/store-seal.ts";
import type { StoreOptions } from "../feed-store/store-secrets.ts";

/** What to migrate to: a new store, the target of the open migration, or the store before the last migration. */
export type MigrationGoal = { to: StoreType; options: StoreOptions } | "resume" | "rollback";

/** Source and target of a migration, before it is recorded. */
export interface Ends {
  /** The feed's current store. */
  current: StoreRow;
  /** Its location, explicit even when it follows the settings. */
  from: ExplicitPlace;
  /** The store to migrate to. */
  next: NewStore;
  /** The feed's unfinished migration, if it has one. */
  open: MigrationRow | undefined;
  /** The migration that this one rolls back. */
  reverses: MigrationRow | undefined;
  /** Names of source and target, for messages. */
  names: { from: string; to: string };
}

/** Resolves source and target. Throws `not-found` when there is nothing to resume or to roll back. */
export async function resolveEnds(context: Context, db: Db, feed: FeedRow, goal: MigrationGoal): Promise<Ends> {
  const current = await requireStore(db, feed);
  const from = await explicitPlace(context, db, feed, current);
  const open = await findOpenMigration(db, feed.id);
  const found = await nextStore();
  const names = { from: locationName(from.location), to: locationName(found.next.location) };
  return { current, from, open, names, ...found };

  async function nextStore(): Promise<Pick<Ends, "next" | "reverses">> {
    if (goal === "resume") return resumed();
    if (goal === "rollback") return reversed();
    return {
      next: await prepareStore(context, db, feed, { type: goal.to, options: goal.options }),
      reverses: undefined,
    };
  }

  async function resumed() {
    if (open === undefined)
      throw new FeedctlError("not-found", `feed "${feed.name}" has no unfinished migration`, {
        hint: `see: feedctl migrate history ${feed.name}`,
      });
    return { next: await savedStore(context, db, feed, open.to_store_id), reverses: await reversedBy(open) };
  }

  async function reversed() {
    if (open !== undefined && open.reverses !== null) return resumed();
    if (open !== undefined)
      throw new FeedctlError("conflict", `feed "${feed.name}" is in the middle of a migration`, {
        hint: `give it up: feedctl migrate cancel ${feed.name}`,
      });
    const last = await findSwitchedMigration(db, feed.id);
    if (last === undefined || last.to_store_id !== current.id)
      throw new FeedctlError("not-found", `feed "${feed.name}" has no migration to roll back`, {
        hint: `see: feedctl migrate history ${feed.name}`,
      });
    // after a rollback the target is the current store, so that a second rollback finds nothing to do
    const back = last.reverses === null ? last.from_store_id : last.to_store_id;
    return { next: await savedStore(context, db, feed, back), reverses: last };
  }

  async function reversedBy(migration: MigrationRow) {
    return migration.reverses === null ? undefined : findMigration(db, migration.reverses);
  }
}

/** Opens the row of a feed's store as migration target. Throws `conflict` when its default directory has changed. */
async function savedStore(context: Context, db: Db, feed: FeedRow, storeId: number): Promise<NewStore> {
  const row = (await listStoresOfFeed(db, feed.id)).find((store) => store.id === storeId);
  if (row === undefined) throw new Error(`store ${storeId} of feed ${feed.id} is gone`);
  const config = await storeConfig(context, db, feed, row);
  const location = locationOf(config);
  if (row.location !== null && overlap(location, row.location) !== "same")
    throw new FeedctlError(
      "conflict",
      `the default directory of feed "${feed.name}" has changed since the migration began`,
      {
        hint: `give the migration up (feedctl migrate cancel ${feed.name}) and start it again`,
      },
    );
  return {
    type: config.type,
    options: row.options,
    config,
    location,
    savedLocation: followsSettings(config.type, row.options) ? null : location,
  };
}

/** Records a migration, or resumes the open one. From here on the target is reserved for the feed. */
export async function recordMigration(
  context: Context,
  {
    catalog,
    feed,
    ends,
    run,
    holders,
  }: { catalog: Catalog; feed: FeedRow; ends: Ends; run: Run; holders: readonly Holder[] },
  plan: MigrationPlan,
): Promise<MigrationRow> {
  const { current, next, reverses } = ends;
  return commit(catalog.db, holders, async (db) => {
    await refuseOverlap(context, db, feed, next.location);
    const stores = await listStoresOfFeed(db, feed.id);
    // until the switch even a default directory is saved as an explicit location, so that a later run finds it
    const place = { options: next.options, location: next.location };
    const open = await findOpenMigration(db, feed.id);
    if (open !== undefined) {
      const row = stores.find((store) => store.id === open.to_store_id);
      const where = row?.location;
      if (where && overlap(where, next.location) === "same") {
        await updateStorePlace(db, open.to_store_id, place);
        await sealStore(context, db, open.to_store_id);
        const now = context.now();
        const begun = {
          state: "copying",
          run_id: run.id,
          plan,
          request: null,
          problem: null,
          updated_at: now,
        } as const;
        await updateMigration(db, open.id, begun);
        return { ...open, plan, state: "copying" };
      }
      throw new FeedctlError(
        "conflict",
        `feed "${feed.name}" has an unfinished migration to ${where ? locationName(where) : "its default directory"}`,
        {
          hint: `continue it: feedctl migrate resume ${feed.name}; or give it up: feedctl migrate cancel ${feed.name}`,
        },
      );
    }
    const earlier = stores.find(
      (store) =>
        store.role === "previous" && store.location !== null && overlap(store.location, next.location) === "same",
    );
    if (earlier !== undefined) await reuseAsTarget(db, earlier.id, place);
    const store =
      earlier ??
      (await insertStore(db, {
        feedId: feed.id,
        type: next.type,
        options: next.options,
        location: next.location,
        role: "target",
        now: context.now(),
      }));
    await sealStore(context, db, store.id);
    return insertMigration(db, {
      feedId: feed.id,
      from: current.id,
      to: store.id,
      runId: run.id,
      plan,
      reverses: reverses?.id,
      now: context.now(),
    });
  });
}
