import type { Location } from "../lib/location.ts";
import { sql, type Selectable } from "kysely";
import type { Db, SavedOptions, StoreRole, StoresTable } from "./schema/core.ts";

export type StoreRow = Selectable<StoresTable>;

export async function findCurrentStore(db: Db, feedId: number): Promise<StoreRow | undefined> {
  return db
    .selectFrom("stores")
    .selectAll()
    .where("feed_id", "=", feedId)
    .where("role", "=", "current")
    .executeTakeFirst();
}

/** Every feed's current store, by feed id. */
export async function currentStores(db: Db): Promise<Map<number, StoreRow>> {
  const rows = await db.selectFrom("stores").selectAll().where("role", "=", "current").execute();
  return new Map(rows.map((row) => [row.feed_id, row]));
}

/** Newest first. */
export async function listStoresOfFeed(db: Db, feedId: number): Promise<StoreRow[]> {
  return db.selectFrom("stores").selectAll().where("feed_id", "=", feedId).orderBy("id", "desc").execute();
}

/**
 * All stores that may hold files of a feed: current ones, targets of migrations, and previous ones that are not
 * retired.
 */
export async function listLiveStores(
  db: Db,
): Promise<(StoreRow & { feed_name: string | null; feed_type: string | null })[]> {
  return db
    .selectFrom("stores")
    .leftJoin("feeds", "feeds.id", "stores.feed_id")
    .selectAll("stores")
    .select(["feeds.name as feed_name", "feeds.type as feed_type"])
    .where("stores.retired_at", "is", null)
    .orderBy("stores.id")
    .execute();
}

/** Serialises the choice of a store location or drop path until the transaction ends: two could choose the same one. */
export async function lockPlaces(db: Db): Promise<void> {
  await sql`select from feedctl.mutexes where name = 'places' for update`.execute(db);
}

export async function insertStore(
  db: Db,
  store: { feedId: number; type: string; options: SavedOptions; location: Location | null; role: StoreRole; now: Date },
): Promise<StoreRow> {
  return db
    .insertInto("stores")
    .values({
      feed_id: store.feedId,
      type: store.type,
      options: JSON.stringify(store.options),
      location: store.location === null ? null : JSON.stringify(store.location),
      role: store.role,
      created_at: store.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Gives a store that follows the settings an explicit directory, or, with `pinned` false, makes it follow them again. */
export async function pinPlace(db: Db, id: number, place: StorePlace, pinned: boolean): Promise<void> {
  await updateStorePlace(db, id, place);
  await db.updateTable("stores").set({ pinned }).where("id", "=", id).execute();
}

/** Remembers what was found of a store's provider. */
export async function saveTraits(db: Db, id: number, { traits, now }: { traits: object; now: Date }): Promise<void> {
  await db
    .updateTable("stores")
    .set({ traits: JSON.stringify(traits), traits_at: now })
    .where("id", "=", id)
    .execute();
}

export interface StorePlace {
  options: SavedOptions;
  location: Location | null;
}

/** Makes a store a previous one. Saves its effective directory, because settings may change the default later. */
export async function replaceStore(db: Db, id: number, place: StorePlace, now: Date): Promise<void> {
  await updateStorePlace(db, id, place);
  await db.updateTable("stores").set({ role: "previous", replaced_at: now }).where("id", "=", id).execute();
}

/** Makes a previous or target store of a feed its current one. */
export async function makeCurrent(db: Db, id: number): Promise<void> {
  await db
    .updateTable("stores")
    .set({ role: "current", replaced_at: null, retired_at: null })
    .where("id", "=", id)
    .execute();
}

export async function findStore(db: Db, id: number): Promise<StoreRow | undefined> {
  return db.selectFrom("stores").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Records that the store's marker is in a place. From now on the place counts as the store's only with the marker. */
export async function recordMark(
  db: Db,
  id: number,
  { location, host, now }: { location: Location; host: string; now: Date },
): Promise<void> {
  await db
    .updateTable("stores")
    .set({ marked_at: now, marked_host: host, marked_location: JSON.stringify(location), probe: false })
    .where("id", "=", id)
    .execute();
}

/** Records that a store has no marker, so that its next write creates one. */
export async function forgetMark(db: Db, id: number): Promise<void> {
  const unmarked = { marked_at: null, marked_host: null, marked_location: null };
  await db.updateTable("stores").set(unmarked).where("id", "=", id).execute();
}

/** Makes a previous store, even a retired one, the target of a migration. */
export async function reuseAsTarget(db: Db, id: number, place: StorePlace): Promise<void> {
  await updateStorePlace(db, id, place);
  await db
    .updateTable("stores")
    .set({ role: "target", replaced_at: null, retired_at: null })
    .where("id", "=", id)
    .execute();
}

/** Forgets what was found of the provider when its location changes. */
export async function updateStorePlace(db: Db, id: number, place: StorePlace): Promise<void> {
  const location = place.location === null ? null : JSON.stringify(place.location);
  const isSame = sql`location is not distinct from ${location}::jsonb`;
  await db
    .updateTable("stores")
    .set({
      options: JSON.stringify(place.options),
      location,
      traits: sql`case when ${isSame} then traits end`,
      traits_at: sql`case when ${isSame} then traits_at end`,
    })
    .where("id", "=", id)
    .execute();
}

export async function markRetired(db: Db, id: number, now: Date): Promise<void> {
  await db.updateTable("stores").set({ retired_at: now }).where("id", "=", id).execute();
  await forgetMark(db, id);
}

/** The type of every feed's current store, by feed id. */
export async function currentStoreTypes(db: Db): Promise<Map<number, string>> {
  const rows = await db.selectFrom("stores").select(["feed_id", "type"]).where("role", "=", "current").execute();
  return new Map(rows.map((row) => [row.feed_id, row.type]));
}
