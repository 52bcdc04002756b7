import { setTimeout as timer } from "node:timers/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { interrupted, throwIfInterrupted } from "../shared/signal.ts";

export interface RecoveryOptions {
  /**
   * How many attempts a call has, at least 1. A stream or listing that makes progress starts counting again.
   * Default: 8; 5 while the store has never responded (its name is more likely wrong); 10 while it is throttled.
   */
  attempts?: number | undefined;
  /** Upper bound of the first backoff in milliseconds. Doubles with every failure. Five times longer when throttled. */
  delay?: number | undefined;
  /** Upper bound of every backoff in milliseconds. A store's Retry-After may be longer. */
  maxDelay?: number | undefined;
  /** From 0 to 1, as Math.random. */
  random?: (() => number) | undefined;
  /** Milliseconds of a monotonic clock. */
  now?: (() => number) | undefined;
  /** Rejects, with any error, when the signal is aborted. */
  sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>) | undefined;
  /** Called before each backoff, for `--verbose`. */
  onRetry?: ((error: FeedctlError, milliseconds: number) => void) | undefined;
}

/** Called after a failure. Resolves when it is time to retry, or throws the error for the caller. */
export type Recover = (error: unknown, signal: AbortSignal | undefined) => Promise<void>;

export interface Attempts {
  recover: Recover;
  /** Resets the failures of this call and of the store. */
  succeeded(): void;
}

/** The failures of all calls of one opened store. */
export interface Recovery {
  /** Begins the attempts of one call, stream or listing. */
  start(): Attempts;
  /** Throws `unavailable` while the circuit breaker is open: the store was given up, and failed again just now. */
  requireReachable(): void;
}

/** How long a call is retried, and how long a store may fail without one success before it is given up. */
const PATIENCE = 45_000;
const THROTTLED_PATIENCE = 5 * 60_000;
/** After a failure of a store that was given up, calls to it fail at once for this long. */
const PAUSE = 15_000;
/** Upper bound of the Retry-After that is obeyed. */
const MAX_RETRY_AFTER = 2 * 60_000;

/**
 * Errors that were thrown after the last attempt. A put fails with the error of the store that it reads from; retrying
 * that error again would multiply the attempts of both stores.
 */
const givenUp = new WeakSet<Error>();

/** Whether the error came from a store that has used up its retries. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof Error && givenUp.has(error);
}

export function createRecovery(name: string, options: RecoveryOptions = {}): Recovery {
  const { delay = 200, maxDelay = 30_000, random = Math.random, now = () => performance.now(), onRetry } = options;
  const sleep = options.sleep ?? ((milliseconds, signal) => timer(milliseconds, undefined, { signal }));
  let answered = false;
  /** The failures of all calls since the last success. */
  let trouble: { since: number; latest: number; error: FeedctlError } | undefined;

  const attemptsFor = ({ throttled }: FeedctlError) => options.attempts ?? (throttled ? 10 : answered ? 8 : 5);
  const patienceFor = ({ throttled }: FeedctlError) => (throttled ? THROTTLED_PATIENCE : PATIENCE);

  const waitFor = ({ throttled, retryAfter = 0 }: FeedctlError, failures: number): number => {
    const first = throttled ? delay * 5 : delay;
    return Math.min(retryAfter, MAX_RETRY_AFTER) + random() * Math.min(maxDelay, first * 2 ** (failures - 1));
  };

  const pause = async (milliseconds: number, signal: AbortSignal | undefined): Promise<void> => {
    try {
      await sleep(milliseconds, signal);
    } catch (cause) {
      throw signal?.aborted ? interrupted(cause) : cause;
    }
    throwIfInterrupted(signal);
  };

  return {
    start() {
      let failures = 0;
      let since: number | undefined;
      return {
        succeeded() {
          failures = 0;
          since = trouble = undefined;
          answered = true;
        },
        async recover(error, signal) {
          if (!isFeedctlError(error, "unavailable") || error.storeWide || isGivenUp(error)) throw error;
          const latest = now();
          since ??= latest;
          trouble = { since: trouble?.since ?? latest, latest, error };
          if (++failures >= attemptsFor(error) || latest - since >= patienceFor(error)) {
            givenUp.add(error);
            throw error;
          }
          throwIfInterrupted(signal);
          const wait = waitFor(error, failures);
          onRetry?.(error, wait);
          await pause(wait, signal);
        },
      };
    },
    requireReachable() {
      if (trouble === undefined) return;
      const { since, latest, error } = trouble;
      if (latest - since < patienceFor(error) || now() - latest >= PAUSE) return;
      const seconds = Math.round((latest - since) / 1000);
      const unreachable = new FeedctlError("unavailable", `${name} has failed for ${seconds} s: ${error.message}`, {
        hint: error.hint,
        cause: error,
      });
      givenUp.add(unreachable);
      throw unreachable;
    },
  };
}
