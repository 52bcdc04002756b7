import { sql } from "kysely";
import type { Key } from "../lib/key.ts";
import { unchecked, type Unchecked } from "./connection/check-keys.ts";
import type { FileHashes } from "./packages.ts";
import type { UserMetadata } from "./schema/assets.ts";
import type { Db } from "./schema/core.ts";

/** A catalogued file, with what mirrors, migrations and verification need. Hashes are lower-case hex. */
export interface FileRow {
  id: number;
  key: Key;
  size: number;
  md5: string;
  sha256: string;
  contentType: string;
  storeTag: string | null;
  createdAt: Date;
  /** It came from an upstream connector. */
  cached: boolean;
  /** Cache header and metadata of an asset, which its blob should carry as well; null for a package's file. */
  served: { cacheControl: string | null; metadata: UserMetadata } | null;
  /** Fingerprint of an asset's properties: content type, cache header and metadata. Null for a package's file. */
  described: string | null;
}

/** The cache header that `files f` inherits: that of the nearest folder which has one. */
export const inheritedCache = sql`(select o.cache_control from feedctl.asset_folders o
  where o.feed_id = f.feed_id and o.cache_control is not null and (o.path = '' or starts_with(f.key, o.path || '/'))
  order by length(o.path) desc limit 1)`;

/** The effective cache header of `files f` and `assets a`: the file's own, else the inherited one. */
export const cacheControl = sql`nullif(coalesce(a.cache_control, ${inheritedCache}), '')`;

/** Fingerprint of the properties that an asset's blob should carry, from `files f` and `assets a`. */
export const described = sql`case when a.file_id is not null
  then md5(jsonb_build_array(f.content_type, ${cacheControl}, a.metadata)::text) end`;

/** The tables that `fileColumns` selects from. */
export const fileTables = sql`feedctl.files f left join feedctl.versions v on v.id = f.version_id
  left join feedctl.assets a on a.file_id = f.id`;

export const fileColumns = sql`f.id, f.key, f.size::float8 as size, encode(f.md5, 'hex') as md5, encode(f.sha256, 'hex') as sha256,
  f.content_type as "contentType", f.store_tag as "storeTag", f.created_at as "createdAt", coalesce(v.cached, false) as cached,
  case when a.file_id is not null then jsonb_build_object('cacheControl', ${cacheControl}, 'metadata', a.metadata) end as served,
  ${described} as described`;

const PAGE = 2000;

/**
 * All files of a feed by key, in UTF-8 byte order. Pages use a keyset cursor, so no snapshot is held. Keys are not
 * checked: one invalid row must not hide the others from `verify` and from a migration.
 */
export async function* listFiles(db: Db, feedId: number): AsyncGenerator<Unchecked<FileRow>> {
  let after = "";
  for (;;) {
    const page = await sql<Unchecked<FileRow>>`select ${fileColumns} from ${fileTables}
        where f.feed_id = ${feedId} and f.key > ${after} order by f.key limit ${PAGE}`.execute(unchecked(db));
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.key;
  }
}

/** The catalogued files among `keys`, by key. */
export async function readFiles(db: Db, feedId: number, keys: readonly string[]): Promise<Map<string, FileRow>> {
  if (keys.length === 0) return new Map();
  const found = await sql<FileRow>`select ${fileColumns} from ${fileTables}
    where f.feed_id = ${feedId} and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`.execute(
    db,
  );
  return new Map(found.rows.map((row) => [row.key, row]));
}

/** Hash (hex) and size of the catalogued files among `keys`, by key. */
export async function listFileHashes(
  db: Db,
  feedId: number,
  keys: readonly string[],
): Promise<Map<string, Pick<FileHashes, "sha256"> & { size: number }>> {
  if (keys.length === 0) return new Map();
  const found = await sql<{ key: Key; sha256: string; size: number }>`
    select f.key, encode(f.sha256, 'hex') as sha256, f.size::float8 as size
    from feedctl.files f join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as wanted(key) on wanted.key = f.key
    where f.feed_id = ${feedId}`.execute(db);
  return new Map(found.rows.map((row) => [row.key, row]));
}

/** What identifies a file within its feed. `qualifier` distinguishes the files of one version. */
export interface FileIdentity {
  group: string;
  nameKey: string;
  normalizedVersion: string;
  qualifier: string;
}

export type KnownFile = FileRow & FileIdentity;

/** Files of the feed that have one of these identities, whatever their key, and files that have one of these keys. */
export async function listFilesByIdentity(
  db: Db,
  feedId: number,
  wanted: readonly (FileIdentity & { key: Key })[],
): Promise<KnownFile[]> {
  if (wanted.length === 0) return [];
  const identities = wanted.map(({ group, nameKey, normalizedVersion, qualifier, key }) => ({
    group,
    nameKey,
    normalizedVersion,
    qualifier,
    key,
  }));
  const found = await sql<KnownFile>`
    with w as materialized (select * from jsonb_to_recordset(${JSON.stringify(identities)}::jsonb)
      as w("group" text, "nameKey" text, "normalizedVersion" text, qualifier text, key text)),
    ids as (
      select f.id from w
      join feedctl.packages p on p.feed_id = ${feedId} and p.group_name = w."group" and p.name_key = w."nameKey"
      join feedctl.versions v on v.package_id = p.id and v.normalized_version = w."normalizedVersion"
      join feedctl.files f on f.version_id = v.id and f.qualifier = w.qualifier
      union select f.id from w join feedctl.files f on f.feed_id = ${feedId} and f.key = w.key)
    select ${fileColumns}, f.qualifier, p.group_name as "group", p.name_key as "nameKey", v.normalized_version as "normalizedVersion"
    from ids join feedctl.files f on f.id = ids.id join feedctl.versions v on v.id = f.version_id
    join feedctl.packages p on p.id = v.package_id left join feedctl.assets a on a.file_id = f.id`.execute(db);
  return found.rows;
}

/** The qualifiers of the files of versions, by `JSON.stringify([group, nameKey, normalizedVersion])`. */
export async function listVersionFiles(
  db: Db,
  feedId: number,
  versions: readonly Omit<FileIdentity, "qualifier">[],
): Promise<Map<string, string[]>> {
  const wanted = versions.map(({ group, nameKey, normalizedVersion }) => ({ group, nameKey, normalizedVersion }));
  const found = await sql<Omit<FileIdentity, "qualifier"> & { qualifiers: string[] }>`
    with w as materialized (select distinct * from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
      as w("group" text, "nameKey" text, "normalizedVersion" text))
    select w.*, jsonb_agg(f.qualifier) as qualifiers from w
    join feedctl.packages p on p.feed_id = ${feedId} and p.group_name = w."group" and p.name_key = w."nameKey"
    join feedctl.versions v on v.package_id = p.id and v.normalized_version = w."normalizedVersion"
    join feedctl.files f on f.version_id = v.id group by w."group", w."nameKey", w."normalizedVersion"`.execute(db);
  return new Map(
    found.rows.map((row) => [JSON.stringify([row.group, row.nameKey, row.normalizedVersion]), row.qualifiers]),
  );
}

export interface Verified {
  id: number;
  storeTag: string | null;
}

/** Records verified files in one statement. Returns the ids of those that are still in the catalog. */
export async function markVerified(db: Db, files: readonly Verified[], now: Date): Promise<Set<number>> {
  if (files.length === 0) return new Set();
  const found = await sql<{ id: number }>`
    update feedctl.files f set store_tag = v."storeTag", verified_at = ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(files)}::jsonb) as v(id bigint, "storeTag" text)
    where f.id = v.id returning f.id::float8 as id`.execute(db);
  return new Set(found.rows.map((row) => row.id));
}

/**
 * Deletes up to `limit` file rows of a feed and returns their keys. The caller records pending deletes in the same
 * transaction.
 */
export async function deleteFileRowBatch(db: Db, feedId: number, limit: number): Promise<Key[]> {
  const taken = await sql<{ key: Key }>`
    delete from feedctl.files where id in (select id from feedctl.files where feed_id = ${feedId} order by id limit ${limit}) returning key`.execute(
    db,
  );
  return taken.rows.map((row) => row.key);
}

/** As `deleteFileRowBatch`, for the files with these ids. */
export async function deleteFileRows(db: Db, feedId: number, ids: readonly number[]): Promise<Key[]> {
  if (ids.length === 0) return [];
  const taken = await sql<{ key: Key }>`delete from feedctl.files where feed_id = ${feedId} and id in
    (select id::bigint from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as d(id)) returning key`.execute(
    db,
  );
  return taken.rows.map((row) => row.key);
}

/** As `deleteFileRowBatch`, for all files of these versions. */
export async function deleteFileRowsOfVersions(db: Db, versionIds: readonly number[]): Promise<Key[]> {
  if (versionIds.length === 0) return [];
  const taken = await sql<{ key: Key }>`delete from feedctl.files where version_id in
    (select id::bigint from jsonb_array_elements_text(${JSON.stringify(versionIds)}::jsonb) as d(id)) returning key`.execute(
    db,
  );
  return taken.rows.map((row) => row.key);
}

/** Keys and sizes of up to `count` files of a feed, the oldest and the newest. */
export async function sampleFiles(db: Db, feedId: number, count: number): Promise<{ key: Key; size: number }[]> {
  const half = Math.ceil(count / 2);
  const found = await sql<{ key: Key; size: number }>`
    select key, size::float8 as size from feedctl.files where id in (
      (select id from feedctl.files where feed_id = ${feedId} order by id limit ${half}) union
      (select id from feedctl.files where feed_id = ${feedId} order by id desc limit ${half}))`.execute(db);
  return found.rows;
}

/**
 * A sample of the files of feeds whose store follows the settings, at most two of a feed. Empty when no such feed has a
 * file. The keys are not checked.
 */
export async function sampleDefaultFiles(
  db: Db,
  count: number,
): Promise<{ feed: { id: number; type: string }; file: string }[]> {
  const found = await sql<{ id: number; type: string; file: string }>`
    select d.id, d.type, f.key as file
    from feedctl.feeds d join feedctl.stores s on s.feed_id = d.id and s.role = 'current' and s.location is null
    cross join lateral (select key from feedctl.files where feed_id = d.id order by id desc limit 2) f
    limit ${count}`.execute(db);
  return found.rows.map(({ id, type, file }) => ({ feed: { id, type }, file }));
}
