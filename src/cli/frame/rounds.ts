import { setTimeout as sleep } from "node:timers/promises";
import { isFeedctlError, type FeedctlError } from "../../errors.ts";
import { createBackoff } from "../../lib/concurrency/backoff.ts";
import type { Context } from "../../operations/context.ts";

export interface Rounds {
  /** Milliseconds between two rounds. */
  interval: number;
  /** Called after a round that failed, with the milliseconds until the next. */
  failed: (error: FeedctlError, wait: number) => void;
  /** Whether an error may pass, so that another round makes sense. Default: any but a usage error. */
  mayPass?: ((error: FeedctlError) => boolean) | undefined;
  /** Waits between two rounds. Default: just so long. */
  wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** Milliseconds until the next round after the first failure to reach something; see `createBackoff`. */
const FIRST_WAIT = 1000;

/**
 * Repeats a round, such as a scan, until it returns `last` or Ctrl-C is pressed. When the catalog or a store cannot be
 * reached or is locked, the next round comes earlier than after the interval. The embedded catalog is closed between
 * two rounds, so that other commands can open it.
 */
export async function repeatRounds(
  context: Context,
  round: () => Promise<"last" | void>,
  { interval, failed, mayPass, wait }: Rounds,
): Promise<void> {
  const { signal } = context;
  const backoff = createBackoff(FIRST_WAIT, interval);
  for (;;) {
    let pause = interval;
    try {
      if ((await round()) === "last") return;
      backoff.reset();
    } catch (error) {
      if (signal.aborted || !isFeedctlError(error)) throw error;
      if (!(mayPass?.(error) ?? error.code !== "usage")) throw error;
      if (isOutage(error)) pause = backoff.next();
      failed(error, pause);
    }
    await context.releaseCatalog();
    await (wait === undefined ? sleep(pause, undefined, { signal }) : wait(pause));
  }
}

/** Repeats what a command does before its first round, until nothing that it needs is out of reach or locked. */
export async function tryUntilReached<T>(
  context: Context,
  interval: number,
  attempt: () => Promise<T>,
  failed: Rounds["failed"],
): Promise<T> {
  const reached: T[] = [];
  const round = async () => {
    reached.push(await attempt());
    return "last" as const;
  };
  await repeatRounds(context, round, { interval, failed, mayPass: isOutage });
  return reached[0]!;
}

/** Whether the catalog or a store cannot be reached, or is locked. */
export function isOutage(error: unknown): boolean {
  return isFeedctlError(error, "unavailable", "locked");
}
