import { sql } from "kysely";
import type { FeedRow } from "./feeds.ts";
import type { Db } from "./schema/core.ts";

/** A file that a scan of a drop path left there, as it was at the time of the scan. */
export interface DropFile {
  /** Relative to the drop path, with `/`. */
  path: string;
  size: number;
  modified: Date;
  /** When anything about the file changed, its properties included. Null when an older feedctl recorded it. */
  changed: Date | null;
  /** `kept`: the feed has it, and a file beside it that could not be imported needs it. */
  status: "conflict" | "invalid" | "failed" | "kept";
  reason: string;
  seenAt: Date;
}

export interface DropScan {
  scannedAt: Date;
  imported: number;
  problem: string | null;
}

export async function listFeedsWithDropPath(db: Db): Promise<FeedRow[]> {
  return db
    .selectFrom("feeds")
    .selectAll()
    .where("drop_path", "is not", null)
    .orderBy(sql`lower(name collate "C")`)
    .execute();
}

/** The files that earlier scans left in the drop path, by path. */
export async function readDropFiles(db: Db, feedId: number): Promise<Map<string, DropFile>> {
  const found = await sql<DropFile>`
    select path, size::float8 as size, modified, changed, status, reason, seen_at as "seenAt" from feedctl.drop_files
    where feed_id = ${feedId} order by path`.execute(db);
  return new Map(found.rows.map((row) => [row.path, row]));
}

/** Inserts or updates all files in one statement, so no path may occur twice. */
export async function saveDropFiles(db: Db, feedId: number, files: readonly DropFile[]): Promise<void> {
  if (files.length === 0) return;
  await sql`
    insert into feedctl.drop_files (feed_id, path, size, modified, changed, status, reason, seen_at)
    select ${feedId}::int, f.path, f.size, f.modified, f.changed, f.status, f.reason, f."seenAt"
    from jsonb_to_recordset(${JSON.stringify(files)}::jsonb)
      as f(path text, size bigint, modified timestamptz, changed timestamptz, status text, reason text,
        "seenAt" timestamptz)
    on conflict (feed_id, path) do update set size = excluded.size, modified = excluded.modified, changed = excluded.changed,
      status = excluded.status, reason = excluded.reason, seen_at = excluded.seen_at`.execute(db);
}

export async function removeDropFiles(db: Db, feedId: number, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  await sql`delete from feedctl.drop_files where feed_id = ${feedId}
    and path in (select jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb))`.execute(db);
}

export async function readDropScan(db: Db, feedId: number): Promise<DropScan | undefined> {
  const row = await db.selectFrom("drop_scans").selectAll().where("feed_id", "=", feedId).executeTakeFirst();
  return row && { scannedAt: row.scanned_at, imported: row.imported, problem: row.problem };
}

/** Saves the newest scans of feeds' drop paths: up to 5,000, each of another feed. */
export async function saveDropScans(db: Db, scans: readonly (DropScan & { feedId: number })[]): Promise<void> {
  await db
    .insertInto("drop_scans")
    .values(
      scans.map(({ feedId, scannedAt, imported, problem }) => ({
        feed_id: feedId,
        scanned_at: scannedAt,
        imported,
        problem,
      })),
    )
    .onConflict((conflict) =>
      conflict.column("feed_id").doUpdateSet((row) => ({
        scanned_at: row.ref("excluded.scanned_at"),
        imported: row.ref("excluded.imported"),
        problem: row.ref("excluded.problem"),
      })),
    )
    .execute();
}

/** A folder of a drop path from which a scan imports files. */
export interface DropFolderNote {
  /** Relative to the drop path, with `/`; empty for the drop path itself. */
  path: string;
  /** Tells the folder from a later one of the same path. */
  identity: string;
  notedAt: Date;
}

/** The folders that scans noted and did not clean up, because they died. */
export async function readDropFolders(db: Db, feedId: number): Promise<DropFolderNote[]> {
  const found = await sql<DropFolderNote>`
    select path, identity, noted_at as "notedAt" from feedctl.drop_folders where feed_id = ${feedId} order by path`.execute(
    db,
  );
  return found.rows;
}

/** No path may occur twice. */
export async function noteDropFolders(db: Db, feedId: number, folders: readonly DropFolderNote[]): Promise<void> {
  await sql`
    insert into feedctl.drop_folders (feed_id, path, identity, noted_at)
    select ${feedId}::int, f.path, f.identity, f."notedAt"
    from jsonb_to_recordset(${JSON.stringify(folders)}::jsonb) as f(path text, identity text, "notedAt" timestamptz)
    on conflict (feed_id, path) do update set identity = excluded.identity, noted_at = excluded.noted_at`.execute(db);
}

export async function forgetDropFolders(db: Db, feedId: number): Promise<void> {
  await sql`delete from feedctl.drop_folders where feed_id = ${feedId}`.execute(db);
}

/** Deletes the scan results of the feed's drop path. Needed when the path changes: they are about the old directory. */
export async function forgetDrops(db: Db, feedId: number): Promise<void> {
  await db.deleteFrom("drop_files").where("feed_id", "=", feedId).execute();
  await db.deleteFrom("drop_scans").where("feed_id", "=", feedId).execute();
  await forgetDropFolders(db, feedId);
}
