import { sql } from "kysely";
import type { Key } from "../../lib/key.ts";
import { takeItems, type TakenItems } from "./items.ts";
import { beginPlan, listPlan, type PlannedVersion } from "./plan.ts";
import { likePattern } from "./like.ts";
import type { Db } from "../schema/core.ts";

// The counterpart of plan.ts and items.ts for asset directories. An item is a current file, or earlier content that
// versioning has kept (`history`). A rule looks at one of the two kinds, never at both.

export const assetTables = sql`feedctl.files f left join feedctl.assets a on a.file_id = f.id
  left join feedctl.asset_history h on h.file_id = f.id`;
/** SQL: the path of a file, or of earlier content. */
export const assetPath = sql`coalesce(h.path, f.key)`;
/** When a current file was uploaded, or earlier content was overwritten or deleted. */
const since = sql`coalesce(h.kept_at, a.uploaded_at)`;
const rowVersion = sql`coalesce(h.xmin, a.xmin)::text`;

export async function prepareAssets(db: Db, feedId: number): Promise<void> {
  await beginPlan(db);
  await sql`create temporary table retention_work on commit drop as
    select f.id, h.file_id is not null as history, ${assetPath} collate "C" as path, lower(${assetPath} collate "C") as name,
      coalesce(a.downloads, 0) as downloads, ${since} as published_at, greatest(a.last_used_at, ${since}) as used_at,
      ${rowVersion} as row_version, false as hidden, f.size as bytes, 1 as files
    from ${assetTables} where f.feed_id = ${sql.lit(feedId)} and (a.file_id is not null or h.file_id is not null)`.execute(
    db,
  );
  await sql`analyze retention_work`.execute(db);
}

/** Exempts the files that `package protect` names, and their earlier content, from all rules. */
export async function keepProtectedAssets(db: Db, feedId: number): Promise<void> {
  for (const wild of [false, true]) {
    const named = wild
      ? sql`position('*' in r.package) > 0 and w.name like ${likePattern(sql`r.package`)}`
      : sql`position('*' in r.package) = 0 and w.name = lower(r.package collate "C")`;
    await sql`insert into retention_kept (id, protection)
      select w.id, r.id from feedctl.protections r join retention_work w on ${named}
      where r.feed_id = ${feedId}::int`.execute(db);
  }
}

/** Time of the newest known use of a file of the directory; null when none is known. */
export async function newestAssetUse(db: Db, feedId: number): Promise<Date | null> {
  const found = await sql<{ at: Date | null }>`select max(a.last_used_at) as at from feedctl.files f
    join feedctl.assets a on a.file_id = f.id where f.feed_id = ${feedId}::int`.execute(db);
  return found.rows[0]?.at ?? null;
}

const isProtectedAsset = sql`exists (select from feedctl.protections r where r.feed_id = f.feed_id
  and lower(${assetPath} collate "C") like ${likePattern(sql`r.package`)})`;

/** Columns of `t`, a selected item, joined with `assetTables`. */
const plannedColumns = sql`t.number::float8 as number, f.id::float8 as id, ${assetPath} as path, h.reason as kept,
  coalesce(substring(${assetPath} from '^(.*)/'), '') as "group", regexp_replace(${assetPath}, '^.*/', '') as name,
  case when h.file_id is null then '' else f.id::text end as version, '' as "normalizedVersion", t.rule, null::float8 as place,
  t.bytes_before::float8 as "bytesBefore", t.count_before::float8 as "countBefore", t.bytes::float8 as bytes, t.files,
  ${since} as "publishedAt", a.last_used_at as "lastUsedAt", coalesce(a.downloads, 0)::float8 as downloads`;

export function listAssetPlan(db: Db): AsyncGenerator<PlannedVersion> {
  return listPlan(db, plannedColumns, sql`(${assetTables}) on f.id = t.id`);
}

/** One file, or its earlier content, in the form of a planned item. */
export async function findPlanned(db: Db, feedId: number, fileId: number): Promise<PlannedVersion | undefined> {
  const found = await sql<PlannedVersion>`select ${plannedColumns}
    from (select 0 as number, 0 as rule, null::numeric as bytes_before, null::bigint as count_before, size as bytes, 1 as files, id
      from feedctl.files where id = ${fileId}::bigint and feed_id = ${feedId}::int) t
    join (${assetTables}) on f.id = t.id`.execute(db);
  return found.rows[0];
}

/** As `takeVersionItems`, for an asset directory. */
export async function takeAssetItems(db: Db, runId: number, limit: number): Promise<TakenItems> {
  return takeItems(db, runId, { step: "delete", limit }, (batch) => ({
    lock: sql`select a.file_id from feedctl.assets a join feedctl.retention_items t on t.item_id = a.file_id
      where ${batch} order by a.file_id for update of a`,
    read: sql`select ${plannedColumns}, (${rowVersion} <> t.row_version or f.size <> t.bytes or ${isProtectedAsset}) as changed
      from feedctl.retention_items t join (${assetTables}) on f.id = t.item_id where ${batch} order by t.number`,
  }));
}

/**
 * Deletes the rows of files and of earlier content. The files do not become earlier content, which would free no space.
 * The caller records pending deletes of the keys in the same transaction.
 */
export async function deleteAssetFileRows(
  db: Db,
  feedId: number,
  fileIds: readonly number[],
): Promise<{ itemId: number; key: Key }[]> {
  if (fileIds.length === 0) return [];
  const taken = await sql<{
    itemId: number;
    key: Key;
  }>`delete from feedctl.files where feed_id = ${feedId}::int and id in
    (select id::bigint from jsonb_array_elements_text(${JSON.stringify(fileIds)}::jsonb) as d(id))
    returning id::float8 as "itemId", key`.execute(db);
  return taken.rows;
}

/** How many items exist and are planned for deletion: current files and earlier content (`history`) apart. */
export async function countKinds(db: Db): Promise<{ history: boolean; all: number; planned: number }[]> {
  const rows = await sql<{ history: boolean; all: number; planned: number }>`
    select w.history, count(*)::float8 as "all", count(t.id)::float8 as planned
    from retention_work w left join retention_taken t on t.id = w.id group by w.history`.execute(db);
  return rows.rows;
}

/** SQL: the parent folders of a column's path. */
const above = (
  column: ReturnType<typeof sql>,
) => sql`(select array_to_string((string_to_array(${column}, '/'))[:n], '/') as folder
  from generate_series(1, cardinality(string_to_array(${column}, '/')) - 1) n)`;

/**
 * How many folders the plan would remove. The rule that selects the last file below a folder decides: `rules` are those
 * that remove empty folders. A folder stays when it was empty before, when it has a cache header or metadata, or when
 * a folder below it stays.
 */
export async function countEmptied(db: Db, feedId: number, rules: readonly number[]): Promise<number> {
  if (rules.length === 0) return 0;
  const rows = await sql<{ count: number }>`
    with last as (
      select u.folder, (array_agg(t.rule order by t.number desc))[1] as rule
      from retention_taken t join retention_work w on w.id = t.id and not w.history, lateral ${above(sql`w.path`)} u
      group by u.folder),
    candidates as (
      select o.path from last l join feedctl.asset_folders o on o.feed_id = ${feedId}::int and o.path = l.folder
      where l.rule in (${sql.join(rules.map((rule) => sql`${rule}::int`))}) and o.cache_control is null and o.metadata = '{}'),
    blocked as (
      select u.folder from retention_work w, lateral ${above(sql`w.path`)} u
      where not w.history and not exists (select from retention_taken t where t.id = w.id)
      union select u.folder from feedctl.asset_folders o, lateral ${above(sql`o.path`)} u
      where o.feed_id = ${feedId}::int and o.path not in (select path from candidates))
    select count(*)::float8 as count from candidates where path not in (select folder from blocked)`.execute(db);
  return rows.rows[0]?.count ?? 0;
}
