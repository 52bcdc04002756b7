/** How a task ended: the server did its work, it was overloaded, or neither is known. */
export type Outcome = "done" | "overloaded" | "other";

/**
 * A semaphore that adapts to an overloaded server (additive increase, multiplicative decrease). It has no limit until
 * the first overload, which sets the limit to 0.65 of the running tasks. Tasks that started before a decrease cannot
 * decrease it again. After `limit` successful tasks the limit grows by one, until it is removed.
 */
export interface Gate {
  /** Waits for a slot, first in, first out. Call the result once, when the task has ended. */
  enter(signal?: AbortSignal): Promise<(outcome: Outcome) => void>;
  /** How many tasks may run at once. Infinity: unlimited. */
  readonly limit: number;
}

const FALL = 0.65;

export function createGate(): Gate {
  let limit = Infinity;
  /** How many tasks were running when the limit was set. The limit is removed when it reaches this number. */
  let enough = 0;
  let inside = 0;
  let done = 0;
  let falls = 0;
  const waiting: (() => void)[] = [];

  const admit = () => {
    while (inside < limit && waiting.length > 0) {
      inside++;
      waiting.shift()?.();
    }
  };

  const turn = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        waiting.splice(waiting.indexOf(begin), 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", giveUp, { once: true });
      waiting.push(begin);
    });

  const fall = () => {
    if (limit === Infinity) enough = inside;
    limit = Math.max(1, Math.floor(Math.min(limit, inside) * FALL));
    done = 0;
    falls++;
  };

  const rise = () => {
    if (limit === Infinity || ++done < limit) return;
    done = 0;
    limit = limit + 1 < enough ? limit + 1 : Infinity;
  };

  return {
    get limit() {
      return limit;
    },
    async enter(signal) {
      signal?.throwIfAborted();
      if (inside < limit) inside++;
      else await turn(signal);
      const fallsBefore = falls;
      return (outcome) => {
        if (outcome === "done") rise();
        else if (outcome === "overloaded" && falls === fallsBefore) fall();
        inside--;
        admit();
      };
    },
  };
}
