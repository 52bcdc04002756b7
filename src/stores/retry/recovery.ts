import { setTimeout as timer } from "node:timers/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { interrupted, throwIfInterrupted } from "../shared/signal.ts";

export interface RecoveryOptions {
  /**
   * How often a call is tried in all, at least 1. A stream or listing that made progress in between starts anew.
   * Default: 8 times, 5 while the store has never answered (its name is more likely wrong), 10 when it is throttled.
   */
  attempts?: number | undefined;
  /** Upper bound of the first wait in milliseconds; it doubles with every failure. Five times as long when throttled. */
  delay?: number | undefined;
  /** Upper bound of every wait in milliseconds; what the store itself asks for may be longer. */
  maxDelay?: number | undefined;
  /** From 0 to 1, as Math.random. */
  random?: (() => number) | undefined;
  /** Milliseconds on a clock that only goes forward. */
  now?: (() => number) | undefined;
  /** Rejects with whatever it likes when the signal is aborted. */
  sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>) | undefined;
  /** Told before each wait, for `--verbose`. */
  onRetry?: ((error: FeedctlError, milliseconds: number) => void) | undefined;
}

/** Decides after a failure: returns once it is time to try again, or throws what the caller is to see. */
export type Recover = (error: unknown, signal: AbortSignal | undefined) => Promise<void>;

export interface Attempts {
  recover: Recover;
  /** Forgets the failures before, this call's and the store's. */
  succeeded(): void;
}

/** What one opened store's calls know together about its failures. */
export interface Recovery {
  /** For one call, stream or listing. */
  start(): Attempts;
  /** Throws `unavailable` when the store has been given up and was asked in vain just now. */
  requireHope(): void;
}

/** How long a call may fail before it is no longer repeated, and a store, without a single success, until it is given up. */
const PATIENCE = 45_000;
const THROTTLED_PATIENCE = 5 * 60_000;
/** A store that was given up is left alone for so long after each failure. */
const PAUSE = 15_000;
/** A server's wish for a longer wait than this is not granted. */
const MAX_RETRY_AFTER = 2 * 60_000;

/**
 * Errors that were passed on after their last attempt. A put fails with the error of the blob that it reads; to begin
 * anew with that one would multiply the attempts of both stores.
 */
const givenUp = new WeakSet<Error>();

/** Whether it came from a store whose retries have all been used. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof Error && givenUp.has(error);
}

export function createRecovery(name: string, options: RecoveryOptions = {}): Recovery {
  const { delay = 200, maxDelay = 30_000, random = Math.random, now = () => performance.now(), onRetry } = options;
  const sleep = options.sleep ?? ((milliseconds, signal) => timer(milliseconds, undefined, { signal }));
  let answered = false;
  /** Failures of all calls since the last success of any. */
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
          if (!isFeedctlError(error, "unavailable") || isGivenUp(error)) throw error;
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
    requireHope() {
      if (trouble === undefined) return;
      const { since, latest, error } = trouble;
      if (latest - since < patienceFor(error) || now() - latest >= PAUSE) return;
      const seconds = Math.round((latest - since) / 1000);
      const hopeless = new FeedctlError("unavailable", `${name} has failed for ${seconds} s: ${error.message}`, {
        hint: error.hint,
        cause: error,
      });
      givenUp.add(hopeless);
      throw hopeless;
    },
  };
}
