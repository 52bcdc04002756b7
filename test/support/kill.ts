import { setTimeout as sleep } from "node:timers/promises";
import type { Sandbox } from "./feedctl.ts";
import { randomOf } from "./random.ts";

/** Runs feedctl and kills it (SIGKILL) after so many milliseconds. Returns the duration of a run that ended first. */
export async function killAfter(
  place: Sandbox,
  milliseconds: number,
  args: readonly string[],
): Promise<{ killed: boolean; elapsed: number }> {
  const since = performance.now();
  const running = await place.start(args);
  await Promise.race([sleep(milliseconds), running.finished]);
  running.child.kill("SIGKILL");
  const { code } = await running.finished;
  return { killed: code === null, elapsed: performance.now() - since };
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
