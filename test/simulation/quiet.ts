import { setImmediate as nextTurn } from "node:timers/promises";

/** How many turns of the event loop must pass without file requests: a stream may continue one turn later. */
const TURNS = 2;

/** What `process.getActiveResourcesInfo` calls requests to the file system. */
const isFileRequest = (name: string) =>
  name.startsWith("FSReq") || name.startsWith("FileHandle") || name === "CloseReq";

/**
 * Resolves when no code can continue by itself: all promises that could resolve have been resolved, and no file is
 * being read, written or closed. What is left waits for the scheduler.
 */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < TURNS;) {
    await nextTurn();
    turns = process.getActiveResourcesInfo().some(isFileRequest) ? 0 : turns + 1;
  }
}
