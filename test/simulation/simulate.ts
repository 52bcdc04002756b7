import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "../../src/catalog/connection/open-postgres.ts";
import type { Catalog } from "../../src/catalog/connection/catalog.ts";
import { startPostgres } from "../support/postgres.ts";
import { checkEnd, checkErrors, checkRows } from "./checks.ts";
import { virtualClock } from "./clock.ts";
import { makeFixtures, type Fixtures } from "./packages.ts";
import { randomOf } from "../support/random.ts";
import { drawDeeds, type Deed } from "./scenario.ts";
import { Schedule, Violation } from "./schedule.ts";
import { connectServer, type Server } from "./scheduled-pool.ts";
import { closeWorld, openWorld, worldActor, type World, type WorldActor } from "./world.ts";

export interface Finding {
  seed: number;
  error: Error;
  deeds: string[];
  trace: string[];
}

export interface Simulation extends AsyncDisposable {
  /** Runs the schedule of a seed. Returns what it found. */
  run(seed: number): Promise<Finding | undefined>;
  /** The moves of the last schedule. */
  readonly trace: readonly string[];
  /** How many deeds of each kind have succeeded in the schedules so far. */
  readonly succeeded: Readonly<Record<string, number>>;
}

/** Schedules until the catalog is emptied. */
const EMPTIED = 200;
/** Part of the schedules after which everything is run once more: it costs as much as the schedule. */
const THIRD = 0.3;

/** Undefined when this machine has no PostgreSQL. */
export async function openSimulation(): Promise<Simulation | undefined> {
  const postgres = await startPostgres({ quiet: true });
  if (postgres === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "feedctl-simulation-"));
  const url = await postgres.createCatalog();
  const catalog = await openPostgres(url);
  const server = await connectServer(url);
  const clock = virtualClock();
  const fixtures = await makeFixtures(join(folder, "fixtures"));
  const succeeded: Record<string, number> = {};
  let count = 0;
  let trace: readonly string[] = [];
  return {
    succeeded,
    get trace() {
      return trace;
    },
    async run(seed) {
      if (++count % EMPTIED === 0)
        await server.query(
          "truncate feedctl.feeds, feedctl.runs, feedctl.stores, feedctl.audit_events, feedctl.locks cascade",
        );
      const own = join(folder, String(count));
      const parts = {
        catalog,
        server,
        fixtures,
        folder: own,
        number: count,
        succeeded,
        onTrace: (moves: readonly string[]) => (trace = moves),
      };
      return simulate(parts, seed).finally(() => {
        if (existsSync(own)) rmSync(own, { recursive: true });
      });
    },
    async [Symbol.asyncDispose]() {
      clock[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await catalog[Symbol.asyncDispose]();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Parts {
  catalog: Catalog;
  server: Server;
  fixtures: Fixtures;
  folder: string;
  number: number;
  succeeded: Record<string, number>;
  onTrace(moves: readonly string[]): void;
}

async function simulate(
  { catalog, number, succeeded, onTrace, ...parts }: Parts,
  seed: number,
): Promise<Finding | undefined> {
  const random = randomOf(seed);
  const budget = random.pick([0, 1, 1, 2, 3]);
  const schedule = new Schedule(random, { budget, chance: 0.03 });
  onTrace(schedule.trace);
  const world = await openWorld({ ...parts, schedule }, catalog.db, number);
  const deeds = drawDeeds(world, random);
  const actors = deeds.map(({ name, work }) => worldActor(world, name, work));
  try {
    await schedule.run(actors);
    checkErrors(actors);
    for (const [index, { kind }] of deeds.entries())
      if (hasSucceeded(actors[index]!)) succeeded[kind] = (succeeded[kind] ?? 0) + 1;
    await checkRows(world);
    schedule.active = false;
    const unfinished = deeds.filter((_, index) => !hasSucceeded(actors[index]!));
    await again(world, unfinished, "again");
    await verify(world);
    await checkEnd(world, deeds);
    if (!repeatable(deeds) || !random.chance(THIRD)) return undefined;
    world.changes.length = 0;
    await again(world, deeds, "once more");
    if (world.changes.length > 0)
      throw new Violation(`rule 7: the run after it did something: ${world.changes.join("; ")}`);
    return undefined;
  } catch (error) {
    return { seed, error: error as Error, deeds: deeds.map(({ name }) => name), trace: schedule.trace };
  } finally {
    for (const actor of actors) {
      actor.state = "crashed";
      await actor.disconnect();
    }
    await closeWorld(world);
  }
}

/** A summary with failures, such as that of a migration that could not copy a blob, is no success. */
function hasSucceeded({ result }: WorldActor): boolean {
  if (result === undefined || "error" in result) return false;
  const events: unknown[] = Array.isArray(result.value) ? result.value : [];
  const last = (events.at(-1) ?? {}) as { outcome?: string; failed?: number };
  return last.outcome !== "incomplete" && !((last.failed ?? 0) > 0);
}

/** Whether a third run must find nothing to do: nobody adds what another one deletes, or deletes in two steps. */
function repeatable(deeds: readonly Deed[]): boolean {
  const removed = new Set(deeds.flatMap(({ removes }) => removes));
  const added = new Map(deeds.flatMap(({ adds }) => adds.map((id) => id.split(":") as [string, string])));
  return deeds.every(({ adds, settles }) => {
    const versions = adds.map((id) => id.split(":") as [string, string]);
    return settles && versions.every(([version, content]) => !removed.has(version) && added.get(version) === content);
  });
}

/** Runs deeds once more, one after the other and undisturbed. */
async function again(world: World, deeds: readonly Deed[], when: string): Promise<void> {
  for (const { name, work } of deeds) {
    const actor = worldActor(world, `${name}, ${when}`, work);
    await actor.start();
    checkErrors([actor]);
    await checkRows(world);
  }
}

async function verify(world: World): Promise<void> {
  const { verifyFeed } = await import("../../src/operations/verify/verify.ts");
  const actor = worldActor(world, "verify --repair", (context) =>
    Array.fromAsync(verifyFeed(context, { feed: world.feed.name, repair: true })),
  );
  await actor.start();
  if (actor.result !== undefined && "error" in actor.result) throw actor.result.error;
}
