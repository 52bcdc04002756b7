import { availableParallelism } from "node:os";
import { createThreadPool, type ThreadPool } from "../../lib/threads/thread-pool.ts";
import type { SmallPut, SmallPutResult } from "./small.ts";
import { startDiskThread } from "./thread.ts";

/** How many files one message holds, and so how many a thread has open at once. */
const BATCH = 64;

const MAX_THREADS = 2;

export type SmallPutPool = ThreadPool<SmallPut, SmallPutResult>;

/** Creates the threads that store small files for one store. `memory`: of `SmallPut.from`. */
export function createSmallPutPool(memory: SharedArrayBuffer): SmallPutPool {
  const threads = Math.min(MAX_THREADS, availableParallelism());
  return createThreadPool({ threads, batch: BATCH, start: () => startDiskThread({ task: "put", memory }) });
}
