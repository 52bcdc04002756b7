/** What a task tells about the strength of the other side: it did its work, it had too much of it, or neither. */
export type Outcome = "done" | "overloaded" | "other";

/**
 * Lets tasks in, fewer at once when the other side is overloaded. While it is not, everybody comes in: how many there
 * are is the callers' choice. An overload lowers the limit to 0.65 of those who are in; tasks that came in before the
 * fall cannot lower it again. As many tasks done as the limit says raise it by one, until it no longer matters.
 */
export interface Gate {
  /** Waits for room, in order of arrival. The result is to be called once, when the task has ended. */
  enter(signal?: AbortSignal): Promise<(outcome: Outcome) => void>;
  /** Infinity while there is none. */
  readonly limit: number;
}

const FALL = 0.65;

export function createGate(): Gate {
  let limit = Infinity;
  /** How many were in when the limit came up: at so many it goes away again. */
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
