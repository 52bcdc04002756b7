import { sql } from "kysely";
import { isProtected, likePattern, shownName } from "./like.ts";
import type { Db } from "../schema/core.ts";

/** Why a version was hidden, as the plan said it. */
export interface HiddenReason {
  rule: number;
  ruleName: string | null;
  reason: string;
}

/** Hides versions until a later run deletes them. */
export async function hideVersions(
  db: Db,
  versions: readonly { id: number; detail: HiddenReason }[],
  by: { runId: number; now: Date; until: Date },
): Promise<void> {
  await sql`
    update feedctl.versions v set quarantined_at = ${by.now}::timestamptz, quarantined_until = ${by.until}::timestamptz,
      quarantine_run = ${by.runId}::bigint, quarantine_detail = h.detail
    from jsonb_to_recordset(${JSON.stringify(versions)}::jsonb) as h(id bigint, detail jsonb) where v.id = h.id`.execute(
    db,
  );
}

export interface HiddenVersion {
  id: number;
  group: string;
  name: string;
  version: string;
  hiddenAt: Date;
  until: Date;
  run: number;
  detail: HiddenReason;
  bytes: number;
}

const hiddenColumns = sql`v.id::float8 as id, p.group_name as "group", p.name, v.version, v.quarantined_at as "hiddenAt",
  v.quarantined_until as until, v.quarantine_run::float8 as run, v.quarantine_detail as detail,
  (select coalesce(sum(f.size), 0)::float8 from feedctl.files f where f.version_id = v.id) as bytes`;
const hidden = sql`feedctl.packages p join feedctl.versions v on v.package_id = p.id and v.quarantined_at is not null`;

/** Hidden versions by package and version: both are patterns, `version` of it as spelled or normalised. */
export async function listHidden(
  db: Db,
  feedId: number,
  filter: { name?: string | undefined; version?: string | undefined } = {},
): Promise<HiddenVersion[]> {
  const rows = await sql<HiddenVersion>`select ${hiddenColumns} from ${hidden} where p.feed_id = ${feedId}::int
    ${filter.name === undefined ? sql`` : sql`and ${shownName} like ${likePattern(sql`${filter.name}::text`)}`}
    ${
      filter.version === undefined
        ? sql``
        : sql`and (lower(v.version collate "C") like ${likePattern(sql`${filter.version}::text`)}
            or lower(v.normalized_version) like ${likePattern(sql`${filter.version}::text`)})`
    }
    order by p.group_name, p.name_key, v.sort_key, v.id`.execute(db);
  return rows.rows;
}

/** Of `versions v` and `packages p`: hidden and to be deleted now. What was used or protected since then is not. */
const isDue = (now: Date) => sql`v.quarantined_until <= ${now}::timestamptz
  and not coalesce(v.last_used_at > v.quarantined_at, false) and not ${isProtected}`;

/** In a transaction: up to `limit` hidden versions whose time is over, locked. Those that are protected meanwhile wait. */
export async function lockExpiredVersions(db: Db, feedId: number, now: Date, limit: number): Promise<HiddenVersion[]> {
  const rows = await sql<HiddenVersion>`select ${hiddenColumns} from ${hidden}
    where p.feed_id = ${feedId}::int and ${isDue(now)}
    order by v.id limit ${limit} for update of v`.execute(db);
  return rows.rows;
}

export async function countExpired(db: Db, feedId: number, now: Date): Promise<number> {
  const rows = await sql<{ count: number }>`select count(*)::float8 as count from ${hidden}
    where p.feed_id = ${feedId}::int and ${isDue(now)}`.execute(db);
  return rows.rows[0]?.count ?? 0;
}

/** Shows versions again. Returns which: a run may have deleted some since they were looked up. */
export async function unhideVersions(db: Db, ids: readonly number[]): Promise<Set<number>> {
  const rows = await sql<{ id: number }>`${unhide} where v.quarantined_at is not null and v.id in
    (select id::bigint from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as d(id))
    returning v.id::float8 as id`.execute(db);
  return new Set(rows.rows.map(({ id }) => id));
}

const unhide = sql`update feedctl.versions v set quarantined_at = null, quarantined_until = null, quarantine_run = null,
  quarantine_detail = null`;

type Named = Pick<HiddenVersion, "group" | "name" | "version">;

/** Shows versions again that were used after they were hidden: somebody needs them. */
export async function unhideUsed(db: Db, feedId: number): Promise<Named[]> {
  const rows = await sql<Named>`${unhide} from feedctl.packages p
    where p.id = v.package_id and p.feed_id = ${feedId}::int and v.last_used_at > v.quarantined_at
    returning p.group_name as "group", p.name, v.version`.execute(db);
  return rows.rows;
}

/** Shows versions again to which these files belong: somebody publishes them once more. */
export async function unhideByKeys(
  db: Db,
  feedId: number,
  keys: readonly string[],
): Promise<(Named & { key: string })[]> {
  if (keys.length === 0) return [];
  const rows = await sql<Named & { key: string }>`${unhide} from feedctl.packages p, feedctl.files f
    where p.id = v.package_id and f.version_id = v.id and f.feed_id = ${feedId}::int and v.quarantined_at is not null
      and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))
    returning p.group_name as "group", p.name, v.version, f.key`.execute(db);
  return rows.rows;
}

/** Of files that have rows: whether their versions are hidden. */
export async function hiddenKeys(db: Db, feedId: number, keys: readonly string[]): Promise<Map<string, boolean>> {
  if (keys.length === 0) return new Map();
  const rows = await sql<{ key: string; hidden: boolean }>`
    select f.key, v.quarantined_at is not null as hidden from feedctl.files f join feedctl.versions v on v.id = f.version_id
    where f.feed_id = ${feedId}::int and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`.execute(
    db,
  );
  return new Map(rows.rows.map((row) => [row.key, row.hidden]));
}

/** Whether somebody may be making, or obeying, a plan for the feed. */
export async function isRetentionRunning(db: Db, feedId: number): Promise<boolean> {
  const rows = await sql<{ running: boolean }>`select exists (select from feedctl.runs
    where state = 'running' and feed_id = ${feedId}::int and command = 'retention run') as running`.execute(db);
  return rows.rows[0]?.running === true;
}

/** Makes the rows of versions new, so that a plan that means them is out of date. Returns which of the files have rows. */
export async function touchVersions(db: Db, feedId: number, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const named = sql`f.feed_id = ${feedId}::int and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`;
  await sql`update feedctl.versions v set listed = v.listed from feedctl.files f where f.version_id = v.id and ${named}`.execute(
    db,
  );
  const rows = await sql<{ key: string }>`select f.key from feedctl.files f where ${named}`.execute(db);
  return new Set(rows.rows.map(({ key }) => key));
}
