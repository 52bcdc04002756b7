import { setTimeout as timer } from "node:timers/promises";
import { isFeedctlError } from "../errors.ts";
import { resumingStream } from "./resuming-stream.ts";
import { resumingList } from "./resuming-list.ts";
import { interrupted, throwIfInterrupted } from "./signal.ts";
import type { Store } from "./store.ts";

export interface RetryOptions {
  /** How often a call is tried in all, at least 1. A stream or listing that made progress in between starts anew. */
  attempts?: number | undefined;
  /** Upper bound of the first wait in milliseconds; it doubles with every failure. */
  delay?: number | undefined;
  /** Upper bound of every wait in milliseconds. */
  maxDelay?: number | undefined;
  /**
   * Whether a `get` stream that breaks goes on where it stopped. Costs a `head` before every `get`, to know the tag
   * of the blob. Without it a broken stream fails, and the caller reads the blob again from its start.
   */
  resume?: boolean | undefined;
  /** From 0 to 1, as Math.random. */
  random?: (() => number) | undefined;
  /** Rejects with whatever it likes when the signal is aborted. */
  sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>) | undefined;
  /** Told before each wait, for `--verbose`. */
  onRetry?: ((error: Error, milliseconds: number) => void) | undefined;
}

/** Decides after a failure: returns once it is time to try again, or throws what the caller is to see. */
export type Recover = (error: unknown, signal: AbortSignal | undefined) => Promise<void>;

/**
 * The same store, but `unavailable` is tried again after a random wait of up to `delay`, twice `delay`, ... (full
 * jitter); every other error passes at once. All store calls may be repeated safely. A `put` whose first answer was
 * lost tells what the second try saw: `unchanged` or `replaced` instead of `created`.
 */
export function retrying(store: Store, options: RetryOptions = {}): Store {
  const { attempts = 5, delay = 200, maxDelay = 20_000, resume = true, random = Math.random, onRetry } = options;
  const sleep = options.sleep ?? ((milliseconds, signal) => timer(milliseconds, undefined, { signal }));

  /** Counts failures in a row; `succeeded` forgets them. */
  const startAttempts = (): { recover: Recover; succeeded: () => void } => {
    let failures = 0;
    return {
      succeeded: () => {
        failures = 0;
      },
      recover: async (error, signal) => {
        if (!isFeedctlError(error, "unavailable") || ++failures >= attempts) throw error;
        throwIfInterrupted(signal);
        const wait = random() * Math.min(maxDelay, delay * 2 ** (failures - 1));
        onRetry?.(error, wait);
        try {
          await sleep(wait, signal);
        } catch (cause) {
          throw signal?.aborted ? interrupted(cause) : cause;
        }
        throwIfInterrupted(signal);
      },
    };
  };

  const repeat = async <T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    const { recover } = startAttempts();
    for (;;) {
      try {
        return await call();
      } catch (error) {
        await recover(error, signal);
      }
    }
  };

  const { deleteMany, localPath, sweep, remote, reaches, copyFrom } = store;
  return {
    name: store.name,
    type: store.type,
    features: store.features,
    head: (key, call) => repeat(call?.signal, () => store.head(key, call)),
    put: (key, source, call) => repeat(call.signal, () => store.put(key, source, call)),
    delete: (key, call) => repeat(call?.signal, () => store.delete(key, call)),
    ...(deleteMany !== undefined && {
      deleteMany: (keys, call) => repeat(call?.signal, () => deleteMany.call(store, keys, call)),
    }),
    async get(key, call = {}) {
      const before = resume ? (call.known ?? (await repeat(call.signal, () => store.head(key, call)))) : undefined;
      const stream = await repeat(call.signal, () => store.get(key, call));
      if (before?.tag === undefined) return stream;
      return resumingStream(store, before, stream, call, startAttempts());
    },
    list: (prefix, call = {}) => resumingList(store, prefix, call, startAttempts()),
    ...(sweep !== undefined && {
      sweep: (before, call) => repeat(call?.signal, () => sweep.call(store, before, call)),
    }),
    ...(localPath !== undefined && { localPath: localPath.bind(store) }),
    ...(remote !== undefined && { remote: remote.bind(store) }),
    ...(reaches !== undefined && { reaches: reaches.bind(store) }),
    ...(copyFrom !== undefined && {
      copyFrom: (key, from, call) => repeat(call.signal, () => copyFrom.call(store, key, from, call)),
    }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
