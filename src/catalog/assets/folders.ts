import { sql, type Selectable } from "kysely";
import { below } from "./assets.ts";
import type { AssetFoldersTable, UserMetadata } from "../schema/assets.ts";
import type { Db } from "../schema/core.ts";

export type FolderRow = Selectable<AssetFoldersTable>;

/** The parent folders of a path, outermost first, without the root. */
export function foldersAbove(path: string): string[] {
  const found: string[] = [];
  for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) found.push(path.slice(0, end));
  return found;
}

/** Creates the missing folders, and returns those that it created. */
export async function insertFolders(db: Db, feedId: number, paths: Iterable<string>, now: Date): Promise<string[]> {
  const wanted = [...new Set(paths)];
  if (wanted.length === 0) return [];
  const made = await sql<{ path: string }>`
    insert into feedctl.asset_folders (feed_id, path, created_at)
    select ${feedId}::int, d.path, ${now}::timestamptz from jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb) as d(path)
    order by d.path on conflict (feed_id, path) do nothing returning path`.execute(db);
  return made.rows.map(({ path }) => path);
}

export async function findFolder(db: Db, feedId: number, path: string): Promise<FolderRow | undefined> {
  return db
    .selectFrom("asset_folders")
    .selectAll()
    .where("feed_id", "=", feedId)
    .where("path", "=", path)
    .executeTakeFirst();
}

const PAGE = 2000;

/** The folders below a folder, or directly in it, by path. The folder itself is not included. */
export async function* foldersBelow(db: Db, feedId: number, folder: string, direct = false): AsyncGenerator<FolderRow> {
  let after = folder === "" ? "" : `${folder}/`;
  for (;;) {
    const page = await sql<FolderRow>`
      select * from feedctl.asset_folders o where o.feed_id = ${feedId} and o.path > ${after} and ${below(sql`o.path`, folder, direct)}
      order by o.path limit ${PAGE}`.execute(db);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.path;
  }
}

/** Deletes the rows of a folder and of all folders below it, which must hold no files. Returns how many. */
export async function deleteFolders(db: Db, feedId: number, folder: string): Promise<number> {
  const gone = await sql`
    delete from feedctl.asset_folders o where o.feed_id = ${feedId} and o.path <> ''
      and (o.path = ${folder} or ${below(sql`o.path`, folder)})`.execute(db);
  return Number(gone.numAffectedRows ?? 0n);
}

/**
 * Deletes those of the folders that hold nothing but one another, and returns them. A folder that has a cache header or
 * metadata stays.
 */
export async function deleteEmptiedFolders(db: Db, feedId: number, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const gone = await sql<{ path: string }>`
    with given as (select path from jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb) as d(path))
    delete from feedctl.asset_folders o using given d
    where o.feed_id = ${feedId} and o.path = d.path and o.path <> '' and o.cache_control is null and o.metadata = '{}'
      and not exists (select from feedctl.files f where f.feed_id = o.feed_id and f.key > o.path || '/' and f.key < o.path || '0')
      and not exists (select from feedctl.asset_folders i
        where i.feed_id = o.feed_id and i.path > o.path || '/' and i.path < o.path || '0'
          and (i.path not in (select path from given) or i.cache_control is not null or i.metadata <> '{}'))
    returning o.path`.execute(db);
  return gone.rows.map((row) => row.path);
}

/** Deletes those of the folders that hold neither files nor folders, and returns them. */
export async function deleteEmptyFolders(db: Db, feedId: number, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const gone = await sql<{ path: string }>`
    delete from feedctl.asset_folders o using jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb) as d(path)
    where o.feed_id = ${feedId} and o.path = d.path and o.path <> ''
      and not exists (select from feedctl.files f where f.feed_id = o.feed_id and f.key > o.path || '/' and f.key < o.path || '0')
      and not exists (select from feedctl.asset_folders i
        where i.feed_id = o.feed_id and i.path > o.path || '/' and i.path < o.path || '0')
    returning o.path`.execute(db);
  return gone.rows.map(({ path }) => path);
}

export interface FolderChange {
  /** Null: inherited from the folder above. */
  cacheControl?: string | null | undefined;
  metadata?: UserMetadata | undefined;
}

/** Changes the cache header and metadata of a folder, whose row is created when missing: the root has none at first. */
export async function describeFolder(
  db: Db,
  { feedId, path, now }: { feedId: number; path: string; now: Date },
  change: FolderChange,
): Promise<void> {
  await insertFolders(db, feedId, [path], now);
  await db
    .updateTable("asset_folders")
    .set({
      ...(change.cacheControl !== undefined && { cache_control: change.cacheControl }),
      ...(change.metadata !== undefined && { metadata: JSON.stringify(change.metadata) }),
    })
    .where("feed_id", "=", feedId)
    .where("path", "=", path)
    .execute();
}

/** Cache headers of folders, which the files below inherit, by path. */
export async function folderCaches(db: Db, feedId: number): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom("asset_folders")
    .select(["path", "cache_control"])
    .where("feed_id", "=", feedId)
    .where("cache_control", "is not", null)
    .execute();
  return new Map(rows.map((row) => [row.path, row.cache_control as string]));
}

export interface PathConflict {
  /** The path that cannot be created. */
  path: string;
  /** The existing path that conflicts with it. */
  by: string;
  kind: "folder" | "file";
}

/** Why paths cannot be files: a folder has that path, or a parent of the path is a file. By path. */
export async function listPathConflicts(
  db: Db,
  feedId: number,
  paths: readonly string[],
): Promise<Map<string, PathConflict>> {
  if (paths.length === 0) return new Map();
  const rows = await sql<PathConflict>`
    select d.path, o.path as by, 'folder' as kind
    from jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb) as d(path)
    join feedctl.asset_folders o on o.feed_id = ${feedId} and o.path = d.path`.execute(db);
  const found = new Map(rows.rows.map((row) => [row.path, row]));
  const above = new Map(paths.map((path) => [path, foldersAbove(path)]));
  for (const [path, file] of await filesAmong(db, feedId, above)) found.set(path, file);
  return found;
}

/** Why paths cannot be folders: the path or one of its parents is a file. By path. */
export async function listFolderConflicts(
  db: Db,
  feedId: number,
  folders: readonly string[],
): Promise<Map<string, PathConflict>> {
  return filesAmong(db, feedId, new Map(folders.map((path) => [path, [...foldersAbove(path), path]])));
}

/** For each path, the outermost file among the paths that must be folders for it. */
async function filesAmong(
  db: Db,
  feedId: number,
  needed: ReadonlyMap<string, string[]>,
): Promise<Map<string, PathConflict>> {
  const found = new Map<string, PathConflict>();
  const wanted = [...new Set([...needed.values()].flat())];
  if (wanted.length === 0) return found;
  const files = await sql<{ key: string }>`
    select f.key from feedctl.files f join jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb) as d(path) on d.path = f.key
    where f.feed_id = ${feedId}`.execute(db);
  const blocked = new Set(files.rows.map(({ key }) => key));
  if (blocked.size === 0) return found;
  for (const [path, folders] of needed) {
    const by = folders.find((folder) => blocked.has(folder));
    if (by !== undefined) found.set(path, { path, by, kind: "file" });
  }
  return found;
}

/** Files and folders whose paths differ from these only in case, by the given path. */
export async function listCaseTwins(db: Db, feedId: number, paths: readonly string[]): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map();
  const rows = await sql<{ path: string; twin: string }>`
    with wanted as (select path from jsonb_array_elements_text(${JSON.stringify(paths)}::jsonb) as d(path)),
      there as (select f.key as path from feedctl.files f join feedctl.assets a on a.file_id = f.id where f.feed_id = ${feedId}
        union all select o.path from feedctl.asset_folders o where o.feed_id = ${feedId})
    select w.path, t.path as twin from wanted w
    join there t on lower(t.path collate "default") = lower(w.path collate "default") and t.path <> w.path collate "C"`.execute(
    db,
  );
  return new Map(rows.rows.map((row) => [row.path, row.twin]));
}
