import type { FeedctlError } from "../../errors.ts";

/** Milliseconds between two lines. */
const INTERVAL = 1000;

/**
 * Tells that store calls are tried again, for `--verbose`. A store in trouble fails by the hundred: at most one line a
 * second, which counts those that had none.
 */
export function createRetryLines(
  print: (line: string) => void,
  now: () => Date,
): (error: FeedctlError, milliseconds: number) => void {
  let printed = -Infinity;
  let untold = 0;
  return (error, milliseconds) => {
    const time = now().getTime();
    if (time - printed < INTERVAL) {
      untold++;
      return;
    }
    const others = untold === 0 ? "" : ` (and ${untold} more since the last such line)`;
    print(`tried again in ${(milliseconds / 1000).toFixed(1)} s: ${error.message}${others}`);
    printed = time;
    untold = 0;
  };
}
