import type { FeedctlError } from "../../errors.ts";
import { isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { createGate, type Gate } from "../../lib/concurrency/adaptive-limit.ts";
import { createRecovery, isGivenUp, type RecoveryOptions } from "./recovery.ts";
import { checkOf } from "../known-hash.ts";
import { resumingList } from "./resuming-list.ts";
import { resumingStream } from "./resuming-stream.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, DeleteFailure, GetOptions, Store } from "../store.ts";
import type { UnfinishedUploads } from "../unfinished.ts";

export interface RetryOptions extends RecoveryOptions {
  /** Whether a `get` stream that fails resumes where it stopped. Without it the caller must read the blob again. */
  resume?: boolean | undefined;
}

/**
 * The same store with retries: `unavailable` is retried after a random wait of up to `delay`, twice `delay`, ...
 * (exponential backoff, full jitter); every other error is thrown at once. All store calls are safe to repeat. A `put`
 * whose first response was lost reports the outcome of its second attempt: `unchanged` or `replaced` instead of
 * `created`. When the store throttles, fewer calls run at once until it recovers; the others wait here.
 */
export function retrying(store: Store, options: RetryOptions = {}): Store {
  const { resume = true } = options;
  const recovery = createRecovery(store.name, options);
  // Two gates, because a put reads its source while it holds a slot, and the source may be this store: a read must
  // never wait for a write, nor for the consumer of another read. So a read holds its slot only until its response
  // begins.
  const reads = createGate();
  const writes = createGate();

  const attempt = async <T>(gate: Gate, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    throwIfInterrupted(signal);
    recovery.requireReachable();
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

  const { read, examine, purge, listKept, tags } = store;
  const { deleteMany, localPath, unfinished, remote, reaches, copyFrom, nameProblem, foldsCase, describe } = store;
  return {
    name: store.name,
    type: store.type,
    features: store.features,
    head: (key, call) => repeat(reads, call?.signal, () => store.head(key, call)),
    put: (key, source, call) => repeat(writes, call.signal, () => store.put(key, source, call)),
    delete: (key, call) => repeat(writes, call?.signal, () => store.delete(key, call)),
    ...(deleteMany !== undefined && {
      deleteMany: (keys, call) =>
        deleteAll(
          keys,
          (left) => deleteMany.call(store, left, call),
          (again) => repeat(writes, call?.signal, again),
        ),
    }),
    async get(key, call = {}) {
      const { signal } = call;
      let reported: BlobInfo | undefined;
      const open = (more: GetOptions) => store.get(key, { ...call, onInfo: (info) => void (reported = info), ...more });
      const stream = await repeat(reads, signal, () => open({}));
      if (reported !== undefined) call.onInfo?.(reported);
      // From the response itself: a separate `head` might describe another version.
      const known = reported ?? call.known;
      if (!resume || known?.tag === undefined) return stream;
      const reopen = (more: GetOptions) => attempt(reads, signal, () => open(more));
      const check = call.range === undefined ? checkOf(known, call.compared) : undefined;
      return resumingStream(reopen, known, stream, { ...call, check }, recovery.start());
    },
    ...(read !== undefined && {
      async read(blob, call = {}) {
        const held = await repeat(reads, call.signal, () => read.call(store, blob, call));
        if (held === undefined) return undefined;
        const check = checkOf(held.info, call.compared);
        check?.update(held.bytes);
        check?.end();
        return held;
      },
    }),
    list: (prefix, call = {}) => resumingList(store, prefix, call, recovery.start()),
    ...(unfinished !== undefined && {
      unfinished: discarding(unfinished, (signal, discard) => repeat(writes, signal, discard)),
    }),
    ...(examine !== undefined && {
      examine: (call) => repeat(writes, call.signal, () => examine.call(store, call)),
    }),
    ...(purge !== undefined && {
      purge: (folder, call) => repeat(writes, call?.signal, () => purge.call(store, folder, call)),
    }),
    ...(tags !== undefined && { tags: (key, call) => repeat(reads, call?.signal, () => tags.call(store, key, call)) }),
    ...(listKept !== undefined && { listKept: listKept.bind(store) }),
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

/** Deletes the keys by `once`, and tries those for which the store was unavailable again as `repeat` does. */
async function deleteAll(
  keys: readonly Key[],
  once: (keys: readonly Key[]) => Promise<DeleteFailure[]>,
  repeat: (attempt: () => Promise<void>) => Promise<void>,
): Promise<DeleteFailure[]> {
  const failures: DeleteFailure[] = [];
  let left = keys;
  let unavailable: DeleteFailure[] = [];
  try {
    await repeat(async () => {
      const failed = await once(left);
      failures.push(...failed.filter(({ error }) => error.code !== "unavailable"));
      unavailable = failed.filter(({ error }) => error.code === "unavailable");
      left = unavailable.map(({ key }) => key);
      if (unavailable[0] !== undefined) throw unavailable[0].error;
    });
  } catch (error) {
    // the store answers, but not for these blobs
    if (error !== unavailable[0]?.error) throw error;
  }
  return [...failures, ...unavailable];
}

/** The same uploads, discarded through `repeat`. */
function discarding(
  unfinished: UnfinishedUploads,
  repeat: (signal: AbortSignal | undefined, discard: () => Promise<void>) => Promise<void>,
): UnfinishedUploads {
  return {
    ...unfinished,
    discard: (upload, call) => repeat(call?.signal, () => unfinished.discard(upload, call)),
  };
}

/** Excludes errors of the store that a put reads from: its own wrapper has already slowed down. */
function isThrottled(error: unknown): error is FeedctlError {
  return isFeedctlError(error, "unavailable") && error.throttled && !isGivenUp(error);
}
