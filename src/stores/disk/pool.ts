import { availableParallelism } from "node:os";
import { createThreadPool, type ThreadPool } from "../../lib/threads/thread-pool.ts";
import { startDiskThread } from "./thread.ts";
import type { DiskTask } from "./worker.ts";

/** How many files one message holds, and so how many a thread may have open at once. */
const BATCH = 64;

const MAX_THREADS = 2;

/** Creates the threads that handle small files for one store. */
export function createDiskPool<Job, Result>(task: DiskTask): ThreadPool<Job, Result> {
  const threads = Math.min(MAX_THREADS, availableParallelism());
  return createThreadPool({ threads, batch: BATCH, start: () => startDiskThread(task) });
}
