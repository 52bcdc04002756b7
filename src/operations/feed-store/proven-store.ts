import { isFeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";

export interface PlaceProofs {
  /** Proves that the place is the feed's store. */
  prove(): Promise<void>;
  /** The same with what is known without the catalog. */
  requireMarker(): Promise<void>;
}

/**
 * The same store, which calls `prove` before the first write, and again before the first deletion: a disk may be
 * unmounted in between. A failure is not remembered. A missing blob is reported as missing only when the marker is there.
 */
export function provingStore(store: Store, { prove, requireMarker }: PlaceProofs): Store {
  const beforeWrite = once(prove);
  const beforeDelete = once(prove);
  const { deleteMany, unfinished, copyFrom, describe } = store;
  return {
    ...store,
    async get(key, options) {
      try {
        return await store.get(key, options);
      } catch (error) {
        if (isFeedctlError(error, "not-found")) await requireMarker();
        throw error;
      }
    },
    async put(key, source, options) {
      await beforeWrite();
      return store.put(key, source, options);
    },
    async delete(key, options) {
      await beforeDelete();
      await store.delete(key, options);
    },
    ...(deleteMany !== undefined && {
      async deleteMany(keys, options) {
        if (keys.length === 0) return [];
        await beforeDelete();
        return deleteMany.call(store, keys, options);
      },
    }),
    ...(unfinished !== undefined && {
      unfinished: {
        ...unfinished,
        async discard(upload, options) {
          await beforeDelete();
          await unfinished.discard(upload, options);
        },
      },
    }),
    ...(copyFrom !== undefined && {
      async copyFrom(key, from, options) {
        await beforeWrite();
        return copyFrom.call(store, key, from, options);
      },
    }),
    ...(describe !== undefined && {
      async describe(blob, options) {
        await beforeWrite();
        return describe.call(store, blob, options);
      },
    }),
  };
}

function once(call: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () =>
    (done ??= call().catch((error: unknown) => {
      done = undefined;
      throw error;
    }));
}
