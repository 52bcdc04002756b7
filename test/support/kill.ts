import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { RunningFeedctl, Sandbox } from "./feedctl.ts";
import { randomOf } from "./random.ts";
import { until } from "./wait.ts";

type Place = Sandbox & { readonly env?: Record<string, string> };

/**
 * Runs feedctl and kills it (SIGKILL) after so many milliseconds. Returns the duration of a run that ended first. Nothing
 * else may be connected to the catalog.
 */
export async function killAfter(
  place: Place,
  milliseconds: number,
  args: readonly string[],
): Promise<{ killed: boolean; elapsed: number }> {
  const since = performance.now();
  const running = await place.start(args);
  await Promise.race([sleep(milliseconds), running.finished]);
  running.child.kill("SIGKILL");
  const { code } = await running.finished;
  const elapsed = performance.now() - since;
  await endOfSessions(place);
  return { killed: code === null, elapsed };
}

/** Kills a process (SIGKILL), and waits until it and its sessions have ended. */
export async function killNow(place: Place, running: RunningFeedctl): Promise<void> {
  running.child.kill("SIGKILL");
  await running.finished;
  await endOfSessions(place);
}

/** A session of a killed process ends, with its locks, when PostgreSQL next reads from it: late on a busy machine. */
async function endOfSessions({ env }: Place): Promise<void> {
  const url = env?.["FEEDCTL_DATABASE_URL"];
  if (url === undefined) return;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const others = `select 1 from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;
  try {
    await until("the sessions of the killed process end", async () => (await client.query(others)).rowCount === 0);
  } finally {
    await client.end();
  }
}

/** Duration of a whole run, in milliseconds, to choose the points for `killAfter`. */
export async function duration(place: Sandbox, args: readonly string[]): Promise<number> {
  const since = performance.now();
  const result = await place.feedctl(args);
  if (result.code !== 0)
    throw new Error(`feedctl ${args.join(" ")} exits with ${result.code}: ${result.stdout}${result.stderr}`);
  return performance.now() - since;
}

/** `count` numbers, one in each equal slice from `first` to `last`, the same for the same seed. */
export function killPoints(count: number, first: number, last: number, seed: number): number[] {
  const random = randomOf(seed);
  const slice = (last - first) / count;
  return Array.from({ length: count }, (_, index) => first + (index + random.next()) * slice);
}
