export interface KeyedLock {
  /** Runs the work once all earlier work that shares a key with it has ended. Work without a common key runs at once. */
  hold<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T>;
}

/** A lock within this process. All keys are asked for at once, so that nobody waits while holding some of them. */
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
