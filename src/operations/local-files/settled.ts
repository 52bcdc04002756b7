import type { Context } from "../context.ts";

/** Files between their two looks. A longer queue waits for its first file, so that memory is bounded. */
const MOST_WAITING = 10_000;

/** Milliseconds between the two looks, unless the user says otherwise. */
export const SETTLE = 5000;

/**
 * Yields what a second look at each item yields, at least `settle` milliseconds after the item was taken from `items`,
 * which has looked at it first. No file system says whether a file is still being written. Times of files prove
 * nothing: the clock of a file server may be wrong, and many programs set a file's time while they write it. What is
 * the same at both looks counts as complete; only the time between them is measured, by the context's monotonic clock.
 * While items wait, the next ones are taken. With `settle` 0 the second look follows at once.
 */
export async function* lookTwice<T, R>(
  context: Pick<Context, "monotonic" | "sleep">,
  items: AsyncIterable<T>,
  settle: number,
  lookAgain: (item: T) => AsyncIterable<R>,
): AsyncGenerator<R> {
  const waiting: { item: T; due: number }[] = [];
  for await (const item of items) {
    waiting.push({ item, due: context.monotonic() + settle });
    while (waiting.length > MOST_WAITING || isDue()) yield* first();
  }
  while (waiting.length > 0) yield* first();

  function isDue(): boolean {
    return waiting[0] !== undefined && waiting[0].due <= context.monotonic();
  }

  async function* first(): AsyncGenerator<R> {
    const next = waiting.shift();
    if (next === undefined) return;
    // a timer may end a little early
    for (let left = 1; left > 0;) {
      left = next.due - context.monotonic();
      if (left > 0) await context.sleep(left);
    }
    yield* lookAgain(next.item);
  }
}
