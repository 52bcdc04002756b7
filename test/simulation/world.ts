import { join } from "node:path";
import { catalogOn } from "../../src/catalog/connection/open-postgres.ts";
import { insertFeed } from "../../src/catalog/feeds.ts";
import { insertFiles } from "../../src/catalog/packages.ts";
import { insertStore, recordMark } from "../../src/catalog/stores.ts";
import type { Context } from "../../src/operations/context.ts";
import { newFile } from "../../src/operations/import/put-package.ts";
import { MARKER_KEY } from "../../src/lib/key.ts";
import { parseKey } from "../../src/stores/key.ts";
import { directoryLocation } from "../../src/stores/location.ts";
import { isDirectory } from "../../src/stores/providers.ts";
import { retrying } from "../../src/stores/retry/retry.ts";
import { acting } from "./clock.ts";
import { MemoryPlace } from "./memory-store.ts";
import type { Fixtures } from "./packages.ts";
import type { Actor } from "./actor.ts";
import { KnownLimit, Violation, type Schedule } from "./schedule.ts";
import { ScheduledPool } from "./scheduled-pool.ts";
import type { Server } from "./server.ts";
import { scheduledStore } from "./scheduled-store.ts";

/** What feedctl's processes share in one schedule: a feed with its rows, its stores and its drop path. */
export interface World {
  schedule: Schedule;
  server: Server;
  fixtures: Fixtures;
  feed: { id: number; name: string };
  /** A folder of this schedule. */
  folder: string;
  /** Where the feed's files are at first, and where migrations move them. */
  first: string;
  second: string;
  /** The version that is cached from elsewhere, if any. */
  cached: string | undefined;
  /** Blobs by the path of their store. */
  places: Map<string, MemoryPlace>;
  /** Requests that changed a store, since it was emptied. */
  changes: string[];
}

/** A blob of somebody else, in both stores. */
export const FOREIGN = parseKey("zz-foreign/keep.txt");

/** The packages that the feed has at first. */
export const INITIAL = ["a@1.0.0:x", "b@1.0.0:x", "b@2.0.0:x"] as const;

/** What actors do: the operation that they run and what it reports. */
export type Work = (context: Context) => Promise<unknown>;

export interface WorldActor extends Actor {
  result: { value: unknown } | { error: unknown } | undefined;
}

export async function openWorld(
  about: Pick<World, "schedule" | "server" | "fixtures" | "folder">,
  number: number,
): Promise<World> {
  const { fixtures } = about;
  const { db } = about.server.catalog;
  const now = new Date();
  const name = `feed-${process.pid}-${number}`;
  const feed = await insertFeed(db, { name, type: "npm", description: null, now });
  if (feed === undefined) throw new Error(`feed ${name} exists`);
  const [first, second] = [`/simulation/${number}/first`, `/simulation/${number}/second`];
  const location = directoryLocation(first);
  const options = { path: first };
  const store = await insertStore(db, { feedId: feed.id, type: "disk", options, location, role: "current", now });
  const places = new Map([first, second].map((path) => [path, new MemoryPlace()]));
  const files = INITIAL.map((id) => {
    const fixture = fixtures.byId.get(id)!;
    const { tag } = places.get(first)!.put(fixture.key, fixture.bytes, { ifExists: "fail" });
    const source = { size: fixture.bytes.length, open: () => Promise.reject(new Error("already stored")) };
    return newFile({ ...fixture, source }, tag ?? null);
  });
  await db
    .transaction()
    .execute((transaction) => insertFiles(transaction, feed.id, files, { at: now, by: "somebody" }));
  if (about.schedule.random.chance(0.8)) {
    const marker = { installation: about.server.installation, feed: feed.id, store: store.id };
    places.get(first)!.put(MARKER_KEY, Buffer.from(JSON.stringify(marker)), { ifExists: "fail" });
    await recordMark(db, store.id, { location, host: "simulation", now });
  }
  const cached = about.schedule.random.chance(0.2) ? "b@2.0.0" : undefined;
  if (cached !== undefined)
    await about.server.query(
      `update feedctl.versions v set cached = true from feedctl.packages p
        where p.id = v.package_id and p.feed_id = $1 and p.name || '@' || v.version = $2`,
      [feed.id, cached],
    );
  for (const place of places.values()) place.put(FOREIGN, Buffer.from("somebody else's"), { ifExists: "fail" });
  return { ...about, feed: { id: feed.id, name }, first, second, cached, places, changes: [] };
}

/** Makes the places free for the next schedule, whose migrations would otherwise have to compare all of them. */
export async function closeWorld({ server, feed }: World): Promise<void> {
  await server.query(
    `with places as (update feedctl.stores set retired_at = now(), role = 'previous' where feed_id = $1)
      update feedctl.feeds set drop_path = null where id = $1`,
    [feed.id],
  );
}

/** A process of feedctl that runs one operation in the world. */
export function worldActor(world: World, name: string, work: Work): WorldActor {
  const { schedule, server } = world;
  let pool: ScheduledPool | undefined;
  const actor: WorldActor = {
    name,
    schedule,
    state: "new",
    result: undefined,
    sessions: () => pool?.sessions() ?? [],
    async disconnect() {
      await pool?.end();
    },
    async start() {
      pool = new ScheduledPool(server, actor);
      const catalog = catalogOn(pool, "the simulated catalog");
      try {
        const value = await acting.run(actor, () => work(contextOf(world, actor, catalog)));
        actor.result = { value };
      } catch (error) {
        actor.result = { error };
      }
      if (actor.state === "crashed") return;
      actor.state = "ended";
      await pool.end();
    },
  };
  return actor;
}

function contextOf(world: World, actor: Actor, catalog: ReturnType<typeof catalogOn>): Context {
  const { schedule, places } = world;
  const open = async () => catalog;
  return {
    dataDir: join(world.folder, actor.name.replaceAll(/\W/g, "-")),
    configuredSettings: new Map(),
    storeProfiles: new Map(),
    concurrency: 2,
    lockWait: 5000,
    signal: NEVER,
    platform: process.platform,
    actor: actor.name,
    host: "simulation",
    pid: 1,
    now: () => new Date(START + schedule.time),
    clockAhead: async () => 0,
    monotonic: () => schedule.time,
    sleep: (milliseconds, signal = NEVER) => schedule.wait(actor, milliseconds, { signal }),
    createCatalog: open,
    randomBytes: (count) => Buffer.from(Array.from({ length: count }, () => schedule.random.below(256))),
    env: () => undefined,
    catalog: open,
    bareCatalog: open,
    withCatalog: (look) => look(catalog),
    async releaseCatalog() {},
    async openStore(config) {
      const blobs = isDirectory(config) ? places.get(config.path) : undefined;
      if (blobs === undefined || !isDirectory(config)) throw new Error("no such place in the simulation");
      const store = scheduledStore(
        {
          name: config.path,
          blobs,
          onRemove: (key, by, how) => refuseLoss(world, config.path, { key, by, how }),
          onChange: (what) => world.changes.push(`${what} in ${config.path}`),
        },
        actor,
      );
      return retrying(store, { attempts: 3, random: () => schedule.random.next() });
    },
    sealingSecret: async () => undefined,
    readFile: () => Promise.reject(new Error("no files in the simulation")),
    notice() {},
  };
}

const NEVER = new AbortController().signal;

/** The beginning of virtual time. */
const START = Date.now();

/**
 * Rule 1, removing: the row goes before the blob. A blob of a row is replaced only after its write was announced with
 * the row to follow.
 */
async function refuseLoss(
  { server, feed, schedule }: World,
  path: string,
  { key, by, how }: { key: string; by: Actor; how: "delete" | "replace" },
): Promise<void> {
  const [row] = await server.query<{ announcer: string | null }>(
    `select r.actor as announcer
      from feedctl.files f join feedctl.stores s on s.feed_id = f.feed_id and s.role = 'current'
      left join feedctl.pending_writes w on w.store_id = s.id and w.key = f.key and w.replacement is not null
      left join feedctl.runs r on r.id = w.run_id
      where f.feed_id = $1 and f.key = $2 and s.options->>'path' = $3`,
    [feed.id, key, path],
  );
  if (how === "replace" && by.hasLostLocks === true && row?.announcer !== by.name)
    return void schedule.violations.push(new KnownLimit(`${by.name} replaced ${key} without its locks`));
  if (row === undefined || (how === "replace" && row.announcer !== null)) return;
  schedule.violations.push(new Violation(`rule 1: ${by.name} made ${how} of ${key}, which has a row`));
}
