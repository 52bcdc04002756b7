import { sql } from "kysely";
import type { Key } from "../../lib/key.ts";
import type { AssetRow } from "./assets.ts";
import type { FileHashes } from "../packages.ts";
import type { HistoryReason } from "../schema/assets.ts";
import type { Db } from "../schema/core.ts";

/** Earlier content to be recorded: the row that it had, and the key of its bytes now. */
export interface NewKept {
  row: AssetRow;
  key: Key;
  storeTag: string | null;
  reason: HistoryReason;
}

/** Earlier content of a file. */
export interface KeptRow extends FileHashes {
  /** Number by which commands name this content. */
  version: number;
  path: string;
  key: Key;
  size: number;
  contentType: string;
  storeTag: string | null;
  createdAt: Date;
  modifiedAt: Date;
  uploadedBy: string;
  reason: HistoryReason;
  keptAt: Date;
  keptBy: string;
}

export async function insertKept(
  db: Db,
  feedId: number,
  kept: readonly NewKept[],
  by: { now: Date; actor: string },
): Promise<void> {
  if (kept.length === 0) return;
  const rows = sql`jsonb_to_recordset(${JSON.stringify(kept.map(({ row, ...own }) => ({ ...row, path: row.key, ...own })))}::jsonb)
    as n(path text, key text, size bigint, md5 text, sha1 text, sha256 text, sha512 text, "contentType" text, "storeTag" text,
      "createdAt" timestamptz, "modifiedAt" timestamptz, "uploadedBy" text, reason text)`;
  await sql`
    with stored as (
      insert into feedctl.files (feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, store_tag, verified_at, created_at)
      select ${feedId}::int, '', n.key, n.size, decode(n.md5, 'hex'), decode(n.sha1, 'hex'), decode(n.sha256, 'hex'),
        decode(n.sha512, 'hex'), n."contentType", n."storeTag", ${by.now}::timestamptz, ${by.now}::timestamptz
      from ${rows} order by n.key on conflict (feed_id, key) do nothing returning id, key)
    insert into feedctl.asset_history (file_id, feed_id, path, created_at, modified_at, uploaded_by, reason, kept_at, kept_by)
    select s.id, ${feedId}::int, n.path, n."createdAt", n."modifiedAt", n."uploadedBy", n.reason, ${by.now}::timestamptz, ${by.actor}::text
    from stored s join ${rows} on n.key = s.key`.execute(db);
}

const keptColumns = sql`f.id::float8 as version, h.path, f.key, f.size::float8 as size, encode(f.md5, 'hex') as md5,
  encode(f.sha1, 'hex') as sha1, encode(f.sha256, 'hex') as sha256, encode(f.sha512, 'hex') as sha512,
  f.content_type as "contentType", f.store_tag as "storeTag", h.created_at as "createdAt", h.modified_at as "modifiedAt",
  h.uploaded_by as "uploadedBy", h.reason, h.kept_at as "keptAt", h.kept_by as "keptBy"`;

const PAGE = 1000;

/** Earlier content of one file, or of all files, by path and newest first. */
export async function* listKept(db: Db, feedId: number, path?: string): AsyncGenerator<KeptRow> {
  let after: { path: string; version: number } | undefined;
  for (;;) {
    const page = await sql<KeptRow>`
      select ${keptColumns} from feedctl.asset_history h join feedctl.files f on f.id = h.file_id
      where h.feed_id = ${feedId} ${path === undefined ? sql`` : sql`and h.path = ${path}`}
        ${after === undefined ? sql`` : sql`and h.path >= ${after.path} and (h.path > ${after.path} or h.file_id < ${after.version}::bigint)`}
      order by h.path, h.file_id desc limit ${PAGE}`.execute(db);
    yield* page.rows;
    after = page.rows.at(-1);
    if (after === undefined || page.rows.length < PAGE) return;
  }
}

/** Those of `keys` that have a file row already. */
export async function listKeptKeys(db: Db, feedId: number, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const found = await sql<{ key: Key }>`
    select f.key from feedctl.files f join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as d(key) on d.key = f.key
    where f.feed_id = ${feedId}`.execute(db);
  return new Set(found.rows.map(({ key }) => key));
}

export async function setVersioning(db: Db, feedId: number, on: boolean): Promise<void> {
  await db.updateTable("feeds").set({ versioning: on }).where("id", "=", feedId).execute();
}
