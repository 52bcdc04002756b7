/**
 * Maps up to `limit` items at once and yields results as they arrive, in any order. Reads the source only when there is
 * a free slot. After the first error it waits for the running work and throws the error.
 */
export async function* mapParallel<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running = new Map<number, Promise<{ id: number; result?: R; error?: unknown }>>();
  let next = 0;
  const nextResult = async () => {
    const done = await Promise.race(running.values());
    running.delete(done.id);
    if ("error" in done) throw done.error;
    return done.result as R;
  };
  try {
    for await (const item of source) {
      const id = next++;
      running.set(
        id,
        work(item).then(
          (result) => ({ id, result }),
          (error: unknown) => ({ id, error }),
        ),
      );
      if (running.size >= limit) yield await nextResult();
    }
    while (running.size > 0) yield await nextResult();
  } finally {
    await Promise.allSettled(running.values());
  }
}

/** Groups items into arrays of `length`, or of fewer items whose sizes add up to `most`. The last may be smaller. */
export async function* inBatches<T>(
  source: AsyncIterable<T> | Iterable<T>,
  length: number,
  weight?: { size(item: T): number; most: number },
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let size = 0;
  for await (const item of source) {
    batch.push(item);
    size += weight?.size(item) ?? 0;
    if (batch.length < length && (weight === undefined || size < weight.most)) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Prefetches one item: requests the next one while the consumer handles the last one. */
export async function* oneAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  const fetchNext = () => {
    const next = items.next();
    next.catch(() => {}); // thrown when awaited below, unless the consumer has stopped
    return next;
  };
  let next = fetchNext();
  try {
    for (let step = await next; step.done !== true; step = await next) {
      next = fetchNext();
      yield step.value;
    }
  } finally {
    await next.catch(() => {});
    await items.return?.();
  }
}

/** Maps up to `limit` items at once and yields results in the order of the items. */
export async function* mapInOrder<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  const start = (item: T) => {
    const result = work(item);
    result.catch(() => {}); // thrown when awaited below, unless the consumer has stopped
    running.push(result);
  };
  try {
    for await (const item of source) {
      start(item);
      if (running.length >= limit) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}

/** Collects the items of a source up to its end or its error, which is returned as `failure`. */
export async function collect<T>(source: AsyncIterable<T>): Promise<{ items: T[]; failure?: { error: unknown } }> {
  const items: T[] = [];
  try {
    for await (const item of source) items.push(item);
    return { items };
  } catch (error) {
    return { items, failure: { error } };
  }
}
