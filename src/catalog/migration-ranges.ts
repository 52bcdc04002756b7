import { sql, type Selectable } from "kysely";
import type { Db, MigrationRangesTable } from "./schema.ts";

export type RangeRow = Selectable<MigrationRangesTable>;

/** Divides a feed's keys into ranges of `size` rows, once; a migration that has ranges keeps them. Returns how many. */
export async function divideFeed(db: Db, migrationId: number, feedId: number, size: number): Promise<number> {
  await sql`
    insert into feedctl.migration_ranges (migration_id, number, lower, upper, cursor)
    select ${migrationId}::bigint, row_number() over (order by lower collate "C"), lower, upper, lower from (
      select coalesce(lag(key) over (order by key), '') as lower,
        case when lead(key) over (order by key) is null then null else key end as upper
      from (
        select key, row_number() over (order by key) as place, count(*) over () as total
        from feedctl.files where feed_id = ${feedId}
      ) numbered where place % ${size}::int = 0 or place = total
    ) bounds
    where not exists (select from feedctl.migration_ranges where migration_id = ${migrationId})`.execute(db);
  const found = await sql<{ count: number }>`
    select count(*)::int as count from feedctl.migration_ranges where migration_id = ${migrationId}`.execute(db);
  return found.rows[0]?.count ?? 0;
}

export async function unfinishedRanges(db: Db, migrationId: number): Promise<RangeRow[]> {
  return db
    .selectFrom("migration_ranges")
    .selectAll()
    .where("migration_id", "=", migrationId)
    .where("finished_at", "is", null)
    .orderBy("number")
    .execute();
}

/** Takes a range, from whoever had it. Undefined: it is finished. */
export async function claimRange(
  db: Db,
  range: { migrationId: number; number: number; claim: string; workerId: number | null; now: Date },
): Promise<RangeRow | undefined> {
  return db
    .updateTable("migration_ranges")
    .set({ claim: range.claim, worker_id: range.workerId, updated_at: range.now })
    .where("migration_id", "=", range.migrationId)
    .where("number", "=", range.number)
    .where("finished_at", "is", null)
    .returningAll()
    .executeTakeFirst();
}

export interface RangeStep {
  migrationId: number;
  number: number;
  claim: string;
  cursor: string;
  /** Since the last step. */
  copied: number;
  verified: number;
  failed: number;
  bytes: number;
  finished: boolean;
  now: Date;
}

/** Saves how far a range is. False: somebody else has taken it over, and this worker must let go of it. */
export async function advanceRange(db: Db, step: RangeStep): Promise<boolean> {
  const done = await sql`
    update feedctl.migration_ranges set cursor = ${step.cursor}, copied = copied + ${step.copied},
      verified = verified + ${step.verified}, failed = failed + ${step.failed}, bytes = bytes + ${step.bytes},
      updated_at = ${step.now}::timestamptz, finished_at = case when ${step.finished} then ${step.now}::timestamptz end
    where migration_id = ${step.migrationId} and number = ${step.number} and claim = ${step.claim}::uuid
      and finished_at is null`.execute(db);
  return (done.numAffectedRows ?? 0n) > 0n;
}

/** As `advanceRange`, when nothing is done yet. */
export async function keepRange(
  db: Db,
  range: { migrationId: number; number: number; claim: string; now: Date },
): Promise<boolean> {
  const done = await db
    .updateTable("migration_ranges")
    .set({ updated_at: range.now })
    .where("migration_id", "=", range.migrationId)
    .where("number", "=", range.number)
    .where("claim", "=", range.claim)
    .where("finished_at", "is", null)
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

export interface RangeTotals {
  ranges: number;
  finished: number;
  copied: number;
  verified: number;
  failed: number;
  bytes: number;
}

export async function rangeTotals(db: Db, migrationId: number): Promise<RangeTotals> {
  const found = await sql<RangeTotals>`
    select count(*)::int as ranges, count(finished_at)::int as finished, coalesce(sum(copied), 0)::float8 as copied,
      coalesce(sum(verified), 0)::float8 as verified, coalesce(sum(failed), 0)::float8 as failed,
      coalesce(sum(bytes), 0)::float8 as bytes
    from feedctl.migration_ranges where migration_id = ${migrationId}`.execute(db);
  return found.rows[0] as RangeTotals;
}

/** Nobody works on these ranges any more: whoever thinks so finds out with the next step. */
export async function releaseRanges(db: Db, migrationId: number, claim?: string): Promise<void> {
  let query = db.updateTable("migration_ranges").set({ claim: null }).where("migration_id", "=", migrationId);
  if (claim !== undefined) query = query.where("claim", "=", claim);
  await query.execute();
}

/** Ranges that somebody works on and has told so since then. */
export async function claimedRanges(db: Db, migrationId: number, since: Date): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from feedctl.migration_ranges where migration_id = ${migrationId}
      and finished_at is null and claim is not null and updated_at > ${since}::timestamptz`.execute(db);
  return found.rows[0]?.count ?? 0;
}
