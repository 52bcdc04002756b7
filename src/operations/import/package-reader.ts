import { availableParallelism } from "node:os";
import { FeedctlError } from "../../errors.ts";
import { createThreadPool, type ThreadPool } from "../../lib/threads/thread-pool.ts";
import { startThread } from "../../lib/threads/thread.ts";
import { readCandidate, type ReadAnswer, type ReadJob } from "./read-package-file.ts";

/** Reads and hashes package files: a few here, many in threads. */
export interface PackageReader extends AsyncDisposable {
  /** So many are read at once when that many are asked for. */
  readonly width: number;
  read(job: ReadJob): Promise<ReadAnswer>;
}

/** Starting a thread takes as long as reading about so many files. */
const BEFORE_THREADS = 32;
const SMALL = 4 * 1024 * 1024;
/** Files of one message. */
const BATCH = 16;
const MAX_THREADS = 4;
/** MiB: a file read whole is one, and what it unpacks to a few. */
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
          module: new URL("./package-worker.ts", import.meta.url),
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
      // buffers arrive as plain arrays
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
