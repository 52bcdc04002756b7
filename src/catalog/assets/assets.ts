import { sql, type RawBuilder } from "kysely";
import type { Key } from "../../lib/key.ts";
import { cacheControl, inheritedCache } from "../files.ts";
import type { FileHashes } from "../packages.ts";
import type { UserMetadata } from "../schema/assets.ts";
import type { Db } from "../schema/core.ts";

/** A file of an asset directory to be recorded. */
export interface NewAsset extends FileHashes {
  /** Distinguishes it from `NewFile` in a write intent, which may hold either. */
  asset: true;
  /** Its path. */
  key: Key;
  size: number;
  contentType: string;
  storeTag: string | null;
  /** ISO 8601. */
  modifiedAt: string;
  /** ISO 8601. Default: now. */
  createdAt?: string | undefined;
  uploadedBy: string;
  /** Null: inherited. */
  cacheControl: string | null;
  metadata: UserMetadata;
}

export interface AssetRow extends FileHashes {
  id: number;
  /** Its path. */
  key: Key;
  size: number;
  contentType: string;
  storeTag: string | null;
  createdAt: Date;
  modifiedAt: Date;
  uploadedBy: string;
  /** The file's own cache header; null: inherited. */
  ownCacheControl: string | null;
  /** The effective cache header; null: none. */
  cacheControl: string | null;
  /** The cache header that the file would inherit without its own; null: none. */
  inheritedCache: string | null;
  metadata: UserMetadata;
}

const assetColumns = sql`f.id::float8 as id, f.key, f.size::float8 as size, encode(f.md5, 'hex') as md5, encode(f.sha1, 'hex') as sha1,
  encode(f.sha256, 'hex') as sha256, encode(f.sha512, 'hex') as sha512, f.content_type as "contentType", f.store_tag as "storeTag",
  a.created_at as "createdAt", a.modified_at as "modifiedAt", a.uploaded_by as "uploadedBy", a.cache_control as "ownCacheControl",
  ${cacheControl} as "cacheControl", nullif(${inheritedCache}, '') as "inheritedCache", a.metadata`;

/** The files among `paths`, by path. */
export async function listAssetsAt(db: Db, feedId: number, paths: readonly string[]): Promise<Map<string, AssetRow>> {
  if (paths.length === 0) return new Map();
  const found = await sql<AssetRow>`
    select ${assetColumns} from jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb) as wanted(key)
    join feedctl.files f on f.feed_id = ${feedId} and f.key = wanted.key join feedctl.assets a on a.file_id = f.id`.execute(
    db,
  );
  return new Map(found.rows.map((row) => [row.key, row]));
}

const PAGE = 2000;

/** The files below a folder (`""`: all), or directly in it, by path, in UTF-8 byte order, in pages. */
export async function* assetsBelow(db: Db, feedId: number, folder: string, direct = false): AsyncGenerator<AssetRow> {
  let after = folder === "" ? "" : `${folder}/`;
  for (;;) {
    const page = await sql<AssetRow>`
      select ${assetColumns} from feedctl.files f join feedctl.assets a on a.file_id = f.id
      where f.feed_id = ${feedId} and f.key > ${after} and ${below(sql`f.key`, folder, direct)}
      order by f.key limit ${PAGE}`.execute(db);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.key;
  }
}

/**
 * SQL: whether a column's path is below a folder, or directly in it. The range ends at `0`, the character after `/`.
 */
export function below(column: RawBuilder<unknown>, folder: string, direct = false): RawBuilder<unknown> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const range = folder === "" ? sql`${column} <> ''` : sql`${column} > ${prefix} and ${column} < ${`${folder}0`}`;
  return direct ? sql`${range} and position('/' in substr(${column}, char_length(${prefix}::text) + 1)) = 0` : range;
}

export interface FolderTotals {
  files: number;
  bytes: number;
}

export async function totalsBelow(db: Db, feedId: number, folder: string): Promise<FolderTotals> {
  const found = await sql<FolderTotals>`
    select count(*)::float8 as files, coalesce(sum(f.size), 0)::float8 as bytes
    from feedctl.files f join feedctl.assets a on a.file_id = f.id
    where f.feed_id = ${feedId} and ${below(sql`f.key`, folder)}`.execute(db);
  return found.rows[0] as FolderTotals;
}

const newAssets = (assets: readonly NewAsset[]) =>
  sql`jsonb_to_recordset(${JSON.stringify(assets)}::jsonb) as n(key text, size bigint, md5 text, sha1 text, sha256 text, sha512 text,
    "contentType" text, "storeTag" text, "modifiedAt" timestamptz, "createdAt" timestamptz, "uploadedBy" text, "cacheControl" text,
    metadata jsonb)`;

/** Inserts files. Their paths must not exist yet. */
export async function insertAssets(db: Db, feedId: number, assets: readonly NewAsset[], now: Date): Promise<void> {
  if (assets.length === 0) return;
  await sql`
    with stored as (
      insert into feedctl.files (feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, store_tag, verified_at, created_at)
      select ${feedId}::int, '', n.key, n.size, decode(n.md5, 'hex'), decode(n.sha1, 'hex'), decode(n.sha256, 'hex'),
        decode(n.sha512, 'hex'), n."contentType", n."storeTag", ${now}::timestamptz, ${now}::timestamptz
      from ${newAssets(assets)} order by n.key
      returning id, key)
    insert into feedctl.assets (file_id, created_at, modified_at, uploaded_at, uploaded_by, cache_control, metadata)
    select s.id, coalesce(n."createdAt", ${now}::timestamptz), n."modifiedAt", ${now}::timestamptz, n."uploadedBy", n."cacheControl",
      n.metadata
    from stored s join ${newAssets(assets)} on n.key = s.key`.execute(db);
}

/** Updates the rows of files whose blobs were overwritten. Their creation times stay. */
export async function replaceAssets(db: Db, feedId: number, assets: readonly NewAsset[], now: Date): Promise<void> {
  if (assets.length === 0) return;
  await sql`
    with stored as (
      update feedctl.files f set size = n.size, md5 = decode(n.md5, 'hex'), sha1 = decode(n.sha1, 'hex'),
        sha256 = decode(n.sha256, 'hex'), sha512 = decode(n.sha512, 'hex'), content_type = n."contentType",
        store_tag = n."storeTag", verified_at = ${now}::timestamptz
      from ${newAssets(assets)} where f.feed_id = ${feedId} and f.key = n.key
      returning f.id, f.key)
    update feedctl.assets a set modified_at = n."modifiedAt", uploaded_by = n."uploadedBy", cache_control = n."cacheControl",
      metadata = n.metadata,
      -- o is the row before this statement: restoring a lost blob does not change the upload time
      uploaded_at = case when o.sha256 = decode(n.sha256, 'hex') then a.uploaded_at else ${now}::timestamptz end
    from stored s join ${newAssets(assets)} on n.key = s.key join feedctl.files o on o.id = s.id where a.file_id = s.id`.execute(
    db,
  );
}

/**
 * Deletes the rows of files whose id and SHA-256 still match, and returns their paths. The caller records pending
 * deletes in the same transaction.
 */
export async function deleteAssetRows(
  db: Db,
  feedId: number,
  files: readonly { id: number; sha256: string }[],
): Promise<Key[]> {
  if (files.length === 0) return [];
  const taken = await sql<{ key: Key }>`
    delete from feedctl.files f using jsonb_to_recordset(${JSON.stringify(files)}::jsonb) as n(id bigint, sha256 text)
    where f.feed_id = ${feedId} and f.id = n.id and f.sha256 = decode(n.sha256, 'hex') returning f.key`.execute(db);
  return taken.rows.map(({ key }) => key);
}

/**
 * Gives the rows of files a new `xmin`, so that existing plans count them as changed. Returns the paths that have rows.
 */
export async function touchAssets(db: Db, feedId: number, paths: readonly string[]): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  const touched = await sql<{ key: Key }>`
    update feedctl.assets a set uploaded_by = a.uploaded_by
    from feedctl.files f join jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb) as d(path) on d.path = f.key
    where f.feed_id = ${feedId} and a.file_id = f.id returning f.key`.execute(db);
  return new Set(touched.rows.map(({ key }) => key));
}

export interface Description {
  key: Key;
  contentType: string;
  cacheControl: string | null;
  metadata: UserMetadata;
  storeTag: string | null;
}

/** Changes content type, cache header and metadata of files. Their bytes stay. */
export async function describeAssets(db: Db, feedId: number, files: readonly Description[]): Promise<void> {
  if (files.length === 0) return;
  await sql`
    with changed as (
      update feedctl.files f set content_type = n."contentType", store_tag = n."storeTag"
      from ${descriptions(files)} where f.feed_id = ${feedId} and f.key = n.key returning f.id, f.key)
    update feedctl.assets a set cache_control = n."cacheControl", metadata = n.metadata
    from changed c join ${descriptions(files)} on n.key = c.key where a.file_id = c.id`.execute(db);
}

const descriptions = (files: readonly Description[]) =>
  sql`jsonb_to_recordset(${JSON.stringify(files)}::jsonb) as n(key text, "contentType" text, "storeTag" text, "cacheControl" text,
    metadata jsonb)`;
