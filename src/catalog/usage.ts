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

/**
 * Adds downloads to versions and assets. Returns how many of the uses, and of their downloads, were of a known file.
 */
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

/** Counted logs with this first line. Each has the number of bytes counted, and the SHA-256 (hex) of those bytes. */
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
  /** SHA-256 of the first line, hex. */
  head: string;
  /** SHA-256 of the bytes counted so far, hex. */
  sha256: string;
  bytes: number;
  name: string;
}

/**
 * Records how far a log is counted, in the transaction that counts it. `before` is the hash of the record to replace.
 * Returns false when another run has counted the log at the same time.
 */
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
