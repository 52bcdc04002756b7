const batches = Symbol("batches");

interface Batched<T> {
  [batches](): AsyncGenerator<readonly T[], void, undefined>;
}

/**
 * A stream of items that come many at a time: one by one for whoever asks no more, and as they come, by `batchesOf`,
 * for readers to whom a promise per item is too dear. To be read once, in one of the two ways.
 */
export function batched<T>(start: () => AsyncGenerator<readonly T[], void, undefined>): AsyncGenerator<T, void> {
  return Object.assign(oneByOne(start), { [batches]: start });
}

/** The batches of a stream; where nobody made any, each item is one. */
export function batchesOf<T>(items: AsyncIterable<T>): AsyncIterable<readonly T[]> {
  return batches in items ? (items as unknown as Batched<T>)[batches]() : singly(items);
}

async function* oneByOne<T>(start: () => AsyncIterable<readonly T[]>): AsyncGenerator<T, void> {
  for await (const batch of start()) for (const item of batch) yield item;
}

async function* singly<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[], void> {
  for await (const item of items) yield [item];
}
