import type { FeedctlError } from "../../errors.ts";
import { isFeedctlError } from "../../errors.ts";
import { createGate, type Gate } from "../../lib/adaptive-limit.ts";
import { createRecovery, isGivenUp, type RecoveryOptions } from "./recovery.ts";
import { resumingList } from "./resuming-list.ts";
import { resumingStream } from "./resuming-stream.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, GetOptions, Store } from "../store.ts";

export interface RetryOptions extends RecoveryOptions {
  /** Whether a `get` stream that breaks goes on where it stopped. Without it the caller reads the blob anew. */
  resume?: boolean | undefined;
}

/**
 * The same store, but `unavailable` is tried again after a random wait of up to `delay`, twice `delay`, ... (full
 * jitter); every other error passes at once. All store calls may be repeated safely. A `put` whose first answer was
 * lost tells what the second try saw: `unchanged` or `replaced` instead of `created`. A store that answers "slow down"
 * is asked by fewer calls at once until it is well again; the others wait here, so callers need not know.
 */
export function retrying(store: Store, options: RetryOptions = {}): Store {
  const { resume = true } = options;
  const recovery = createRecovery(store.name, options);
  // A put reads its source while it is inside, which may be this very store: a read must never wait for a write, and
  // never for another read's consumer. So a read is inside only until its answer begins.
  const reads = createGate();
  const writes = createGate();

  const attempt = async <T>(gate: Gate, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    throwIfInterrupted(signal);
    recovery.requireHope();
    const leave = await gate.enter(signal).catch((error: unknown) => {
      throwIfInterrupted(signal);
      throw error;
    });
    try {
      const result = await call();
      leave("done");
      return result;
    } catch (error) {
      leave(isThrottled(error) ? "overloaded" : "other");
      throw error;
    }
  };

  const repeat = async <T>(gate: Gate, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    const { recover, succeeded } = recovery.start();
    for (;;) {
      try {
        const result = await attempt(gate, signal, call);
        succeeded();
        return result;
      } catch (error) {
        await recover(error, signal);
      }
    }
  };

  const { deleteMany, localPath, sweep, remote, reaches, copyFrom, nameProblem, foldsCase, describe } = store;
  return {
    name: store.name,
    type: store.type,
    features: store.features,
    head: (key, call) => repeat(reads, call?.signal, () => store.head(key, call)),
    put: (key, source, call) => repeat(writes, call.signal, () => store.put(key, source, call)),
    delete: (key, call) => repeat(writes, call?.signal, () => store.delete(key, call)),
    ...(deleteMany !== undefined && {
      deleteMany: (keys, call) => repeat(writes, call?.signal, () => deleteMany.call(store, keys, call)),
    }),
    async get(key, call = {}) {
      const { signal } = call;
      let told: BlobInfo | undefined;
      const open = (more: GetOptions) => store.get(key, { ...call, onInfo: (info) => void (told = info), ...more });
      const stream = await repeat(reads, signal, () => open({}));
      if (told !== undefined) call.onInfo?.(told);
      // What the answer itself says of the blob; no question asked before or after could be sure to mean the same one.
      const known = told ?? call.known;
      if (!resume || known?.tag === undefined) return stream;
      const reopen = (more: GetOptions) => attempt(reads, signal, () => open(more));
      return resumingStream(reopen, known, stream, call, recovery.start());
    },
    list: (prefix, call = {}) => resumingList(store, prefix, call, recovery.start()),
    ...(sweep !== undefined && {
      sweep: (before, call) => repeat(writes, call?.signal, () => sweep.call(store, before, call)),
    }),
    ...(localPath !== undefined && { localPath: localPath.bind(store) }),
    ...(nameProblem !== undefined && { nameProblem: nameProblem.bind(store) }),
    ...(foldsCase !== undefined && { foldsCase: foldsCase.bind(store) }),
    ...(describe !== undefined && {
      describe: (blob, call) => repeat(writes, call.signal, () => describe.call(store, blob, call)),
    }),
    ...(remote !== undefined && { remote: remote.bind(store) }),
    ...(reaches !== undefined && { reaches: reaches.bind(store) }),
    ...(copyFrom !== undefined && {
      copyFrom: (key, from, call) => repeat(writes, call.signal, () => copyFrom.call(store, key, from, call)),
    }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Not by the store that a put reads from: that one has slowed down by itself. */
function isThrottled(error: unknown): error is FeedctlError {
  return isFeedctlError(error, "unavailable") && error.throttled && !isGivenUp(error);
}
