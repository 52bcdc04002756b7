import { sql } from "kysely";
import type { Key } from "../lib/key.ts";
import { requireKey } from "./connection/check-keys.ts";
import type { VersionStatus } from "./package-status.ts";
import type { Db } from "./schema/core.ts";

export interface FileHashes {
  /** Lower-case hex, all four. */
  md5: string;
  sha1: string;
  sha256: string;
  sha512: string;
}

/** One package file to be recorded, with the package and version it belongs to. */
export interface NewFile extends FileHashes {
  group: string;
  name: string;
  nameKey: string;
  version: string;
  normalizedVersion: string;
  /** Hex. */
  sortKey: string;
  prerelease: boolean;
  qualifier: string;
  key: Key;
  size: number;
  contentType: string;
  storeTag: string | null;
  metadata: Record<string, unknown>;
  /** Why the package itself advises against the version; empty: without a reason. Undefined: it does not. */
  deprecation?: string | undefined;
  /** When the version was published, ISO 8601. Default: now. */
  publishedAt?: string | undefined;
}

/**
 * Inserts files, and their packages and versions where missing, in three statements for any number of files. The keys
 * must not exist yet.
 */
export async function insertFiles(
  db: Db,
  feedId: number,
  files: readonly NewFile[],
  published: { at: Date; by: string },
): Promise<void> {
  if (files.length === 0) return;
  await lockRows(db, feedId, "shared");
  const rows = sql`jsonb_to_recordset(${JSON.stringify(files)}::jsonb) as f("group" text, name text, "nameKey" text, version text,
    "normalizedVersion" text, "sortKey" text, prerelease boolean, qualifier text, key text, size bigint, md5 text, sha1 text,
    sha256 text, sha512 text, "contentType" text, "storeTag" text, metadata jsonb, deprecation text, "publishedAt" timestamptz)`;
  await sql`
    insert into feedctl.packages (feed_id, group_name, name, name_key)
    select distinct on (f."group", f."nameKey") ${feedId}::int, f."group", f.name, f."nameKey" from ${rows}
    order by f."group", f."nameKey"
    on conflict (feed_id, group_name, name_key) do nothing`.execute(db);
  const packageOfRow = sql`join feedctl.packages p on p.feed_id = ${feedId}::int and p.group_name = f."group" and p.name_key = f."nameKey"`;
  await sql`
    insert into feedctl.versions (package_id, version, normalized_version, sort_key, prerelease, deprecated, deprecation_reason, published_at, published_by, metadata)
    select distinct on (p.id, f."normalizedVersion") p.id, f.version, f."normalizedVersion", decode(f."sortKey", 'hex'), f.prerelease,
      f.deprecation is not null, nullif(f.deprecation, ''),
      coalesce(f."publishedAt", ${published.at}::timestamptz), ${published.by}::text, f.metadata
    from ${rows} ${packageOfRow}
    order by p.id, f."normalizedVersion", f.qualifier
    on conflict (package_id, normalized_version) do nothing`.execute(db);
  const recorded = await sql`
    insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, store_tag, verified_at, created_at)
    select v.id, ${feedId}::int, f.qualifier, f.key, f.size, decode(f.md5, 'hex'), decode(f.sha1, 'hex'), decode(f.sha256, 'hex'),
      decode(f.sha512, 'hex'), f."contentType", f."storeTag", ${published.at}::timestamptz, ${published.at}::timestamptz
    from ${rows} ${packageOfRow}
    join feedctl.versions v on v.package_id = p.id and v.normalized_version = f."normalizedVersion"`.execute(db);
  if (recorded.numAffectedRows !== BigInt(files.length))
    throw new Error(`${recorded.numAffectedRows} of ${files.length} files were recorded`);
}

/**
 * Updates the rows of files whose blobs were overwritten with other bytes, and the metadata of their versions. The
 * version gets the publisher of the new bytes; its downloads and flags stay. Returns the keys of the files that still
 * have a row.
 */
export async function replaceFiles(
  db: Db,
  feedId: number,
  files: readonly NewFile[],
  published: { at: Date; by: string },
): Promise<Set<string>> {
  if (files.length === 0) return new Set();
  await lockRows(db, feedId, "shared");
  const rows = sql`jsonb_to_recordset(${JSON.stringify(files)}::jsonb) as n(version text, key text, size bigint, md5 text,
    sha1 text, sha256 text, sha512 text, "contentType" text, "storeTag" text, metadata jsonb, "publishedAt" timestamptz)`;
  const updated = await sql<{ key: string }>`
    update feedctl.files f set size = n.size, md5 = decode(n.md5, 'hex'), sha1 = decode(n.sha1, 'hex'),
      sha256 = decode(n.sha256, 'hex'), sha512 = decode(n.sha512, 'hex'), content_type = n."contentType",
      store_tag = n."storeTag", verified_at = ${published.at}::timestamptz
    from ${rows} where f.feed_id = ${feedId} and f.key = n.key returning f.key`.execute(db);
  // as on insert, the first file of a version gives its metadata: symbols and signatures do not describe the version
  await sql`
    with n as (
      select distinct on (f.version_id) f.version_id, n.version, n.metadata, n."publishedAt",
        not exists (select from feedctl.files o where o.version_id = f.version_id and o.qualifier < f.qualifier) as first
      from ${rows} join feedctl.files f on f.feed_id = ${feedId} and f.key = n.key order by f.version_id, f.qualifier)
    update feedctl.versions v set version = case when n.first then n.version else v.version end,
      metadata = case when n.first then n.metadata else v.metadata end, published_by = ${published.by}::text,
      published_at = coalesce(n."publishedAt", ${published.at}::timestamptz)
    from n where v.id = n.version_id`.execute(db);
  return new Set(updated.rows.map(({ key }) => key));
}

/**
 * Locks the packages and versions of a feed until the transaction ends. Transactions that add files take the lock
 * `shared`, those that delete versions `exclusive`: otherwise a package could be deleted between the statement that
 * finds it and the one that adds a file to it.
 */
export async function lockRows(db: Db, feedId: number, mode: "shared" | "exclusive"): Promise<void> {
  // "no key": rows that refer to the feed, such as audit events, can be inserted meanwhile
  const strength = sql.raw(mode === "shared" ? "for share" : "for no key update");
  await sql`select from feedctl.feeds where id = ${feedId} ${strength}`.execute(db);
}

/** The visible versions of a feed with one of these names and normalised versions, whatever their group. */
export async function listVersionsNamed(
  db: Db,
  feedId: number,
  wanted: readonly { name: string; version: string }[],
): Promise<{ group: string; name: string; version: string }[]> {
  if (wanted.length === 0) return [];
  const found = await sql<{ group: string; name: string; version: string }>`
    select distinct p.group_name as "group", p.name_key as name, v.normalized_version as version
    from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as w(name text, version text)
    join feedctl.packages p on p.feed_id = ${feedId} and p.name_key = w.name
    join feedctl.versions v on v.package_id = p.id and v.normalized_version = w.version
    where v.quarantined_at is null`.execute(db);
  return found.rows;
}

export interface VersionFile {
  key: Key;
  size: number;
  qualifier: string;
  md5: string;
  sha1: string;
  sha256: string;
  sha512: string;
  contentType: string;
}

export interface PackageVersion extends VersionStatus {
  id: number;
  packageId: number;
  group: string;
  name: string;
  version: string;
  prerelease: boolean;
  publishedAt: Date;
  publishedBy: string;
  downloads: number;
  /** Null: no use is known. */
  lastUsedAt: Date | null;
  metadata: Record<string, unknown>;
  files: VersionFile[];
}

export interface VersionFilter {
  group?: string | undefined;
  /** As written or normalised: NuGet ids ignore case. */
  name?: string | undefined;
  /** As written or normalised. */
  version?: string | undefined;
}

/** Packages whose versions are found at once, and versions that are read at once. */
const PACKAGES = 100;
const PAGE = 500;

/**
 * Every visible version of a feed with its files, by package name and ascending version, in pages: memory stays
 * bounded. The packages are paged by their index, the versions by their ids: a page costs as much as its rows, however
 * many the feed has.
 */
export async function* listVersions(
  db: Db,
  feedId: number,
  filter: VersionFilter = {},
): AsyncGenerator<PackageVersion> {
  let after: PackageOfVersions | undefined;
  for (;;) {
    const packages = await listPackageIds(db, feedId, filter, after);
    const wanted = packages.flatMap(({ versions, ...of }) => versions.map((id) => ({ id, of })));
    for (let start = 0; start < wanted.length; start += PAGE)
      yield* readVersions(db, wanted.slice(start, start + PAGE));
    if (packages.length < PACKAGES) return;
    after = packages.at(-1);
  }
}

interface PackageOfVersions {
  packageId: number;
  group: string;
  name: string;
  nameKey: string;
}

/** The next packages of a feed, with the ids of their visible versions in ascending order. */
async function listPackageIds(
  db: Db,
  feedId: number,
  { group, name, version }: VersionFilter,
  after: PackageOfVersions | undefined,
): Promise<(PackageOfVersions & { versions: number[] })[]> {
  const page = sql`select p.id, p.group_name, p.name, p.name_key from feedctl.packages p where p.feed_id = ${feedId}
    ${group === undefined ? sql`` : sql`and p.group_name = ${group}`}
    ${name === undefined ? sql`` : sql`and (p.name = ${name} or p.name_key in (${name}, ${name.toLowerCase()}))`}
    ${after === undefined ? sql`` : sql`and (p.group_name, p.name_key) > (${after.group}::text, ${after.nameKey}::text)`}
    order by p.group_name, p.name_key limit ${PACKAGES}`;
  const wanted =
    version === undefined
      ? sql``
      : sql`and (v.version = ${version} or v.normalized_version in (${version}, ${version.toLowerCase()}))`;
  const found = await sql<PackageOfVersions & { versions: number[] }>`
    select p.id::float8 as "packageId", p.group_name as "group", p.name, p.name_key as "nameKey", (
      select coalesce(jsonb_agg(v.id order by v.sort_key, v.id), '[]') from feedctl.versions v
      where v.package_id = p.id and v.quarantined_at is null ${wanted}) as versions
    from (${page}) p order by p.group_name, p.name_key`.execute(db);
  return found.rows;
}

/** The wanted versions in this order. Leaves out those that are gone or hidden meanwhile. */
async function* readVersions(
  db: Db,
  wanted: readonly { id: number; of: PackageOfVersions }[],
): AsyncGenerator<PackageVersion> {
  const ids = `{${wanted.map(({ id }) => id).join(",")}}`;
  const found = await sql<Omit<PackageVersion, "packageId" | "group" | "name">>`
    select v.id::float8 as id, v.version, v.prerelease, v.listed, v.allowed, v.deprecated,
      v.deprecation_reason as "deprecationReason", v.cached, v.published_at as "publishedAt",
      v.published_by as "publishedBy", v.downloads::float8 as downloads, v.last_used_at as "lastUsedAt", v.metadata,
      (select coalesce(jsonb_agg(jsonb_build_object('key', f.key, 'size', f.size, 'qualifier', f.qualifier,
          'md5', encode(f.md5, 'hex'), 'sha1', encode(f.sha1, 'hex'), 'sha256', encode(f.sha256, 'hex'), 'sha512', encode(f.sha512, 'hex'),
          'contentType', f.content_type) order by f.key), '[]'::jsonb)
        from feedctl.files f where f.version_id = v.id) as files
    from feedctl.versions v where v.id = any(${ids}::bigint[]) and v.quarantined_at is null`.execute(db);
  const byId = new Map(found.rows.map((row) => [row.id, row]));
  for (const { id, of } of wanted) {
    const version = byId.get(id);
    if (version === undefined) continue;
    for (const { key } of version.files) requireKey(key);
    yield { ...version, packageId: of.packageId, group: of.group, name: of.name };
  }
}

/**
 * Deletes versions with their file rows, and packages that have no other version. The blobs must have been deleted
 * from the store, or have pending deletes. Returns the ids of those that were there.
 */
export async function deleteVersions(db: Db, ids: readonly number[]): Promise<Set<number>> {
  const selected = sql`(select id::bigint from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as d(id))`;
  const deleted = await sql<{ id: number }>`
    with gone as (delete from feedctl.versions where id in ${selected} returning id, package_id),
    emptied as (delete from feedctl.packages p using gone where p.id = gone.package_id
      and not exists (select from feedctl.versions v where v.package_id = p.id and v.id not in ${selected}))
    select id::float8 as id from gone`.execute(db);
  return new Set(deleted.rows.map(({ id }) => id));
}

/** Ids of up to `limit` cached versions of a feed. */
export async function listCachedVersions(db: Db, feedId: number, limit: number): Promise<number[]> {
  const rows = await sql<{ id: number }>`
    select v.id::float8 as id from feedctl.versions v join feedctl.packages p on p.id = v.package_id
    where p.feed_id = ${feedId} and v.cached order by v.id limit ${limit}`.execute(db);
  return rows.rows.map((row) => row.id);
}

/** Packages whose group, or whose `group/name`, begins with what was typed. */
export async function listPackagesByPrefix(
  db: Db,
  feedId: number,
  typed: string,
  limit: number,
): Promise<{ group_name: string; name: string }[]> {
  const slash = typed.lastIndexOf("/");
  return db
    .selectFrom("packages")
    .select(["group_name", "name"])
    .where("feed_id", "=", feedId)
    .where(({ fn, val, eb }) =>
      eb.or([
        fn<boolean>("starts_with", ["group_name", val(typed)]),
        eb.and([
          eb("group_name", "=", typed.slice(0, Math.max(slash, 0))),
          fn<boolean>("starts_with", ["name", val(typed.slice(slash + 1))]),
        ]),
      ]),
    )
    .orderBy("group_name")
    .orderBy("name_key")
    .limit(limit)
    .execute();
}
