import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  deleteFeedRow,
  feedTotals,
  findFeed,
  insertFeed,
  listFeeds as selectFeeds,
  updateFeed,
  type FeedRow,
  type FeedTotals,
} from "../../catalog/feeds.ts";
import { forgetDrops } from "../../catalog/drops.ts";
import { findOpenMigration } from "../../catalog/migration/feed-migrations.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import { currentStoreTypes, insertStore, replaceStore, listStoresOfFeed, type StoreRow } from "../../catalog/stores.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { MigrationState } from "../../catalog/schema/migration.ts";
import { FeedctlError } from "../../errors.ts";
import { MARKER_KEY } from "../../lib/key.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import { directoryLocation } from "../../stores/location.ts";
import { defaultStoreType, requireProvider, type StoreType } from "../../stores/providers.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { checkDropPath } from "../drop/check-path.ts";
import { dropPlaceChange } from "../drop/debian-options.ts";
import { loadSettings } from "../feed-store/effective-settings.ts";
import { defaultDirectory } from "../feed-store/default-directory.ts";
import { explicitPlace } from "../feed-store/open-feed-store.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import { earlierPlaces, placeOf } from "../feed-store/store-place.ts";
import { lockWholeFeed } from "../commit/lock-feed.ts";
import { requireFeed, lockLiveFeed } from "../feed-store/find-feed.ts";
import { describeOptions } from "../feed-store/store-secrets.ts";

export interface Feed {
  id: number;
  name: string;
  type: string;
  description: string | null;
  active: boolean;
  retentionRulesEnabled: boolean;
  dropPath: string | null;
  createdAt: Date;
}

export interface FeedStore {
  type: StoreType;
  /** The location in one line, without secrets. */
  location: string;
  /** For disk stores: why this directory is used; else null. */
  because: string | null;
  options: Record<string, string | boolean>;
}

export interface FeedDetails extends Feed, FeedTotals {
  store: FeedStore;
  /** The unfinished migration. `frozen`: writes to the feed are blocked now. */
  migration: { id: number; state: MigrationState; to: string; frozen: boolean } | null;
  /** Newest first. Files of the feed may remain in those that are not retired. */
  earlierStores: { location: string; replacedAt: Date | null; retiredAt: Date | null }[];
}

/** Allows the characters that a URL carries without escaping (RFC 3986, section 2.3). Throws `usage`. */
function checkFeedName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/.test(name)) {
    throw new FeedctlError("usage", `"${name}" is not a valid feed name`, {
      hint: "use 1 to 100 letters, digits or - . _ ~, beginning with a letter or digit",
    });
  }
  return name;
}

export async function createFeed(
  context: Context,
  input: { name: string; type: FeedType; description?: string | undefined },
): Promise<Feed> {
  checkFeedName(input.name);
  const { db } = await context.createCatalog();
  return commit(db, [], async (transaction) => {
    const now = context.now();
    const row = await insertWithNewId(context, transaction, {
      name: input.name,
      type: input.type,
      description: input.description ?? null,
      now,
    });
    if (row === undefined) {
      const other = await findFeed(transaction, input.name);
      throw new FeedctlError(
        "conflict",
        `${other?.type === "asset" ? "asset directory" : "feed"} "${other?.name ?? input.name}" already exists`,
        { hint: "feeds and asset directories share one name space" },
      );
    }
    await insertStore(transaction, {
      feedId: row.id,
      type: defaultStoreType,
      options: {},
      location: null,
      role: "current",
      now,
    });
    await audit(transaction, context, row, { action: "feed created", detail: { type: row.type } });
    return feedOf(row);
  });
}

/**
 * Inserts a feed with an id that no feed ever had. A catalog that was restored from an older backup gives ids again; the
 * directory of the feed that had one before holds its marker, and its files.
 */
async function insertWithNewId(
  context: Context,
  db: Db,
  feed: Parameters<typeof insertFeed>[1],
): Promise<FeedRow | undefined> {
  const settings = await loadSettings(context, db);
  for (;;) {
    const row = await insertFeed(db, feed);
    if (row === undefined) return undefined;
    const { path } = defaultDirectory(settings, row);
    // another feed's store may have been set to this directory
    await refuseOverlap(context, db, row, directoryLocation(path));
    if (!existsSync(join(path, MARKER_KEY))) return row;
    await deleteFeedRow(db, row.id);
    context.notice(`${path} holds the files of a feed that this catalog does not have: its id is not used again`);
  }
}

export async function listFeeds(context: Context): Promise<(Feed & { store: string })[]> {
  const { db } = await context.catalog();
  const storeOf = await currentStoreTypes(db);
  return (await selectFeeds(db)).map((row) => ({ ...feedOf(row), store: storeOf.get(row.id) ?? defaultStoreType }));
}

export async function showFeed(context: Context, name: string): Promise<FeedDetails> {
  const catalog = await context.catalog();
  const { db } = catalog;
  const feed = await requireFeed(db, name);
  const open = await findOpenMigration(db, feed.id);
  // a process that died during the cut-over leaves the state "switching", but not its lock
  await using free = open && (await catalog.lock({ kind: "write", id: feed.id, mode: "shared" }));
  const [current, ...earlier] = (await listStoresOfFeed(db, feed.id)).toSorted(
    (a, b) => Number(b.role === "current") - Number(a.role === "current") || b.id - a.id,
  );
  if (current === undefined) throw new Error(`feed ${feed.id} has no store`);
  return {
    ...feedOf(feed),
    ...(await feedTotals(db, feed.id)),
    store: await describeStore(context, db, feed, current),
    migration:
      open === undefined
        ? null
        : {
            id: open.id,
            state: open.state,
            to: earlier
              .filter(({ id }) => id === open.to_store_id)
              .map(placeOf)
              .join(),
            frozen: open.state === "switching" && free === undefined,
          },
    earlierStores: earlier
      .filter((row) => row.role === "previous")
      .map((row) => ({ location: placeOf(row), replacedAt: row.replaced_at, retiredAt: row.retired_at })),
  };
}

export async function describeStore(context: Context, db: Db, feed: FeedRow, row: StoreRow): Promise<FeedStore> {
  const { type, isLocal, pathOption } = requireProvider(row.type);
  const options = describeOptions(row.options);
  if (!isLocal) return { type, location: placeOf(row), because: null, options };
  const path = options[pathOption];
  if (typeof path === "string") return { type, location: path, because: "set for this feed", options };
  const directory = defaultDirectory(await loadSettings(context, db), feed);
  return { type, location: directory.path, because: directory.because, options };
}

export interface FeedSettings {
  description?: string | null | undefined;
  /** An absolute path; null removes it. */
  dropPath?: string | null | undefined;
  /** For packages in the drop path of a debian feed; null resets it to the default. */
  dropDistribution?: string | null | undefined;
  dropComponent?: string | null | undefined;
  active?: boolean | undefined;
  /** Whether runs apply the feed's retention rules. */
  retentionRulesEnabled?: boolean | undefined;
}

/** Throws `usage` when no setting is given. */
export async function setFeed(context: Context, name: string, change: FeedSettings): Promise<Feed> {
  if (Object.values(change).every((value) => value === undefined))
    throw new FeedctlError("usage", "nothing to change is given", { hint: "see: feedctl feed set --help" });
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const before = await lockLiveFeed(transaction, name);
    const { dropPath } = change;
    if (typeof dropPath === "string") await checkDropPath(context, transaction, before, dropPath);
    const place = await dropPlaceChange(before, change);
    // results of earlier scans do not apply to another directory, distribution or component
    if ((dropPath !== undefined && dropPath !== before.drop_path) || Object.keys(place).length > 0)
      await forgetDrops(transaction, before.id);
    const row = await updateFeed(transaction, before.id, {
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.dropPath === undefined ? {} : { drop_path: change.dropPath }),
      ...place,
      ...(change.active === undefined ? {} : { active: change.active }),
      ...(change.retentionRulesEnabled === undefined ? {} : { retention_rules_enabled: change.retentionRulesEnabled }),
    });
    const { dropDistribution, dropComponent, ...changed } = change;
    await audit(transaction, context, row, {
      action: "feed changed",
      detail: {
        ...changed,
        ...("drop_distribution" in place && { dropDistribution }),
        ...("drop_component" in place && { dropComponent }),
      },
    });
    return feedOf(row);
  });
}

export async function renameFeed(context: Context, name: string, to: string): Promise<Feed> {
  checkFeedName(to);
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const before = await lockLiveFeed(transaction, name);
    const other = await findFeed(transaction, to);
    if (other !== undefined && other.id !== before.id)
      throw new FeedctlError("conflict", `feed "${other.name}" already exists`);
    const row = await updateFeed(transaction, before.id, { name: to });
    await audit(transaction, context, row, { action: "feed renamed", detail: { from: before.name } });
    return feedOf(row);
  });
}

/**
 * Deletes a feed's rows and keeps its files; `filesAt` and `earlier` say where. The id, and with it the default directory, is never
 * reused.
 */
export async function deleteFeed(
  context: Context,
  name: string,
): Promise<{ feed: Feed; totals: FeedTotals; filesAt: string; earlier: string[] }> {
  const catalog = await context.catalog();
  const found = await requireFeed(catalog.db, name);
  await using lock = await lockWholeFeed(context, catalog, found);
  return await commit(catalog.db, [lock], async (transaction) => {
    const feed = await requireFeed(transaction, found);
    const totals = await feedTotals(transaction, feed.id);
    const stores = await listStoresOfFeed(transaction, feed.id);
    const current = stores.find((row) => row.role === "current");
    const filesAt = current === undefined ? "" : (await describeStore(context, transaction, feed, current)).location;
    await audit(transaction, context, feed, { action: "feed deleted", detail: { filesAt, ...totals } });
    if (current !== undefined)
      await replaceStore(
        transaction,
        current.id,
        await explicitPlace(context, transaction, feed, current),
        context.now(),
      );
    await deleteFeedRow(transaction, feed.id);
    return { feed: feedOf(feed), totals, filesAt, earlier: earlierPlaces(stores) };
  });
}

async function audit(
  db: Db,
  context: Context,
  feed: FeedRow,
  { action, detail }: { action: string; detail: Record<string, unknown> },
): Promise<void> {
  await insertAuditEvents(db, { runId: null, actor: context.actor, feedId: feed.id, now: context.now() }, [
    { action, object: feed.name, detail },
  ]);
}

function feedOf(row: FeedRow): Feed {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    description: row.description,
    active: row.active,
    retentionRulesEnabled: row.retention_rules_enabled,
    dropPath: row.drop_path,
    createdAt: row.created_at,
  };
}
