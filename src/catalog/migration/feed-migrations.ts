import type { Selectable } from "kysely";
import { findCurrentStore, type StoreRow } from "../stores.ts";
import type { Db } from "../schema/core.ts";
import type { MigrationPlan, MigrationRequest, MigrationsTable } from "../schema/migration.ts";

export type MigrationRow = Selectable<MigrationsTable>;

/** States of a migration that has neither switched nor been cancelled. */
const openStates = ["copying", "paused", "ready", "switching"] as const;

export async function findOpenMigration(db: Db, feedId: number): Promise<MigrationRow | undefined> {
  return db
    .selectFrom("migrations")
    .selectAll()
    .where("feed_id", "=", feedId)
    .where("state", "in", openStates)
    .executeTakeFirst();
}

export async function findMigration(db: Db, id: number): Promise<MigrationRow | undefined> {
  return db.selectFrom("migrations").selectAll().where("id", "=", id).executeTakeFirst();
}

/** The newest migration that switched, whether its old store was retired or not. */
export async function findSwitchedMigration(db: Db, feedId: number): Promise<MigrationRow | undefined> {
  return db
    .selectFrom("migrations")
    .selectAll()
    .where("feed_id", "=", feedId)
    .where("state", "in", ["switched", "retired"])
    .orderBy("id", "desc")
    .executeTakeFirst();
}

/** Newest first; of one feed, or of all. */
export async function listMigrations(db: Db, feedId?: number, openOnly = false): Promise<MigrationRow[]> {
  let query = db.selectFrom("migrations").selectAll().orderBy("id", "desc");
  if (feedId !== undefined) query = query.where("feed_id", "=", feedId);
  if (openOnly) query = query.where("state", "in", openStates);
  return query.execute();
}

export interface NewMigration {
  feedId: number;
  from: number;
  to: number;
  runId: number;
  plan: MigrationPlan;
  reverses: number | undefined;
  now: Date;
}

export async function insertMigration(db: Db, row: NewMigration): Promise<MigrationRow> {
  return db
    .insertInto("migrations")
    .values({
      feed_id: row.feedId,
      from_store_id: row.from,
      to_store_id: row.to,
      state: "copying",
      run_id: row.runId,
      plan: JSON.stringify(row.plan),
      reverses: row.reverses ?? null,
      started_at: row.now,
      updated_at: row.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export type MigrationChange = Partial<
  Pick<
    MigrationRow,
    | "state"
    | "run_id"
    | "switched_at"
    | "retired_at"
    | "finished_at"
    | "updated_at"
    | "blobs"
    | "bytes"
    | "request"
    | "requested_by"
    | "problem"
    | "frozen_milliseconds"
  >
> & { plan?: MigrationPlan };

export async function updateMigration(db: Db, id: number, { plan, ...change }: MigrationChange): Promise<void> {
  await db
    .updateTable("migrations")
    .set({ ...change, ...(plan !== undefined && { plan: JSON.stringify(plan) }) })
    .where("id", "=", id)
    .execute();
}

/** Resets a migration to `ready` after a cut-over that failed. A migration that has switched stays switched. */
export async function endCutOver(db: Db, id: number): Promise<void> {
  await db
    .updateTable("migrations")
    .set({ state: "ready" })
    .where("id", "=", id)
    .where("state", "in", ["copying", "switching"])
    .execute();
}

/** Leaves a request for the process that runs an open migration. Returns false when the migration is no longer open. */
export async function setMigrationRequest(db: Db, id: number, request: MigrationRequest, by: string): Promise<boolean> {
  const asked = await db
    .updateTable("migrations")
    .set({ request, requested_by: by })
    .where("id", "=", id)
    .where("state", "in", openStates)
    .executeTakeFirst();
  return asked.numUpdatedRows > 0n;
}

/** A store that may hold blobs of a feed. */
export interface HoldingStore {
  storeId: number;
  /** Only blobs that a migration copied belong to the feed; others at the same keys may be another program's. */
  copiesOnly: boolean;
}

/**
 * The feed's current store, those it was migrated from and that were not retired, and the target of an open migration.
 */
export async function storesHolding(db: Db, feedId: number): Promise<HoldingStore[]> {
  const current = await findCurrentStore(db, feedId);
  const left = (await listStoresToRetire(db, feedId)).map(({ id }) => id);
  const own = new Set([...(current === undefined ? [] : [current.id]), ...left]);
  const target = (await findOpenMigration(db, feedId))?.to_store_id;
  return [
    ...[...own].map((storeId) => ({ storeId, copiesOnly: false })),
    ...(target === undefined || own.has(target) ? [] : [{ storeId: target, copiesOnly: true }]),
  ];
}

/**
 * Whether a store of the feed holds files of its own from before, as the target of a rollback does. In any other store
 * the feed owns only what a migration copied there.
 */
export async function wasCurrentStore(db: Db, feedId: number, storeId: number): Promise<boolean> {
  return (await listStoresToRetire(db, feedId)).some(({ id }) => id === storeId);
}

/**
 * Stores that the feed was migrated from and that may still hold its old files, also while it is migrated back to one. In
 * the order in which it left them.
 */
export async function listStoresToRetire(db: Db, feedId: number): Promise<StoreRow[]> {
  const left = db
    .selectFrom("migrations")
    .select("from_store_id")
    .where("feed_id", "=", feedId)
    .where("state", "in", ["switched", "rolled-back"]);
  return db
    .selectFrom("stores")
    .selectAll()
    .where("id", "in", left)
    .where("role", "in", ["previous", "target"])
    .where("retired_at", "is", null)
    .orderBy("replaced_at")
    .orderBy("id")
    .execute();
}

/** Records that the old files of the migrations that left a store were deleted. */
export async function retireMigrations(db: Db, storeId: number, now: Date): Promise<void> {
  await db
    .updateTable("migrations")
    .set({ state: "retired", retired_at: now })
    .where("from_store_id", "=", storeId)
    .where("state", "=", "switched")
    .execute();
}
