import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

/**
 * Downloads of one file, as a log names it. `keys` are candidates in order: the first that exists in the feed is used.
 */
export interface LoggedUse {
  keys: readonly string[];
  downloads: number;
  /** Time of the newest download, ISO 8601. */
  at: string;
}

export interface RecordedUse {
  known: number;
  downloads: number;
  hidden: number[];
}

/**
 * Adds downloads to versions and assets, and saves that the log `importId` gave them. Returns how many of the uses, and of their downloads, were of a known file.
 * `hidden`: the versions in quarantine that were used later than was known.
 */
export async function recordUse(
  db: Db,
  { feedId, importId }: { feedId: number; importId: number },
  uses: readonly LoggedUse[],
): Promise<RecordedUse> {
  if (uses.length === 0) return { known: 0, downloads: 0, hidden: [] };
  const done = await sql<RecordedUse>`
    with found as (
      select distinct on (u.number) u.number, f.version_id, a.file_id, (u.use->>'downloads')::bigint as downloads, (u.use->>'at')::timestamptz as at
      from jsonb_array_elements(${JSON.stringify(uses)}::jsonb) with ordinality as u(use, number),
        jsonb_array_elements_text(u.use->'keys') with ordinality as k(key, rank)
      join feedctl.files f on f.feed_id = ${feedId}::int and f.key = k.key
      left join feedctl.assets a on a.file_id = f.id
      where f.version_id is not null or a.file_id is not null
      order by u.number, k.rank),
    sums as (select version_id, file_id, sum(downloads)::bigint as downloads, max(at) as at from found group by version_id, file_id),
    hidden as (select v.id from feedctl.versions v join sums s on s.version_id = v.id
      where v.quarantined_at is not null and s.at > coalesce(v.last_used_at, '-infinity')),
    used as (update feedctl.versions v set downloads = v.downloads + s.downloads, last_used_at = greatest(v.last_used_at, s.at)
      from sums s where v.id = s.version_id),
    used_assets as (update feedctl.assets a set downloads = a.downloads + s.downloads, last_used_at = greatest(a.last_used_at, s.at)
      from sums s where a.file_id = s.file_id),
    of_versions as (insert into feedctl.usage_counts as c (import_id, version_id, downloads, last_at)
      select ${importId}::bigint, version_id, downloads, at from sums where version_id is not null
      on conflict (version_id, import_id) where version_id is not null
        do update set downloads = c.downloads + excluded.downloads, last_at = greatest(c.last_at, excluded.last_at)),
    of_assets as (insert into feedctl.usage_counts as c (import_id, file_id, downloads, last_at)
      select ${importId}::bigint, file_id, downloads, at from sums where version_id is null
      on conflict (file_id, import_id) where file_id is not null
        do update set downloads = c.downloads + excluded.downloads, last_at = greatest(c.last_at, excluded.last_at))
    select (select count(*) from found)::float8 as known, (select coalesce(sum(downloads), 0) from found)::float8 as downloads,
      (select coalesce(array_agg(id::float8), '{}') from hidden) as hidden`.execute(db);
  return done.rows[0] ?? { known: 0, downloads: 0, hidden: [] };
}

/** How much of a log was counted. */
export interface LogProgress {
  /** Of the bytes that were counted, uncompressed. */
  bytes: number;
  /** SHA-256 of those bytes, hex. */
  sha256: string;
  lines: number;
  unreadable: number;
  /** Times of the oldest and newest line; null when they are not known. */
  first: Date | null;
  last: Date | null;
}

/**
 * Counted logs with this first line, or that end before the end of it, the shortest first. Logs without a download of the
 * feed do not count as counted. `head`: SHA-256 of the first line, hex.
 */
export async function listCountedLogs(
  db: Db,
  feedId: number,
  { head, end }: { head: string; end: number },
): Promise<LogProgress[]> {
  const rows = await sql<LogProgress>`
    select bytes::float8 as bytes, encode(sha256, 'hex') as sha256, lines::float8 as lines, unreadable::float8 as unreadable,
      first_at as first, last_at as last from feedctl.usage_imports
    where feed_id = ${feedId}::int and (head = decode(${head}, 'hex') or bytes < ${end}::bigint)
      and matched order by bytes`.execute(db);
  return rows.rows;
}

export interface CountedLog extends LogProgress {
  /** SHA-256 of the first line, hex. */
  head: string;
  name: string;
  prefix: string;
  /** Whether it has a download of a file of the feed. */
  matched: boolean;
}

/** The id of a log's record: of the one with this hash of the bytes counted so far, hex; else a new one. */
export async function logRecordId(db: Db, feedId: number, before: string | undefined): Promise<number> {
  const found = await sql<{ id: number }>`
    select coalesce((select id from feedctl.usage_imports where feed_id = ${feedId}::int
      and sha256 = decode(${before ?? ""}::text, 'hex')), nextval('feedctl.usage_imports_id'))::float8 as id`.execute(
    db,
  );
  return found.rows[0]!.id;
}

/**
 * Records how far a log is counted, in the transaction that counts it. `before` is the hash of the record to replace.
 * Returns false when another run has counted the log at the same time.
 */
export async function saveCountedLog(
  db: Db,
  feedId: number,
  log: CountedLog,
  { id, before, now }: { id: number; before: string | undefined; now: Date },
): Promise<boolean> {
  await sql`delete from feedctl.usage_imports
    where feed_id = ${feedId}::int and head = decode(${log.head}, 'hex') and not matched`.execute(db);
  const members = sql`(feed_id, sha256, head, bytes, name, imported_at, first_at, last_at, lines, unreadable, prefix, matched)`;
  const values = sql`(${feedId}::int, decode(${log.sha256}, 'hex'), decode(${log.head}, 'hex'), ${log.bytes}::bigint, ${log.name}::text,
      ${now}::timestamptz, ${log.first}::timestamptz, ${log.last}::timestamptz, ${log.lines}::bigint,
      ${log.unreadable}::bigint, ${log.prefix}::text, ${log.matched}::boolean)`;
  const saved =
    before === undefined
      ? await sql`insert into feedctl.usage_imports
          (id, separable, feed_id, sha256, head, bytes, name, imported_at, first_at, last_at, lines, unreadable, prefix, matched)
        select ${id}::bigint, true, v.* from (values ${values}) as v on conflict (feed_id, sha256) do nothing`.execute(
          db,
        )
      : await sql`update feedctl.usage_imports set ${members} = ${values}
          where feed_id = ${feedId}::int and sha256 = decode(${before}, 'hex')
            and not exists (select from feedctl.usage_imports o where o.feed_id = ${feedId}::int
              and o.sha256 = decode(${log.sha256}, 'hex') and o.id <> ${id}::bigint)`.execute(db);
  return saved.numAffectedRows === 1n;
}

/** A log of which too many lines were not understood. */
export interface RejectedLog {
  name: string;
  lines: number;
  unreadable: number;
  /** Time of its newest line that was understood, or of the last change of the file. */
  last: Date;
  seenAt: Date;
}

export async function saveRejectedLog(db: Db, feedId: number, log: RejectedLog & { head: string }): Promise<void> {
  // the same log under an earlier name
  await sql`delete from feedctl.usage_rejects
    where feed_id = ${feedId}::int and head = decode(${log.head}, 'hex') and name <> ${log.name}::text`.execute(db);
  await sql`
    insert into feedctl.usage_rejects (feed_id, name, head, lines, unreadable, last_at, seen_at)
    values (${feedId}::int, ${log.name}::text, decode(${log.head}, 'hex'), ${log.lines}::bigint, ${log.unreadable}::bigint,
      ${log.last}::timestamptz, ${log.seenAt}::timestamptz)
    on conflict (feed_id, name) do update set head = excluded.head, lines = excluded.lines,
      unreadable = excluded.unreadable, last_at = excluded.last_at, seen_at = excluded.seen_at`.execute(db);
}

/** Deletes the record that a log was rejected: the log has this name now, or had another one. */
export async function deleteRejectedLog(
  db: Db,
  feedId: number,
  { name, head }: { name: string; head: string },
): Promise<void> {
  await sql`delete from feedctl.usage_rejects
    where feed_id = ${feedId}::int and (name = ${name}::text or head = decode(${head}, 'hex'))`.execute(db);
}

export async function listRejectedLogs(db: Db, feedId: number): Promise<RejectedLog[]> {
  const rows = await sql<RejectedLog>`select name, lines::float8 as lines, unreadable::float8 as unreadable,
      last_at as last, seen_at as "seenAt" from feedctl.usage_rejects
    where feed_id = ${feedId}::int order by last_at, name`.execute(db);
  return rows.rows;
}

/** Which time the counted logs of a feed cover. */
export interface LogCoverage {
  files: number;
  lines: number;
  unreadable: number;
  /** Times of the oldest and newest line; null when they are not known. */
  from: Date | null;
  until: Date | null;
}

/**
 * A log without a download of the feed belongs to it when another log with the same prefix has one: then the prefix is
 * right.
 */
export async function sumCoverage(db: Db, feedId: number): Promise<LogCoverage> {
  const found = await sql<LogCoverage>`
    select count(*)::float8 as files, coalesce(sum(lines), 0)::float8 as lines, coalesce(sum(unreadable), 0)::float8 as unreadable,
      min(first_at) as "from", max(last_at) as until
    from feedctl.usage_imports where ${ofFeed(feedId)}`.execute(db);
  return found.rows[0] ?? { files: 0, lines: 0, unreadable: 0, from: null, until: null };
}

const ofFeed = (feedId: number) => sql`feed_id = ${feedId}::int and (matched or prefix in (
  select prefix from feedctl.usage_imports where feed_id = ${feedId}::int and matched))`;

/** Days in UTC, `2026-02-06`, both included. */
export interface DayRange {
  from: string;
  until: string;
}

/** The days of a range that no counted log of the feed covers: none has lines both before and after them, or on them. */
export async function listUncoveredDays(db: Db, feedId: number, { from, until }: DayRange): Promise<DayRange[]> {
  const rows = await sql<DayRange>`
    with logs as (select (first_at at time zone 'UTC')::date as first, (last_at at time zone 'UTC')::date as last
        from feedctl.usage_imports where ${ofFeed(feedId)} and first_at is not null),
      days as (select day::date, day::date - (row_number() over (order by day))::int as run
        from generate_series(${from}::date, ${until}::date, interval '1 day') as d(day)
        where not exists (select from logs l where day::date between l.first and l.last))
    select min(day)::text as "from", max(day)::text as until from days group by run order by 1`.execute(db);
  return rows.rows;
}
