import type { Thread } from "./thread.ts";

/** A few threads that do jobs, started when they are first needed. */
export interface ThreadPool<Job, Result> {
  run(job: Job): Promise<Result>;
  /** Lets what is under way finish. */
  close(): Promise<void>;
  /** Ends the threads at once: what is under way rejects. */
  abort(): Promise<void>;
}

export interface PoolOptions<Job, Result> {
  threads: number;
  /** Jobs of one message: bounds what a thread has open, and the time until an interruption is heeded. */
  batch: number;
  /** A thread answers the jobs of a message with as many results in the same order. */
  start(): Thread<Job[], Result[]>;
}

interface Waiting<Job, Result> {
  job: Job;
  promise: PromiseWithResolvers<Result>;
}

export function createThreadPool<Job, Result>({
  threads: most,
  batch,
  start,
}: PoolOptions<Job, Result>): ThreadPool<Job, Result> {
  const threads: Thread<Job[], Result[]>[] = [];
  const idle: typeof threads = [];
  const busy = new Set<Promise<void>>();
  let waiting: Waiting<Job, Result>[] = [];
  let scheduled = false;

  /** Hands out what waits in equal shares, so that as many threads as possible have work. */
  const handOut = () => {
    scheduled = false;
    while (waiting.length > 0) {
      // A thread more only for those who would otherwise wait: one caller at a time needs but one.
      if (idle.length === 0 && threads.length < most) {
        const thread = start();
        threads.push(thread);
        idle.push(thread);
      }
      const spare = idle.length + most - threads.length;
      const thread = idle.pop();
      if (thread === undefined) return;
      const jobs = waiting.splice(0, Math.min(batch, Math.ceil(waiting.length / Math.max(1, spare))));
      const work: Promise<void> = run(thread, jobs).finally(() => busy.delete(work));
      busy.add(work);
    }
  };

  const run = async (thread: (typeof threads)[number], jobs: Waiting<Job, Result>[]) => {
    try {
      thread.send(jobs.map(({ job }) => job));
      const results = await thread.answer();
      for (const [i, { promise }] of jobs.entries()) promise.resolve(results[i]!);
      idle.push(thread);
    } catch (error) {
      // A dead thread is not used again; the next call starts another.
      const at = threads.indexOf(thread);
      if (at >= 0) threads.splice(at, 1);
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

  const end = async () => {
    idle.length = 0;
    await Promise.all(threads.splice(0).map((thread) => thread.end()));
  };

  return {
    run(job) {
      const promise = Promise.withResolvers<Result>();
      waiting.push({ job, promise });
      schedule();
      return promise.promise;
    },
    async close() {
      while (busy.size > 0 || waiting.length > 0) {
        schedule();
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.all(busy);
      }
      await end();
    },
    async abort() {
      const lost = waiting;
      waiting = [];
      for (const { promise } of lost) promise.reject(new Error("the work was given up"));
      await end();
      await Promise.all(busy);
    },
  };
}
