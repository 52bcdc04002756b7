import { sql, type Selectable } from "kysely";
import type { Db } from "../schema/core.ts";
import type { MigrationRangesTable } from "../schema/migration.ts";

export type RangeRow = Selectable<MigrationRangesTable>;

// Heartbeat age is measured with the database clock: worker clocks disagree.

/**
 * Divides a feed's keys into ranges of `size` rows. A migration that has ranges keeps them. Returns how many there are.
 */
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

export async function listUnfinishedRanges(db: Db, migrationId: number): Promise<RangeRow[]> {
  return db
    .selectFrom("migration_ranges")
    .selectAll()
    .where("migration_id", "=", migrationId)
    .where("finished_at", "is", null)
    .orderBy("number")
    .execute();
}

/**
 * Claims a range, even one that another worker holds. Returns undefined when the range is finished or the migration is
 * not copying. The migration's row is locked meanwhile, so that the process that ends the migration sees all claims.
 */
export async function claimRange(
  db: Db,
  range: { migrationId: number; number: number; claim: string; workerId: number | null },
): Promise<RangeRow | undefined> {
  const claimed = await sql<RangeRow>`
    with wanted as (
      select id from feedctl.migrations where id = ${range.migrationId} and state = 'copying'
        and (request is null or request = 'cutover') for share
    )
    update feedctl.migration_ranges r
    set claim = ${range.claim}::uuid, worker_id = ${range.workerId}::bigint, updated_at = clock_timestamp()
    from wanted where r.migration_id = wanted.id and r.number = ${range.number} and r.finished_at is null
    returning r.*`.execute(db);
  return claimed.rows[0];
}

/** Ids of the migrations that are copying and have unfinished ranges. */
export async function listSharedMigrations(db: Db): Promise<number[]> {
  const found = await sql<{ id: number }>`
    select m.id from feedctl.migrations m
    where m.state = 'copying' and (m.request is null or m.request = 'cutover') and exists (
      select from feedctl.migration_ranges r where r.migration_id = m.id and r.finished_at is null)
    order by m.id`.execute(db);
  return found.rows.map((row) => row.id);
}

export interface RangeStep {
  migrationId: number;
  number: number;
  claim: string;
  cursor: string;
  /** This count and the next three are since the last step. */
  copied: number;
  verified: number;
  failed: number;
  bytes: number;
  finished: boolean;
}

/**
 * Saves the progress of a range. Returns false when another worker has claimed it: this one must stop working on it.
 */
export async function advanceRange(db: Db, step: RangeStep): Promise<boolean> {
  const done = await sql`
    update feedctl.migration_ranges set cursor = ${step.cursor}, copied = copied + ${step.copied},
      verified = verified + ${step.verified}, failed = failed + ${step.failed}, bytes = bytes + ${step.bytes},
      updated_at = clock_timestamp(), finished_at = case when ${step.finished} then clock_timestamp() end
    where migration_id = ${step.migrationId} and number = ${step.number} and claim = ${step.claim}::uuid
      and finished_at is null`.execute(db);
  return (done.numAffectedRows ?? 0n) > 0n;
}

/**
 * Whether this claim of a range still counts and its migration is still copying. Until the transaction ends, both stay
 * so: the migration cannot switch, end or be cancelled, and no other worker can claim the range.
 */
export async function proveClaim(
  db: Db,
  range: { migrationId: number; number: number; claim: string },
): Promise<boolean> {
  // the migration first, as in claimRange: two orders could deadlock
  const open = await sql`
    select id from feedctl.migrations where id = ${range.migrationId} and state = 'copying' for share`.execute(db);
  const claimed = await sql`
    select number from feedctl.migration_ranges where migration_id = ${range.migrationId} and number = ${range.number}
      and claim = ${range.claim}::uuid and finished_at is null for share`.execute(db);
  return open.rows.length === 1 && claimed.rows.length === 1;
}

/** Heartbeat of a range: as `advanceRange`, without progress. */
export async function touchRange(
  db: Db,
  range: { migrationId: number; number: number; claim: string },
): Promise<boolean> {
  const done = await sql`
    update feedctl.migration_ranges set updated_at = clock_timestamp()
    where migration_id = ${range.migrationId} and number = ${range.number} and claim = ${range.claim}::uuid
      and finished_at is null`.execute(db);
  return (done.numAffectedRows ?? 0n) > 0n;
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

/**
 * Releases all claims of a migration, or one. A worker that still copies such a range stops at its next step.
 */
export async function releaseRanges(db: Db, migrationId: number, claim?: string): Promise<void> {
  let query = db.updateTable("migration_ranges").set({ claim: null }).where("migration_id", "=", migrationId);
  if (claim !== undefined) query = query.where("claim", "=", claim);
  await query.execute();
}

/** How many unfinished ranges are claimed and had a heartbeat within this time. */
export async function countClaimedRanges(db: Db, migrationId: number, milliseconds: number): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from feedctl.migration_ranges where migration_id = ${migrationId}
      and finished_at is null and claim is not null
      and updated_at > clock_timestamp() - ${milliseconds}::float8 * interval '1 millisecond'`.execute(db);
  return found.rows[0]?.count ?? 0;
}

/** Numbers of the unfinished ranges that have no claim, or no heartbeat within this time: not begun, or abandoned. */
export async function listStaleRanges(db: Db, migrationId: number, milliseconds: number): Promise<number[]> {
  const found = await sql<{ number: number }>`
    select number from feedctl.migration_ranges where migration_id = ${migrationId} and finished_at is null
      and (updated_at is null or claim is null
        or updated_at < clock_timestamp() - ${milliseconds}::float8 * interval '1 millisecond')
    order by number`.execute(db);
  return found.rows.map((row) => row.number);
}
