import { Readable } from "node:stream";
import { FeedctlError } from "../../src/errors.ts";
import type { Key } from "../../src/lib/key.ts";
import type { BlobInfo, CallOptions, Store } from "../../src/stores/store.ts";

type Method = "head" | "get" | "put" | "list" | "delete" | "deleteMany";

export interface Failures {
  /** Fails calls before they reach the store: the `nth` call of a method, counted from 1, with `error`. */
  calls?: { method: Method; nth: number | ((count: number) => boolean); error?: Error | undefined }[] | undefined;
  /** Fails the first `times` streams of `get` after `after` bytes. Default: once. */
  cut?: { after: number; times?: number | undefined; error?: Error | undefined } | undefined;
  /** Fails the first `times` calls of `list` after `entries` entries. Default: once. */
  listAfter?: { entries: number; times?: number | undefined; error?: Error | undefined } | undefined;
  /** How many calls of `put` fail after the store has carried them out, like a lost response. */
  lostAnswers?: number | undefined;
  /** Yields the first two entries of every listing in the wrong order. */
  unordered?: boolean | undefined;
}

export interface FailingStore extends Store {
  /** How often each method was called. */
  readonly calls: Readonly<Record<Method, number>>;
}

const outage = () => new FeedctlError("unavailable", "the test made the store unavailable");

/** Wraps a store with faults. They throw `unavailable` unless an error is given. */
export function failing(store: Store, failures: Failures): FailingStore {
  const calls: Record<Method, number> = { head: 0, get: 0, put: 0, list: 0, delete: 0, deleteMany: 0 };
  let cuts = failures.cut?.times ?? 1;
  let listings = failures.listAfter?.times ?? 1;
  let lost = failures.lostAnswers ?? 0;

  const enter = (method: Method): void => {
    const count = ++calls[method];
    for (const { method: failed, nth, error } of failures.calls ?? []) {
      if (failed === method && (nth === count || (typeof nth === "function" && nth(count)))) throw error ?? outage();
    }
  };
  const { deleteMany, localPath, nameProblem } = store;

  return {
    name: store.name,
    type: store.type,
    features: store.features,
    calls,
    async head(key, options) {
      enter("head");
      return store.head(key, options);
    },
    async get(key, options) {
      enter("get");
      const stream = await store.get(key, options);
      if (failures.cut === undefined || cuts === 0) return stream;
      cuts--;
      return cutAfter(stream, failures.cut.after, failures.cut.error ?? outage());
    },
    async put(key, source, options) {
      enter("put");
      const result = await store.put(key, source, options);
      if (lost-- > 0) throw outage();
      return result;
    },
    async *list(prefix, options) {
      enter("list");
      const listing = failures.unordered ? firstTwoSwapped(store.list(prefix, options)) : store.list(prefix, options);
      let left = failures.listAfter !== undefined && listings-- > 0 ? failures.listAfter.entries : Infinity;
      for await (const blob of listing) {
        if (left-- <= 0) throw failures.listAfter?.error ?? outage();
        yield blob;
      }
      if (left <= 0) throw failures.listAfter?.error ?? outage();
    },
    async delete(key, options) {
      enter("delete");
      return store.delete(key, options);
    },
    ...(deleteMany !== undefined && {
      async deleteMany(keys: Parameters<typeof deleteMany>[0], options: Parameters<typeof deleteMany>[1]) {
        enter("deleteMany");
        return deleteMany.call(store, keys, options);
      },
    }),
    ...(localPath !== undefined && { localPath: localPath.bind(store) }),
    ...(nameProblem !== undefined && { nameProblem: nameProblem.bind(store) }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** The same store, which denies the deletion of some blobs, like an object lock. */
export function undeletable(store: Store, isLocked: (key: string) => boolean): Store {
  const refuse = (key: Key) => new FeedctlError("denied", `the test locked ${key}`);
  const { deleteMany } = store;
  return {
    ...store,
    async delete(key, options) {
      if (isLocked(key)) throw refuse(key);
      await store.delete(key, options);
    },
    ...(deleteMany !== undefined && {
      async deleteMany(keys: readonly Key[], options: CallOptions | undefined) {
        const [locked, free] = [keys.filter((key) => isLocked(key)), keys.filter((key) => !isLocked(key))];
        const failures = await deleteMany.call(store, free, options);
        return [...failures, ...locked.map((key) => ({ key, error: refuse(key) }))];
      },
    }),
  };
}

function cutAfter(stream: Readable, bytes: number, error: Error): Readable {
  let left = bytes;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  // The next read throws an error of the store that comes between two reads.
  stream.on("error", () => {});
  const next = async (): Promise<Buffer> => {
    const { value } = left === 0 ? {} : await chunks.next();
    if (value === undefined) throw error;
    const part = value.subarray(0, left);
    left -= part.length;
    return part;
  };
  return new Readable({
    read() {
      next().then(
        (chunk) => this.push(chunk),
        (failure: Error) => this.destroy(failure),
      );
    },
    destroy(failure, callback) {
      stream.destroy();
      callback(failure);
    },
  });
}

async function* firstTwoSwapped(blobs: AsyncIterable<BlobInfo>): AsyncGenerator<BlobInfo> {
  let held: BlobInfo | undefined;
  let count = 0;
  for await (const blob of blobs) {
    if (++count === 1) held = blob;
    else yield blob;
    if (count === 2 && held !== undefined) yield held;
  }
  if (count === 1 && held !== undefined) yield held;
}
