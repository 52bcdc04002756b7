const batches = Symbol("batches");

interface Batched<T> {
  [batches](): AsyncGenerator<readonly T[], void, undefined>;
}

/**
 * Turns a generator of batches into a stream of items. A reader that wants to avoid one promise per item gets the
 * batches with `batchesOf`. The stream can be read once, in one of the two ways.
 */
export function batched<T>(start: () => AsyncGenerator<readonly T[], void, undefined>): AsyncGenerator<T, void> {
  return Object.assign(oneByOne(start), { [batches]: start });
}

/** The batches of a stream from `batched`; of any other stream each item is a batch. */
export function batchesOf<T>(items: AsyncIterable<T>): AsyncIterable<readonly T[]> {
  return batches in items ? (items as unknown as Batched<T>)[batches]() : singly(items);
}

async function* oneByOne<T>(start: () => AsyncIterable<readonly T[]>): AsyncGenerator<T, void> {
  for await (const batch of start()) for (const item of batch) yield item;
}

async function* singly<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[], void> {
  for await (const item of items) yield [item];
}
