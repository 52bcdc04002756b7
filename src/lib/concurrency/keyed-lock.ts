export interface KeyedLock {
  /** Runs the work after all earlier work that shares a key with it has ended. Other work runs concurrently. */
  hold<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T>;
}

/** A lock per key within this process. `hold` takes all keys at once, so that no caller waits while holding some. */
export function createKeyedLock(): KeyedLock {
  const underway = new Map<Promise<void>, ReadonlySet<string>>();
  return {
    async hold(wanted, work) {
      const keys = new Set(wanted);
      const before = [...underway]
        .filter(([, others]) => [...keys].some((key) => others.has(key)))
        .map(([ended]) => ended);
      const end = Promise.withResolvers<void>();
      underway.set(end.promise, keys);
      try {
        await Promise.all(before);
        return await work();
      } finally {
        underway.delete(end.promise);
        end.resolve();
      }
    },
  };
}
