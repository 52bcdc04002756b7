import { sql, type Selectable } from "kysely";
import { unchecked } from "../connection/check-keys.ts";
import type { Db } from "../schema/core.ts";
import type { MigrationPassesTable } from "../schema/migration.ts";

export type PassRow = Selectable<MigrationPassesTable>;

export interface PassStart {
  migrationId: number;
  kind: PassRow["kind"];
  runId: number;
  expectedBlobs: number;
  expectedBytes: number;
  now: Date;
}

/** Starts the next pass and deletes the failures of the one before. Returns its number, from 1. */
export async function startPass(db: Db, pass: PassStart): Promise<number> {
  await db.deleteFrom("migration_failures").where("migration_id", "=", pass.migrationId).execute();
  const row = await db
    .insertInto("migration_passes")
    .values(({ selectFrom, fn }) => ({
      migration_id: pass.migrationId,
      number: selectFrom("migration_passes")
        .select(sql<number>`coalesce(${fn.max("number")}, 0) + 1`.as("number"))
        .where("migration_id", "=", pass.migrationId),
      kind: pass.kind,
      run_id: pass.runId,
      started_at: pass.now,
      updated_at: pass.now,
      expected_blobs: pass.expectedBlobs,
      expected_bytes: pass.expectedBytes,
    }))
    .returning("number")
    .executeTakeFirstOrThrow();
  return row.number;
}

export type PassCounts = Partial<
  Pick<PassRow, "copied" | "verified" | "same" | "failed" | "stale" | "foreign_blobs" | "bytes">
>;

export async function updatePass(
  db: Db,
  { migrationId, number }: { migrationId: number; number: number },
  counts: PassCounts,
  { now, finished = false }: { now: Date; finished?: boolean },
): Promise<void> {
  await db
    .updateTable("migration_passes")
    .set({ ...counts, updated_at: now, ...(finished && { finished_at: now }) })
    .where("migration_id", "=", migrationId)
    .where("number", "=", number)
    .execute();
}

export async function listPasses(db: Db, migrationId: number): Promise<PassRow[]> {
  return db
    .selectFrom("migration_passes")
    .selectAll()
    .where("migration_id", "=", migrationId)
    .orderBy("number")
    .execute();
}

export interface Failure {
  /** As the row has it, which may be why it failed. */
  key: string;
  reason: string;
}

/** How many failures are saved. The pass itself has the full count. */
const MOST_FAILURES = 1000;

export async function saveFailures(
  db: Db,
  migrationId: number,
  failures: readonly Failure[],
  now: Date,
): Promise<void> {
  if (failures.length === 0) return;
  await sql`
    insert into feedctl.migration_failures (migration_id, key, reason, at)
    select ${migrationId}::bigint, f.key, f.reason, ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(failures.slice(0, MOST_FAILURES))}::jsonb) as f(key text, reason text)
    where (select count(*) from feedctl.migration_failures where migration_id = ${migrationId}) < ${MOST_FAILURES}
    on conflict (migration_id, key) do update set reason = excluded.reason, at = excluded.at`.execute(db);
}

export async function listFailures(db: Db, migrationId: number, limit: number): Promise<Failure[]> {
  const found = await sql<Failure>`
    select key, reason from feedctl.migration_failures where migration_id = ${migrationId}
    order by key limit ${limit}`.execute(unchecked(db));
  return found.rows;
}
