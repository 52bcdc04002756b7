/** How many turns of the event loop must pass without file requests: a stream may continue one turn later. */
const TURNS = 2;

/** What `process.getActiveResourcesInfo` calls requests to the file system. */
const FILE_REQUESTS = ["FSReq", "FileHandle", "CloseReq"];

/**
 * Resolves when no code can continue by itself: all promises that could resolve have been resolved, and no file is
 * being read, written or closed. What is left waits for the scheduler.
 */
export function quiet(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let turns = 0;
  const next = () => {
    // a turn of the event loop waits for files only when nothing else is to be done at once
    if (hasFileRequests()) {
      turns = 0;
      setTimeout(next, 1);
    } else if (++turns < TURNS) setImmediate(next);
    else resolve();
  };
  setImmediate(next);
  return promise;
}

function hasFileRequests(): boolean {
  for (const name of process.getActiveResourcesInfo())
    for (const start of FILE_REQUESTS) if (name.startsWith(start)) return true;
  return false;
}
