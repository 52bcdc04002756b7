import { setTimeout as sleep } from "node:timers/promises";
import { isFeedctlError, type FeedctlError } from "../../errors.ts";
import { createPool } from "../../lib/concurrency/pool.ts";
import { createSpool } from "../../lib/lists/spool.ts";

/**
 * The pool of mirrors, migrations and their workers: runs jobs in parallel, queues failed ones for a retry at the end,
 * and distinguishes the failure of one blob from an outage of the store.
 */
export interface Transfer<J> {
  /** Waits for a free slot, then starts the job. Throws an error that ends the run, such as an outage. */
  add(job: J, work: () => Promise<void>): Promise<void>;
  /** Waits until all running jobs have ended. Throws an error that ends the run. */
  idle(): Promise<void>;
  /**
   * Runs failed jobs again, in rounds, each after a wait. Yields so that events can be
   * taken. May be called again after more jobs.
   */
  retry(): AsyncGenerator<void>;
}

export interface TransferInput<J> {
  concurrency: number;
  signal: AbortSignal;
  /** Called when a job failed for good: no attempt is left, or a retry cannot help. */
  failed(job: J, error: FeedctlError): void | Promise<void>;
  /** Default: a failed job is not tried again. */
  retries?: Retries<J>;
}

interface Retries<J> {
  rounds: number;
  /** Milliseconds before each round. */
  wait: number;
  /** Path prefix of the spool files for failed jobs; unique to this run. */
  spool: string;
  /** Retries a job. Must read both sides again: they may have changed. */
  again(job: J): Promise<void>;
  /** Called when an attempt failed and will be retried. */
  postponed?(job: J, error: FeedctlError): void;
}

const NONE: Retries<unknown> = { rounds: 0, wait: 0, spool: "", again: async () => {} };

/** `J`: the description of a job, enough to retry it; plain JSON. */
export function createTransfer<J>(input: TransferInput<J>): Transfer<J> & AsyncDisposable {
  const { concurrency, signal, failed, retries = NONE } = input;
  const { wait, spool } = retries;
  const pool = createPool(concurrency);
  let aside = createSpool<J>(`${spool}.0`);
  let left = retries.rounds;
  let outages = 0;
  let rounds = 0;

  async function attempt(job: J, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      outages = 0;
    } catch (error) {
      if (!isItemError(error)) throw error;
      // many such errors in a row are an outage of the store, not failures of single blobs
      const isOutage = !error.blobOnly && isFeedctlError(error, "unavailable", "denied", "usage");
      outages = isOutage ? outages + 1 : 0;
      if (outages > Math.max(20, 2 * concurrency)) throw error;
      // a retry meets the same conflict, the same name, option or archive class
      const isLasting = error.blobOnly || isFeedctlError(error, "conflict", "invalid", "usage");
      if (left === 0 || isLasting) return await failed(job, error);
      await aside.add(job);
      retries.postponed?.(job, error);
    }
  }

  return {
    add: (job, work) => pool.add(() => attempt(job, work)),
    idle: () => pool.idle(),
    async *retry() {
      await pool.idle();
      while (aside.count > 0) {
        await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
        left--;
        await using jobs = aside;
        aside = createSpool<J>(`${spool}.${++rounds}`);
        for await (const job of jobs.read()) {
          await pool.add(() => attempt(job, () => retries.again(job)));
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

/** Whether the error may concern one blob only. Other codes, such as `full`, end the run. */
function isItemError(error: unknown): error is FeedctlError {
  if (isFeedctlError(error) && error.storeWide) return false;
  return isFeedctlError(error, "corrupt", "conflict", "not-found", "invalid", "denied", "unavailable", "usage");
}
