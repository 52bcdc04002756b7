import { availableParallelism } from "node:os";
import { createThreadPool, type ThreadPool } from "../../lib/threads/thread-pool.ts";
import type { SmallPut, SmallPutResult } from "./small.ts";
import { startDiskThread } from "./thread.ts";

/** Of one message: so many files are open at once in a thread. */
const BATCH = 64;

const MAX_THREADS = 2;

export type SmallPutPool = ThreadPool<SmallPut, SmallPutResult>;

/** A few threads that store small files for one store. */
export function createSmallPutPool(): SmallPutPool {
  const threads = Math.min(MAX_THREADS, availableParallelism());
  return createThreadPool({ threads, batch: BATCH, start: () => startDiskThread({ task: "put" }) });
}
