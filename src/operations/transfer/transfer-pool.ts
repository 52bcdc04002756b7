import { setTimeout as sleep } from "node:timers/promises";
import { isFeedctlError, type FeedctlError } from "../../errors.ts";
import { createPool } from "../../lib/pool.ts";
import { createSpool } from "../../lib/spool.ts";

/**
 * The engine of mirrors, migrations and their workers: does the work on many keys side by side, puts aside what fails
 * and tries it again at the end, and tells one blob's trouble from that of a store that is gone.
 */
export interface Transfer<J> {
  /** Waits for room, then starts the work on one key. Throws what ends the whole run. */
  add(job: J, work: () => Promise<void>): Promise<void>;
  /** What is under way comes to its end. Throws what ends the whole run. */
  idle(): Promise<void>;
  /** Tries again what failed, `retries` times, each time `wait` milliseconds after all else. Yields now and then. */
  retry(): AsyncGenerator<void>;
}

export interface TransferInput<J> {
  concurrency: number;
  retries: number;
  /** Milliseconds. */
  wait: number;
  /** Where jobs that failed are put aside: a path for files of this run alone. */
  spool: string;
  signal: AbortSignal;
  /** Does the work on a job that was put aside, looking at both sides anew. */
  again(job: J): Promise<void>;
  /** An attempt failed and another follows. */
  postponed(job: J, error: FeedctlError): void;
  /** No attempt is left, or none can help. */
  failed(job: J, error: FeedctlError): void;
}

/** `J`: what must be known of a job to try it again; plain JSON. */
export function createTransfer<J>(input: TransferInput<J>): Transfer<J> & AsyncDisposable {
  const { concurrency, wait, spool, signal, again, postponed, failed } = input;
  const pool = createPool(concurrency);
  let aside = createSpool<J>(`${spool}.0`);
  let retries = input.retries;
  let outages = 0;

  async function attempt(job: J, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      outages = 0;
    } catch (error) {
      if (!isItemError(error)) throw error;
      // one blob after the other that cannot be had is no longer a blob's trouble
      outages = isFeedctlError(error, "unavailable", "denied") ? outages + 1 : 0;
      if (outages > Math.max(20, 2 * concurrency)) throw error;
      // what stands in the way will stand there again
      if (retries === 0 || error.code === "conflict") return failed(job, error);
      await aside.add(job);
      postponed(job, error);
    }
  }

  return {
    add: (job, work) => pool.add(() => attempt(job, work)),
    idle: () => pool.idle(),
    async *retry() {
      await pool.idle();
      for (let round = 1; aside.count > 0; round++) {
        await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
        retries--;
        await using jobs = aside;
        aside = createSpool<J>(`${spool}.${round}`);
        for await (const job of jobs.read()) {
          await pool.add(() => attempt(job, () => again(job)));
          yield;
        }
        await pool.idle();
        yield;
      }
    },
    async [Symbol.asyncDispose]() {
      await pool.idle().catch(() => {}); // its error was thrown, unless another came first
      await aside[Symbol.asyncDispose]();
    },
  };
}

/** One blob's trouble, in contrast to a store that is gone for all. */
function isItemError(error: unknown): error is FeedctlError {
  return isFeedctlError(error, "corrupt", "conflict", "not-found", "invalid", "denied", "unavailable");
}
