/**
 * Maps up to `limit` items at once and yields results as they come, in no order. The source is read only as fast as
 * there is room. The first error ends it: what is under way is awaited, then the error is thrown.
 */
export async function* mapParallel<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running = new Map<number, Promise<{ id: number; result?: R; error?: unknown }>>();
  let next = 0;
  const settle = async () => {
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
      if (running.size >= limit) yield await settle();
    }
    while (running.size > 0) yield await settle();
  } finally {
    await Promise.allSettled(running.values());
  }
}

/** Groups items into arrays of `length`, or of fewer that have `most` together by their sizes; the last may be smaller. */
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

/** Asks for the next item while the last one is being worked on. */
export async function* oneAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  const ask = () => {
    const next = items.next();
    next.catch(() => {}); // told when it is awaited, unless the consumer has left by then
    return next;
  };
  let next = ask();
  try {
    for (let step = await next; step.done !== true; step = await next) {
      next = ask();
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
    result.catch(() => {}); // told when it is awaited, unless the consumer has left by then
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

/** All that a source gives, and what it ended with, so that nothing is lost to an error. */
export async function collect<T>(source: AsyncIterable<T>): Promise<{ items: T[]; failure?: { error: unknown } }> {
  const items: T[] = [];
  try {
    for await (const item of source) items.push(item);
    return { items };
  } catch (error) {
    return { items, failure: { error } };
  }
}
