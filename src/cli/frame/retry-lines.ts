import type { FeedctlError } from "../../errors.ts";

/** Milliseconds between two lines. */
const INTERVAL = 1000;

/**
 * Reports retries of store calls, for `--verbose`. A failing store causes hundreds, so there is at most one line a
 * second, with the number of retries that had no line.
 */
export function createRetryLines(
  print: (line: string) => void,
  now: () => Date,
): (error: FeedctlError, milliseconds: number) => void {
  let printed = -Infinity;
  let suppressed = 0;
  return (error, milliseconds) => {
    const time = now().getTime();
    if (time - printed < INTERVAL) {
      suppressed++;
      return;
    }
    const others = suppressed === 0 ? "" : ` (and ${suppressed} more since the last such line)`;
    print(`retrying in ${(milliseconds / 1000).toFixed(1)} s: ${error.message}${others}`);
    printed = time;
    suppressed = 0;
  };
}
