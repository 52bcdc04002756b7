import { sql, type Selectable } from "kysely";
import type { Db, MigrationRangesTable } from "../schema/core.ts";

export type RangeRow = Selectable<MigrationRangesTable>;

// Who is silent, and for how long, is told by the catalog's clock: those of several machines never agree.

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
 * Takes a range, from whoever had it. Undefined: it is finished, or the migration is not copying (any more). The row of
 * the migration is locked for that moment, so that whoever ends it sees all claims.
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

/** Open migrations that have ranges to be worked on. */
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
  /** Since the last step. */
  copied: number;
  verified: number;
  failed: number;
  bytes: number;
  finished: boolean;
}

/** Saves how far a range is. False: somebody else has taken it over, and this worker must let go of it. */
export async function advanceRange(db: Db, step: RangeStep): Promise<boolean> {
  const done = await sql`
    update feedctl.migration_ranges set cursor = ${step.cursor}, copied = copied + ${step.copied},
      verified = verified + ${step.verified}, failed = failed + ${step.failed}, bytes = bytes + ${step.bytes},
      updated_at = clock_timestamp(), finished_at = case when ${step.finished} then clock_timestamp() end
    where migration_id = ${step.migrationId} and number = ${step.number} and claim = ${step.claim}::uuid
      and finished_at is null`.execute(db);
  return (done.numAffectedRows ?? 0n) > 0n;
}

/** As `advanceRange`, when nothing is done yet. */
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

/** Nobody works on these ranges any more: whoever thinks so finds out with the next step. */
export async function releaseRanges(db: Db, migrationId: number, claim?: string): Promise<void> {
  let query = db.updateTable("migration_ranges").set({ claim: null }).where("migration_id", "=", migrationId);
  if (claim !== undefined) query = query.where("claim", "=", claim);
  await query.execute();
}

/** Ranges that somebody works on and has told so within this time. */
export async function countClaimedRanges(db: Db, migrationId: number, milliseconds: number): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from feedctl.migration_ranges where migration_id = ${migrationId}
      and finished_at is null and claim is not null
      and updated_at > clock_timestamp() - ${milliseconds}::float8 * interval '1 millisecond'`.execute(db);
  return found.rows[0]?.count ?? 0;
}

/** Ranges to be done that nobody has told of for this time: not begun, or left by somebody who died. */
export async function listStaleRanges(db: Db, migrationId: number, milliseconds: number): Promise<number[]> {
  const found = await sql<{ number: number }>`
    select number from feedctl.migration_ranges where migration_id = ${migrationId} and finished_at is null
      and (updated_at is null or claim is null
        or updated_at < clock_timestamp() - ${milliseconds}::float8 * interval '1 millisecond')
    order by number`.execute(db);
  return found.rows.map((row) => row.number);
}
