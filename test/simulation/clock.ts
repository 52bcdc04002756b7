import { AsyncLocalStorage } from "node:async_hooks";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import type { Actor } from "./actor.ts";

/** The actor on whose behalf the running code was called. */
export const acting = new AsyncLocalStorage<Actor>();

/**
 * Makes the waits and the monotonic clock of actors virtual: a wait ends when the schedule says so, and time passes
 * only then. Everything else in the process keeps its clock.
 */
export function virtualClock(): Disposable {
  const real = timers.setTimeout;
  const realNow = performance.now;
  timers.setTimeout = ((milliseconds, value, options) => {
    const actor = acting.getStore();
    if (actor === undefined) return real(milliseconds, value, options);
    return actor.schedule.wait(actor, milliseconds ?? 0, options).then(() => value);
  }) as typeof real;
  performance.now = () => acting.getStore()?.schedule.time ?? realNow.call(performance);
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      timers.setTimeout = real;
      performance.now = realNow;
      syncBuiltinESMExports();
    },
  };
}
