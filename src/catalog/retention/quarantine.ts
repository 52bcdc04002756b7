import { sql } from "kysely";
import type { Key } from "../../lib/key.ts";
import { isProtected, likePattern, shownName } from "./like.ts";
import { filesChanged, keptChanged, takeItems, type TakenItems } from "./items.ts";
import type { Db } from "../schema/core.ts";

/** Why a version was hidden: the rule and the reason from the plan. */
export interface HiddenReason {
  rule: number;
  ruleName: string | null;
  reason: string;
}

/** Hides versions. After `until`, a later run deletes them. */
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

/**
 * Hidden versions, ordered by package and version. Both filters are patterns; `version` matches as written or
 * normalised.
 */
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

/**
 * SQL on `versions v` and `packages p`: the grace period is over, and the version is neither protected nor was used
 * since.
 */
const isDue = (now: Date) => sql`v.quarantined_until <= ${now}::timestamptz
  and not coalesce(v.last_used_at > v.quarantined_at, false) and not ${isProtected}`;

/** How many hidden versions a plan deletes because their days are over, and how many it shows again. */
export interface JudgedVersions {
  free: number;
  /** Positions of the rules that select those. */
  freeRules: number[];
  restore: number;
}

/**
 * In a plan's transaction, after the last rule: moves the hidden versions from its tables to `retention_hidden`. `step`
 * is `free` when a rule selects the version and its grace period is over, `restore` when no rule selects it any more or
 * it was used since it was hidden, else `wait`.
 */
export async function setHiddenApart(db: Db, now: Date): Promise<JudgedVersions> {
  await sql`create temporary table retention_hidden on commit drop as
    select w.id, w.row_version, w.bytes, w.files, coalesce(t.rule, 0) as rule, t.place, t.bytes_before, t.count_before,
      case when t.id is null or v.last_used_at > v.quarantined_at then 'restore'
        when v.quarantined_until <= ${sql.lit(now.toISOString())}::timestamptz then 'free' else 'wait' end as step
    from retention_work w join feedctl.versions v on v.id = w.id left join retention_taken t on t.id = w.id
    where w.hidden`.execute(db);
  const counts = await sql<JudgedVersions>`select count(*) filter (where step = 'free')::float8 as free,
    coalesce(array_agg(distinct rule) filter (where step = 'free'), '{}') as "freeRules",
    count(*) filter (where step = 'restore')::float8 as restore from retention_hidden`.execute(db);
  for (const table of ["retention_taken", "retention_kept", "retention_work"])
    await sql`delete from ${sql.raw(table)} t using retention_hidden h where h.id = t.id`.execute(db);
  return counts.rows[0] ?? { free: 0, freeRules: [], restore: 0 };
}

/**
 * Locks and returns the next hidden versions of a run's plan. Call it in a transaction. `changed` is set for a version
 * that somebody has shown again. For the step `free` it is also set for a version that differs from the plan: the version
 * itself, its files, or the versions of its package that the plan keeps.
 */
export async function takeHiddenItems(
  db: Db,
  runId: number,
  batch: { step: "free" | "restore"; limit: number },
  now: Date,
): Promise<TakenItems<HiddenVersion & { number: number }>> {
  const changed =
    batch.step === "restore"
      ? sql`v.quarantined_at is null`
      : sql`v.xmin::text <> t.row_version or not coalesce(${isDue(now)}, false) or ${filesChanged} or ${keptChanged}`;
  return takeItems(db, runId, batch, (items) => ({
    lock: sql`select v.id from feedctl.versions v join feedctl.retention_items t on t.item_id = v.id
      where ${items} order by v.id for update of v`,
    read: sql`select t.number::float8 as number, (${changed}) as changed, ${hiddenColumns}
      from feedctl.retention_items t join feedctl.versions v on v.id = t.item_id join feedctl.packages p on p.id = v.package_id
      where ${items} order by t.number`,
  }));
}

/** Unhides versions. Returns the ids of those that still were hidden: a run may have deleted some meanwhile. */
export async function unhideVersions(db: Db, ids: readonly number[]): Promise<Set<number>> {
  const rows = await sql<{ id: number }>`${unhide} where v.quarantined_at is not null and v.id in
    (select id::bigint from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as d(id))
    returning v.id::float8 as id`.execute(db);
  return new Set(rows.rows.map(({ id }) => id));
}

const unhide = sql`update feedctl.versions v set quarantined_at = null, quarantined_until = null, quarantine_run = null,
  quarantine_detail = null`;

/** Unhides those of the versions that were used at `since` or later. */
export async function unhideUsedSince(db: Db, ids: readonly number[], since: Date): Promise<VersionName[]> {
  const rows = await sql<VersionName>`${unhide} from feedctl.packages p
    where p.id = v.package_id and v.quarantined_at is not null and v.last_used_at >= ${since}::timestamptz
      and v.id in (select id::bigint from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as d(id))
    returning p.group_name as "group", p.name, v.version`.execute(db);
  return rows.rows;
}

type VersionName = Pick<HiddenVersion, "group" | "name" | "version">;

/** Unhides versions that were used after they were hidden: they are needed. */
export async function unhideUsed(db: Db, feedId: number): Promise<VersionName[]> {
  const rows = await sql<VersionName>`${unhide} from feedctl.packages p
    where p.id = v.package_id and p.feed_id = ${feedId}::int and v.last_used_at > v.quarantined_at
    returning p.group_name as "group", p.name, v.version`.execute(db);
  return rows.rows;
}

/** Unhides the versions of these files, because they are published again. */
export async function unhideByKeys(
  db: Db,
  feedId: number,
  keys: readonly string[],
): Promise<(VersionName & { key: Key })[]> {
  if (keys.length === 0) return [];
  const rows = await sql<VersionName & { key: Key }>`${unhide} from feedctl.packages p, feedctl.files f
    where p.id = v.package_id and f.version_id = v.id and f.feed_id = ${feedId}::int and v.quarantined_at is not null
      and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))
    returning p.group_name as "group", p.name, v.version, f.key`.execute(db);
  return rows.rows;
}

/** For each key that has a row: whether its version is hidden. */
export async function hiddenKeys(db: Db, feedId: number, keys: readonly string[]): Promise<Map<string, boolean>> {
  if (keys.length === 0) return new Map();
  const rows = await sql<{ key: Key; hidden: boolean }>`
    select f.key, v.quarantined_at is not null as hidden from feedctl.files f join feedctl.versions v on v.id = f.version_id
    where f.feed_id = ${feedId}::int and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`.execute(
    db,
  );
  return new Map(rows.rows.map((row) => [row.key, row.hidden]));
}

/** Whether a retention run of the feed may be active: its row says running, also after a crash. */
export async function isRetentionRunning(db: Db, feedId: number): Promise<boolean> {
  const rows = await sql<{ running: boolean }>`select exists (select from feedctl.runs
    where state = 'running' and feed_id = ${feedId}::int and command = 'retention run') as running`.execute(db);
  return rows.rows[0]?.running === true;
}

/**
 * Gives the rows of versions a new `xmin`, so that existing plans count them as changed. Returns the keys that have
 * rows.
 */
export async function touchVersions(db: Db, feedId: number, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const named = sql`f.feed_id = ${feedId}::int and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`;
  await sql`update feedctl.versions v set listed = v.listed from feedctl.files f where f.version_id = v.id and ${named}`.execute(
    db,
  );
  const rows = await sql<{ key: Key }>`select f.key from feedctl.files f where ${named}`.execute(db);
  return new Set(rows.rows.map(({ key }) => key));
}
