import { availableParallelism } from "node:os";
import { FeedctlError } from "../../errors.ts";
import { limits } from "../../lib/limits.ts";
import { ownFile } from "../../lib/own-file.ts";
import { createThreadPool, type ThreadPool } from "../../lib/threads/thread-pool.ts";
import { startThread } from "../../lib/threads/thread.ts";
import { readCandidate, type ReadAnswer, type ReadJob } from "./read-package-file.ts";

/** Reads and hashes package files: the first small ones in this thread, further ones in worker threads. */
export interface PackageReader extends AsyncDisposable {
  /** How many reads to run in parallel to keep all threads busy. */
  readonly width: number;
  read(job: ReadJob): Promise<ReadAnswer>;
}

/** Files read before threads are started: starting one takes about as long as reading this many. */
const BEFORE_THREADS = 32;
const SMALL = 4 * 1024 * 1024;
/** Files per message to a thread. */
const BATCH = 16;
const MAX_THREADS = 4;
/** Size of a thread's young generation in MiB: a file read whole needs 1, its unpacked content a few. */
const YOUNG = 4;

export function openPackageReader(signal: AbortSignal): PackageReader {
  const threads = Math.max(1, Math.min(MAX_THREADS, availableParallelism() - 1));
  let pool: ThreadPool<ReadJob, ReadAnswer> | undefined;
  let asked = 0;
  const stop = () => void pool?.abort();

  const open = () => {
    signal.addEventListener("abort", stop, { once: true });
    return createThreadPool<ReadJob, ReadAnswer>({
      threads,
      batch: BATCH,
      start: () =>
        startThread({
          module: ownFile("operations/import/package-worker.ts"),
          workerData: { ...limits },
          young: YOUNG,
          ended: () => ended(signal),
        }),
    });
  };

  return {
    width: threads * BATCH * 2,
    async read(job) {
      if (signal.aborted) throw ended(signal);
      if (++asked <= BEFORE_THREADS && job.file.size <= SMALL) return readCandidate(job, undefined, signal);
      const answer = await (pool ??= open()).run(job);
      // structured cloning turns a Buffer into a Uint8Array
      if ("item" in answer) answer.item.identity.sortKey = Buffer.from(answer.item.identity.sortKey);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", stop);
      await pool?.abort();
    },
  };
}

function ended(signal: AbortSignal): Error {
  if (signal.aborted) return new FeedctlError("interrupted", "reading packages was interrupted");
  return new Error("a thread that reads packages ended too early");
}
