import { setTimeout as sleep } from "node:timers/promises";
import { isFeedctlError } from "../../errors.ts";
import { createBackoff } from "../../lib/concurrency/backoff.ts";
import type { Context } from "../context.ts";

/** Outages of the catalog, as a worker survives them. */
export interface Outages {
  /** Resolves when it is time for another try. Rejects with any error that is not an outage. */
  survive(error: unknown): Promise<void>;
  /** Called when the catalog has answered. */
  over(): void;
}

/** Milliseconds between tries to reach the catalog: the first, and the longest. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/** `stop` ends a wait early. */
export function createOutages(context: Context, stop: AbortSignal): Outages {
  const backoff = createBackoff(FIRST_WAIT, LONGEST_WAIT);
  let reported: string | undefined;
  return {
    async survive(error) {
      if (!isFeedctlError(error, "unavailable", "locked")) throw error;
      if (error.message !== reported) context.notice(`${error.message}; trying again`);
      reported = error.message;
      await sleep(backoff.next(), undefined, { signal: stop }).catch(() => {});
    },
    over() {
      if (reported !== undefined) context.notice("the catalog can be reached again");
      reported = undefined;
      backoff.reset();
    },
  };
}
