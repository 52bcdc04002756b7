import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

/** Downloads of one file as a log names it; the first of the keys that the feed has is meant. */
export interface LoggedUse {
  keys: readonly string[];
  downloads: number;
  /** The newest; ISO 8601. */
  at: string;
}

/** Adds downloads to the versions and assets whose files were read. Returns how many of the uses and downloads had one. */
export async function recordUse(
  db: Db,
  feedId: number,
  uses: readonly LoggedUse[],
): Promise<{ known: number; downloads: number }> {
  if (uses.length === 0) return { known: 0, downloads: 0 };
  const done = await sql<{ known: number; downloads: number }>`
    with found as (
      select distinct on (u.number) u.number, f.version_id, a.file_id, (u.use->>'downloads')::bigint as downloads, (u.use->>'at')::timestamptz as at
      from jsonb_array_elements(${JSON.stringify(uses)}::jsonb) with ordinality as u(use, number),
        jsonb_array_elements_text(u.use->'keys') with ordinality as k(key, rank)
      join feedctl.files f on f.feed_id = ${feedId}::int and f.key = k.key
      left join feedctl.assets a on a.file_id = f.id
      where f.version_id is not null or a.file_id is not null
      order by u.number, k.rank),
    sums as (select version_id, file_id, sum(downloads)::bigint as downloads, max(at) as at from found group by version_id, file_id),
    used as (update feedctl.versions v set downloads = v.downloads + s.downloads, last_used_at = greatest(v.last_used_at, s.at)
      from sums s where v.id = s.version_id),
    used_assets as (update feedctl.assets a set downloads = a.downloads + s.downloads, last_used_at = greatest(a.last_used_at, s.at)
      from sums s where a.file_id = s.file_id)
    select (select count(*) from found)::float8 as known, (select coalesce(sum(downloads), 0) from found)::float8 as downloads`.execute(
    db,
  );
  return done.rows[0] ?? { known: 0, downloads: 0 };
}

/** Logs of this beginning that were counted, each up to so many bytes with that hash (hex). */
export async function listCountedLogs(
  db: Db,
  feedId: number,
  head: string,
): Promise<{ bytes: number; sha256: string }[]> {
  const rows = await sql<{ bytes: number; sha256: string }>`
    select bytes::float8 as bytes, encode(sha256, 'hex') as sha256 from feedctl.usage_imports
    where feed_id = ${feedId}::int and head = decode(${head}, 'hex') order by bytes`.execute(db);
  return rows.rows;
}

export interface CountedLog {
  head: string;
  sha256: string;
  bytes: number;
  name: string;
}

/** In the transaction that counts: so far the log is counted now. False: another run has counted it at the same time. */
export async function saveCountedLog(
  db: Db,
  feedId: number,
  log: CountedLog,
  { before, now }: { before: string | undefined; now: Date },
): Promise<boolean> {
  if (before !== undefined) {
    const gone = await sql`delete from feedctl.usage_imports
      where feed_id = ${feedId}::int and sha256 = decode(${before}, 'hex')`.execute(db);
    if (gone.numAffectedRows !== 1n) return false;
  }
  const saved = await sql`
    insert into feedctl.usage_imports (feed_id, sha256, head, bytes, name, imported_at)
    values (${feedId}::int, decode(${log.sha256}, 'hex'), decode(${log.head}, 'hex'), ${log.bytes}::bigint, ${log.name}::text, ${now}::timestamptz)
    on conflict do nothing`.execute(db);
  return saved.numAffectedRows === 1n;
}
