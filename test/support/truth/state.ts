import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Installation } from "../databases.ts";
import { isBlobName } from "../store-files.ts";

/**
 * What catalog and stores hold, read without feedctl. Names are paths: `file/FEED/KEY`, `blob/PLACE/KEY`; values are sizes, or
 * what else is true of the name, as text. `local/NAME` is a file in the folder `out`.
 */
export type State = ReadonlyMap<string, number | string>;

/** Reads the blobs of a place: sizes by key, without the store's marker. */
export type ListBlobs = () => Promise<Map<string, number>>;

const FACTS = `
select 'feed/' || f.name, jsonb_build_object('description', description, 'active', active, 'rules', retention_rules_enabled,
  'drop', drop_path, 'versioning', versioning)::text from feedctl.feeds f
union all select 'store/' || f.name || '/' || s.role, s.id::text from feedctl.stores s join feedctl.feeds f on f.id = s.feed_id
  where s.retired_at is null
union all select 'file/' || f.name || '/' || x.key, x.size::text from feedctl.files x join feedctl.feeds f on f.id = x.feed_id
  left join feedctl.asset_history h on h.file_id = x.id where h.file_id is null
union all select 'kept/' || f.name || '/' || x.key, x.size::text from feedctl.files x join feedctl.feeds f on f.id = x.feed_id
  join feedctl.asset_history h on h.file_id = x.id
union all select 'asset/' || f.name || '/' || x.key, concat_ws(' ', x.content_type, a.cache_control, a.metadata)
  from feedctl.assets a join feedctl.files x on x.id = a.file_id join feedctl.feeds f on f.id = x.feed_id
union all select 'folder/' || f.name || '/' || o.path, concat_ws(' ', o.cache_control, o.metadata)
  from feedctl.asset_folders o join feedctl.feeds f on f.id = o.feed_id
union all select 'version/' || f.name || '/' || p.name || '@' || v.version, case when v.quarantined_at is null then '' else 'hidden' end
  from feedctl.versions v join feedctl.packages p on p.id = v.package_id join feedctl.feeds f on f.id = p.feed_id
union all select 'downloads/' || f.name || '/' || p.name || '@' || v.version, v.downloads::text
  from feedctl.versions v join feedctl.packages p on p.id = v.package_id join feedctl.feeds f on f.id = p.feed_id where downloads > 0
union all select 'rule/' || f.name || '/' || r.position, concat_ws(' ', r.name, r.enabled, r.criteria)
  from feedctl.retention_rules r join feedctl.feeds f on f.id = r.feed_id
union all select 'protection/' || f.name || '/' || p.package || '@' || p.version, coalesce(p.reason, '')
  from feedctl.protections p join feedctl.feeds f on f.id = p.feed_id
union all select 'setting/' || name, value from feedctl.settings
union all select 'pending/' || store_id || '/' || key, '' from feedctl.pending_deletes
union all select 'announced/' || store_id || '/' || key, '' from feedctl.pending_writes
union all select 'migration/' || f.name || '/' || m.id, m.state from feedctl.migrations m join feedctl.feeds f on f.id = m.feed_id
`;

const SIZES = /^(?:file|kept)\//;

export async function readState(place: Installation, places: Readonly<Record<string, ListBlobs>>): Promise<State> {
  const rows = await place.rows(`select * from (${FACTS}) as facts(name, value)`);
  const state = new Map<string, number | string>();
  for (const { name, value } of rows as { name: string; value: string }[])
    state.set(name, SIZES.test(name) ? Number(value) : value);
  for (const [name, list] of Object.entries(places))
    for (const [key, size] of await list()) state.set(`blob/${name}/${key}`, size);
  mkdirSync(place.path("out"), { recursive: true });
  for (const [key, size] of await listDirectory(place.path("out"))()) state.set(`local/${key}`, size);
  return state;
}

export function listDirectory(folder: string): ListBlobs {
  return async () => {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = names.map((entry) => join(entry.parentPath, entry.name)).filter(isBlobName);
    return new Map(paths.map((path) => [relative(folder, path).split(sep).join("/"), statSync(path).size]));
  };
}

/** Whether a fact has this name, or one below it. */
export function isBelow(name: string, prefix: string): boolean {
  return name === prefix || name.startsWith(`${prefix}/`);
}

/** Names of one kind that appeared, vanished or have another value, and the sum of their sizes. */
export interface Names {
  count: number;
  bytes: number;
  /** Without the prefix, sorted. */
  names: string[];
}

export interface Change {
  added(prefix: string): Names;
  removed(prefix: string): Names;
  changed(prefix: string): Names;
  /** All names in which the two states differ. */
  all: string[];
}

export function compareStates(before: State, after: State): Change {
  const namesOf = (prefix: string, from: State, select: (name: string) => boolean): Names => {
    const found = [...from].filter(([name]) => isBelow(name, prefix) && select(name));
    return {
      count: found.length,
      bytes: found.reduce((sum, [, value]) => sum + (typeof value === "number" ? value : 0), 0),
      names: found.map(([name]) => name.slice(prefix.length + 1)).toSorted(),
    };
  };
  return {
    added: (prefix) => namesOf(prefix, after, (name) => !before.has(name)),
    removed: (prefix) => namesOf(prefix, before, (name) => !after.has(name)),
    changed: (prefix) => namesOf(prefix, after, (name) => before.has(name) && before.get(name) !== after.get(name)),
    all: [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name)),
  };
}
