import { setImmediate as nextTurn } from "node:timers/promises";

/** How many turns of the event loop must pass without file requests: a stream may continue one turn later. */
const TURNS = 2;

/**
 * Resolves when no code can continue by itself: all promises that could resolve have been resolved, and no file is
 * being read or written. What is left waits for the scheduler.
 */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < TURNS;) {
    await nextTurn();
    const busy = process
      .getActiveResourcesInfo()
      .some((name) => name.startsWith("FSReq") || name.startsWith("FileHandle"));
    turns = busy ? 0 : turns + 1;
  }
}
