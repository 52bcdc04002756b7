import type { Selectable } from "kysely";
import type { Db, MigrationsTable } from "./schema.ts";

export type MigrationRow = Selectable<MigrationsTable>;

export async function openMigration(db: Db, feedId: number): Promise<MigrationRow | undefined> {
  return db
    .selectFrom("migrations")
    .selectAll()
    .where("feed_id", "=", feedId)
    .where("state", "=", "copying")
    .executeTakeFirst();
}

/** The newest that switched, whether its old files still lie there or were retired. */
export async function switchedMigration(db: Db, feedId: number): Promise<MigrationRow | undefined> {
  return db
    .selectFrom("migrations")
    .selectAll()
    .where("feed_id", "=", feedId)
    .where("state", "in", ["switched", "retired"])
    .orderBy("id", "desc")
    .executeTakeFirst();
}

export async function insertMigration(
  db: Db,
  row: { feedId: number; from: number; to: number; runId: number; now: Date },
): Promise<MigrationRow> {
  return db
    .insertInto("migrations")
    .values({
      feed_id: row.feedId,
      from_store_id: row.from,
      to_store_id: row.to,
      state: "copying",
      run_id: row.runId,
      started_at: row.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

export type MigrationChange = Partial<Pick<MigrationRow, "state" | "switched_at" | "retired_at" | "blobs" | "bytes">>;

export async function updateMigration(db: Db, id: number, change: MigrationChange): Promise<void> {
  await db.updateTable("migrations").set(change).where("id", "=", id).execute();
}

/** Stores that the feed was migrated from and whose old files may still lie there. */
export async function storesToRetire(db: Db, feedId: number): Promise<number[]> {
  const rows = await db
    .selectFrom("migrations")
    .innerJoin("stores", "stores.id", "migrations.from_store_id")
    .select("stores.id")
    .distinct()
    .where("migrations.feed_id", "=", feedId)
    .where("migrations.state", "=", "switched")
    .where("stores.retired_at", "is", null)
    .execute();
  return rows.map((row) => row.id);
}
