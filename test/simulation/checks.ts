import { existsSync } from "node:fs";
import { isFeedctlError } from "../../src/errors.ts";
import { sha256Of, type MemoryPlace } from "./memory-store.ts";
import type { Deed } from "./scenario.ts";
import { Violation } from "./schedule.ts";
import { FOREIGN, INITIAL, type World, type WorldActor } from "./world.ts";

interface Row {
  key: string;
  sha256: string;
  name: string;
  version: string;
  /** Hash that a run has announced to write there, together with the row to follow. */
  intent: string | null;
}

interface Found {
  path: string;
  place: MemoryPlace;
  rows: Row[];
}

async function readCatalog({ server, feed, places }: World): Promise<Found> {
  const [store] = await server.query<{ path: string; id: number }>(
    "select options->>'path' as path, id from feedctl.stores where feed_id = $1 and role = 'current'",
    [feed.id],
  );
  if (store === undefined) throw new Violation("the feed has no store");
  const rows = await server.query<Row>(
    `select f.key, encode(f.sha256, 'hex') as sha256, p.name, v.version,
        (select encode(w.sha256, 'hex') from feedctl.pending_writes w
          where w.store_id = $2 and w.key = f.key and w.replacement is not null) as intent
      from feedctl.files f join feedctl.versions v on v.id = f.version_id join feedctl.packages p on p.id = v.package_id
      where f.feed_id = $1`,
    [feed.id, store.id],
  );
  return { path: store.path, place: places.get(store.path)!, rows };
}

/** Rule 1 at any moment: every row has its blob, or one whose overwrite was announced. */
export async function checkRows(world: World): Promise<Found> {
  const found = await readCatalog(world);
  for (const { key, sha256, intent } of found.rows) {
    const blob = found.place.blobs.get(key);
    if (blob === undefined) throw new Violation(`rule 1: the row of ${key} has no blob`);
    const has = sha256Of(blob.bytes);
    if (has !== sha256 && has !== intent) throw new Violation(`rule 1: the row of ${key} describes other bytes`);
  }
  return found;
}

/** No process may end with an error that is not one of feedctl's own: that is a bug. */
export function checkErrors(actors: readonly WorldActor[]): void {
  for (const { name, result } of actors)
    if (result !== undefined && "error" in result && !isFeedctlError(result.error))
      throw new Violation(`${name} failed with a bug`, { cause: result.error });
}

/** What must hold once everything interrupted has been run again, and verify --repair after it. */
export async function checkEnd(world: World, deeds: readonly Deed[]): Promise<void> {
  const { rows, place, path } = await checkRows(world);
  const left = await world.server.query(
    `select 'write' as kind, w.key from feedctl.pending_writes w join feedctl.stores s on s.id = w.store_id
        where s.feed_id = $1 and s.role = 'current'
      union all select 'delete', d.key from feedctl.pending_deletes d join feedctl.stores s on s.id = d.store_id
        where s.feed_id = $1 and s.role = 'current'`,
    [world.feed.id],
  );
  if (left[0] !== undefined) throw new Violation(`rule 7: left pending: ${JSON.stringify(left)}`);
  const keys = new Set<string>(rows.map(({ key }) => key));
  for (const key of place.blobs.keys())
    if (!keys.has(key) && key !== FOREIGN && !isMarker(key))
      throw new Violation(`rule 1: ${key} in ${path} has no row`);
  for (const [where, { blobs }] of world.places)
    if (!blobs.has(FOREIGN)) throw new Violation(`rule 2: the foreign blob in ${where} was deleted`);
  checkPackages(world, rows, deeds);
  checkSource(world, rows, { path, deeds });
}

/** What was in the feed, or was moved into it, is there unless something has deleted it. */
function checkPackages({ fixtures }: World, rows: readonly Row[], deeds: readonly Deed[]): void {
  const has = new Map(rows.map(({ name, version, sha256 }) => [`${name}@${version}`, sha256]));
  const removed = new Set(deeds.flatMap(({ removes }) => removes));
  const added = deeds.flatMap(({ adds }) => adds);
  const moved = deeds.flatMap(({ moves }) => [...moves].filter(([, file]) => !existsSync(file)).map(([id]) => id));
  for (const id of [...INITIAL, ...moved]) {
    const [version = ""] = id.split(":");
    if (removed.has(version)) continue;
    const hash = has.get(version);
    if (hash === undefined) throw new Violation(`${version} is lost`);
    const possible = [...INITIAL, ...added].filter((other) => other.startsWith(`${version}:`));
    if (!possible.some((other) => fixtures.byId.get(other)!.hashes.sha256 === hash))
      throw new Violation(`${version} has bytes that nobody gave`);
  }
}

/** Rule 5: a migration deletes nothing in its source. */
function checkSource(
  { fixtures, places, first }: World,
  rows: readonly Row[],
  end: { path: string; deeds: readonly Deed[] },
): void {
  if (end.path === first) return;
  const touched = new Set(
    end.deeds.flatMap(({ removes, adds }) => [...removes, ...adds.map((id) => id.split(":")[0])]),
  );
  for (const id of INITIAL) {
    const { key, bytes } = fixtures.byId.get(id)!;
    if (touched.has(id.split(":")[0]) || !rows.some((row) => row.key === key)) continue;
    if (places.get(first)!.blobs.get(key)?.bytes.equals(bytes) !== true)
      throw new Violation(`rule 5: the source of the migration lost ${key}`);
  }
}

function isMarker(key: string): boolean {
  return key.startsWith(".feedctl");
}
