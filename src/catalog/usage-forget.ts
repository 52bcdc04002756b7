import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

/** A counted log, as far as forgetting needs it. */
export interface ForgettableLog {
  id: number;
  /** False: a part of it was counted by an earlier version, which did not save what a log gave. */
  separable: boolean;
}

/** The record of a log by the hash of the bytes that were counted, hex; else by its name. */
export async function findCountedLogs(
  db: Db,
  feedId: number,
  { sha256, name }: { sha256?: string | undefined; name?: string | undefined },
): Promise<ForgettableLog[]> {
  const rows = await sql<ForgettableLog>`select id::float8 as id, separable from feedctl.usage_imports
    where feed_id = ${feedId}::int and (sha256 = decode(${sha256 ?? ""}::text, 'hex') or name = ${name ?? null}::text)
    order by id`.execute(db);
  return rows.rows;
}

/**
 * Takes back what a log gave to versions and assets, and its record. The last use of each is then the newest that other logs
 * show. Returns the number of downloads.
 */
export async function forgetLog(db: Db, id: number): Promise<number> {
  const gone = await sql<{ downloads: number }>`
    with given as (select version_id, file_id, downloads from feedctl.usage_counts where import_id = ${id}::bigint),
    versions as (update feedctl.versions v set downloads = greatest(0, v.downloads - g.downloads),
        last_used_at = (select max(c.last_at) from feedctl.usage_counts c
          where c.version_id = v.id and c.import_id is distinct from ${id}::bigint)
      from given g where v.id = g.version_id),
    assets as (update feedctl.assets a set downloads = greatest(0, a.downloads - g.downloads),
        last_used_at = (select max(c.last_at) from feedctl.usage_counts c
          where c.file_id = a.file_id and c.import_id is distinct from ${id}::bigint)
      from given g where a.file_id = g.file_id)
    select coalesce(sum(downloads), 0)::float8 as downloads from given`.execute(db);
  await sql`delete from feedctl.usage_imports where id = ${id}::bigint`.execute(db);
  return gone.rows[0]?.downloads ?? 0;
}

/** Takes back what all logs gave to a feed, those of earlier versions too. Returns the numbers of logs and downloads. */
export async function forgetAllLogs(db: Db, feedId: number): Promise<{ logs: number; downloads: number }> {
  const gone = await sql<{ downloads: number }>`
    with versions as (update feedctl.versions v set downloads = 0, last_used_at = null from feedctl.packages p,
        (select id, downloads from feedctl.versions) as old
      where p.id = v.package_id and p.feed_id = ${feedId}::int and v.last_used_at is not null and old.id = v.id
      returning old.downloads, v.id),
    assets as (update feedctl.assets a set downloads = 0, last_used_at = null from feedctl.files f,
        (select file_id, downloads from feedctl.assets) as old
      where f.id = a.file_id and f.feed_id = ${feedId}::int and a.last_used_at is not null and old.file_id = a.file_id
      returning old.downloads, a.file_id),
    counts as (delete from feedctl.usage_counts c
      where c.version_id in (select id from versions) or c.file_id in (select file_id from assets))
    select (coalesce((select sum(downloads) from versions), 0) + coalesce((select sum(downloads) from assets), 0))::float8
      as downloads`.execute(db);
  const logs = await sql`delete from feedctl.usage_imports where feed_id = ${feedId}::int`.execute(db);
  await sql`delete from feedctl.usage_rejects where feed_id = ${feedId}::int`.execute(db);
  return { logs: Number(logs.numAffectedRows ?? 0n), downloads: gone.rows[0]?.downloads ?? 0 };
}
