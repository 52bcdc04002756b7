import type { Thread } from "./thread.ts";

/** A pool of worker threads that are started on demand. */
export interface ThreadPool<Job, Result> {
  run(job: Job): Promise<Result>;
  /** Waits for all jobs, then ends the threads. */
  close(): Promise<void>;
  /** Ends the threads at once: unfinished jobs reject. */
  abort(): Promise<void>;
}

export interface PoolOptions<Job, Result> {
  threads: number;
  /** Most jobs per message. Bounds how many files a thread has open, and how long an interruption takes. */
  batch: number;
  /** Starts a thread that answers a message with the results of its jobs, in the same order. */
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

  /** Distributes the waiting jobs in equal shares, so that as many threads as possible have work. */
  const distribute = () => {
    scheduled = false;
    while (waiting.length > 0) {
      // Start another thread only if a job would wait otherwise: sequential callers need only one.
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
      // Drop the dead thread; the next job starts another.
      const at = threads.indexOf(thread);
      if (at >= 0) threads.splice(at, 1);
      for (const { promise } of jobs) promise.reject(error);
    }
    schedule();
  };

  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    // Later: callers whose jobs just ended may add more, and one message then carries them all.
    setImmediate(distribute);
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
      const aborted = waiting;
      waiting = [];
      for (const { promise } of aborted) promise.reject(new Error("the job was aborted"));
      await end();
      await Promise.all(busy);
    },
  };
}
