import { availableParallelism } from "node:os";
import { startDiskThread } from "./disk-thread.ts";
import type { DiskThread } from "./disk-thread.ts";
import type { SmallPut, SmallPutResult } from "./disk-small.ts";

/** Of one call: bounds the open files, and the time after which an interruption is heeded. */
const BATCH = 64;

const MAX_THREADS = 2;

/** A few threads that store small files for one store, started when they are first needed. */
export interface SmallPutPool {
  put(put: SmallPut): Promise<SmallPutResult>;
  /** Lets what is under way finish. */
  close(): Promise<void>;
}

interface Job {
  put: SmallPut;
  promise: PromiseWithResolvers<SmallPutResult>;
}

export function createSmallPutPool(): SmallPutPool {
  const threads: DiskThread<SmallPut[], SmallPutResult[]>[] = [];
  const idle: typeof threads = [];
  const busy = new Set<Promise<void>>();
  let waiting: Job[] = [];
  let scheduled = false;

  /** Hands out what waits in equal shares, so that as many threads as possible have work. */
  const handOut = () => {
    scheduled = false;
    while (waiting.length > 0) {
      // A thread more only for those who would otherwise wait: one caller at a time needs but one.
      if (idle.length === 0 && threads.length < Math.min(MAX_THREADS, availableParallelism())) {
        const thread = startDiskThread<SmallPut[], SmallPutResult[]>({ task: "put" });
        threads.push(thread);
        idle.push(thread);
      }
      const spare = idle.length + Math.min(MAX_THREADS, availableParallelism()) - threads.length;
      const thread = idle.pop();
      if (thread === undefined) return;
      const jobs = waiting.splice(0, Math.min(BATCH, Math.ceil(waiting.length / Math.max(1, spare))));
      const work: Promise<void> = run(thread, jobs).finally(() => busy.delete(work));
      busy.add(work);
    }
  };

  const run = async (thread: (typeof threads)[number], jobs: Job[]) => {
    try {
      thread.send(jobs.map(({ put }) => put));
      const results = await thread.answer();
      for (const [i, { promise }] of jobs.entries()) promise.resolve(results[i]!);
      idle.push(thread);
    } catch (error) {
      // A dead thread is not used again; the next call starts another.
      threads.splice(threads.indexOf(thread), 1);
      for (const { promise } of jobs) promise.reject(error);
    }
    schedule();
  };

  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    // Not at once: those who were just answered are about to ask for more, and one message then carries it all.
    setImmediate(handOut);
  };

  return {
    put(put) {
      const promise = Promise.withResolvers<SmallPutResult>();
      waiting.push({ put, promise });
      schedule();
      return promise.promise;
    },
    async close() {
      while (busy.size > 0 || waiting.length > 0) {
        schedule();
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.all(busy);
      }
      await Promise.all(threads.splice(0).map((thread) => thread.end()));
      idle.length = 0;
    },
  };
}
