import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../support/postgres.ts";
import { checkEnd, checkErrors, checkRows } from "./checks.ts";
import { virtualClock } from "./clock.ts";
import { makeFixtures, type Fixtures } from "./packages.ts";
import { randomOf } from "../support/random.ts";
import { drawDeeds, prepare, type Deed } from "./scenario.ts";
import { KnownLimit, Schedule, Violation } from "./schedule.ts";
import { Stop } from "./stops.ts";
import { connectServer, type Server } from "./server.ts";
import { closeWorld, openWorld, worldActor, type World, type WorldActor } from "./world.ts";

export interface Finding {
  seed: number;
  error: Error;
  deeds: string[];
  trace: string[];
}

/** Runs one schedule after the other, on a database of its own. */
export interface Simulation {
  /** Runs the schedule of a seed. Returns what it found. */
  run(seed: number): Promise<Finding | undefined>;
  /** The moves of the last schedule. */
  readonly trace: readonly string[];
  /** How many deeds of each kind have succeeded in the schedules so far. */
  readonly succeeded: Readonly<Record<string, number>>;
}

export interface Simulations extends AsyncDisposable {
  /** Each can run schedules beside the others: while the server works for one, this process works for another. */
  readonly lanes: readonly Simulation[];
}

/** Schedules until the catalog is emptied. */
const EMPTIED = 100;
/** Part of the schedules after which everything is run once more: it costs as much as the schedule. */
const PART = 0.1;

/** Undefined when this machine has no PostgreSQL. */
export async function openSimulations(count: number): Promise<Simulations | undefined> {
  const postgres = await startPostgres({ quiet: true });
  if (postgres === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "feedctl-simulation-"));
  const fixtures = await makeFixtures(join(folder, "fixtures"));
  const clock = virtualClock();
  // what is loaded later is not noticed by `quiet`: the first schedules would make other moves
  await import("fast-glob");
  const servers: Server[] = [];
  for (let lane = 0; lane < count; lane++) servers.push(await connectServer(await postgres.createCatalog()));
  return {
    lanes: servers.map((server, lane) => openLane({ server, fixtures, folder: join(folder, String(lane)) })),
    async [Symbol.asyncDispose]() {
      clock[Symbol.dispose]();
      for (const server of servers) await server[Symbol.asyncDispose]();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function openLane({ server, fixtures, folder }: Pick<Parts, "server" | "fixtures" | "folder">): Simulation {
  const succeeded: Record<string, number> = {};
  let number = 0;
  let trace: readonly string[] = [];
  return {
    succeeded,
    get trace() {
      return trace;
    },
    async run(seed) {
      if (++number % EMPTIED === 0) await empty(server);
      const own = join(folder, String(number));
      const onTrace = (moves: readonly string[]) => (trace = moves);
      try {
        return await simulate({ server, fixtures, folder: own, number, succeeded, onTrace }, seed);
      } finally {
        if (existsSync(own)) rmSync(own, { recursive: true });
      }
    },
  };
}

/** Nothing vacuums the server's tables. The system's get their rows from the temporary tables of retention plans. */
async function empty(server: Server): Promise<void> {
  await server.query(
    "truncate feedctl.feeds, feedctl.runs, feedctl.stores, feedctl.audit_events, feedctl.locks cascade",
  );
  await server.query("vacuum pg_class, pg_attribute, pg_type, pg_depend, pg_index, pg_constraint");
}

interface Parts {
  server: Server;
  fixtures: Fixtures;
  folder: string;
  number: number;
  succeeded: Record<string, number>;
  onTrace(moves: readonly string[]): void;
}

async function simulate({ number, succeeded, onTrace, ...parts }: Parts, seed: number): Promise<Finding | undefined> {
  const random = randomOf(seed);
  const budget = random.pick([0, 1, 1, 2, 3]);
  const isStopped = random.chance(0.8);
  const losesLocks = isStopped && budget > 0 && random.chance(0.7);
  const schedule = new Schedule(random, { budget: losesLocks ? budget - 1 : budget, chance: 0.03 });
  onTrace(schedule.trace);
  const world = await openWorld({ ...parts, schedule }, number);
  const deeds = drawDeeds(world, random);
  await prepare(
    world,
    deeds.map(({ kind }) => kind),
  );
  const actors = deeds.map(({ name, work }) => worldActor(world, name, work));
  try {
    await schedule.run(actors, isStopped ? new Stop(random, actors, losesLocks) : undefined);
    checkErrors(actors);
    for (const [index, { kind }] of deeds.entries())
      if (hasSucceeded(actors[index]!)) succeeded[kind] = (succeeded[kind] ?? 0) + 1;
    await checkRows(world);
    schedule.active = false;
    const unfinished = deeds.filter((_, index) => !hasSucceeded(actors[index]!));
    await again(world, unfinished, "again");
    await verify(world);
    await checkEnd(world, deeds);
    if (!repeatable(deeds) || !random.chance(PART)) return undefined;
    world.changes.length = 0;
    await again(world, deeds, "once more");
    if (world.changes.length > 0)
      throw new Violation(`rule 7: the run after it did something: ${world.changes.join("; ")}`);
    return undefined;
  } catch (error) {
    if (error instanceof KnownLimit) return undefined;
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
