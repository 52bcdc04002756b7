import { batched, batchesOf } from "./batches.ts";

interface Item {
  key: string;
}

type Row<S extends Record<string, Item>> = { key: S[keyof S]["key"] } & Partial<S>;

/** One stream and its current batch. */
interface Side {
  name: string;
  stream: AsyncIterator<readonly Item[]>;
  batch: readonly Item[];
  /** Index of the first item of the batch that is not joined yet. */
  next: number;
  last: string | undefined;
  ended: boolean;
}

/**
 * Joins several sorted streams by key. Memory: one batch of each (see `batches.ts`; the rows are batched, too). Every
 * stream must be strictly increasing by `compare`. Otherwise the error of `outOfOrder` is thrown, before any row behind
 * the violation is yielded.
 */
export function mergeJoin<S extends Record<string, Item>>(
  streams: { [Name in keyof S]: AsyncIterable<S[Name]> },
  compare: (a: string, b: string) => number,
  outOfOrder: (stream: keyof S & string, before: string, after: string) => Error,
): AsyncGenerator<Row<S>, void> {
  return batched(() => joinBatches<S>(streams, compare, outOfOrder));
}

async function* joinBatches<S extends Record<string, Item>>(
  streams: Record<string, AsyncIterable<Item>>,
  compare: (a: string, b: string) => number,
  outOfOrder: (stream: keyof S & string, before: string, after: string) => Error,
): AsyncGenerator<Row<S>[], void> {
  const sides = Object.entries(streams).map(([name, stream]): Side => {
    const batches = batchesOf(stream)[Symbol.asyncIterator]();
    return { name, stream: batches, batch: [], next: 0, last: undefined, ended: false };
  });
  try {
    for (;;) {
      await Promise.all(sides.filter((side) => !side.ended && side.next === side.batch.length).map(refill));
      const open = sides.filter(({ ended }) => !ended);
      if (open.length === 0) return;
      const { rows, fault } = joinLoaded(open);
      if (rows.length > 0) yield rows;
      if (fault !== undefined) throw fault;
    }
  } finally {
    await Promise.all(sides.map(async ({ stream }) => stream.return?.()));
  }

  /** Joins until a batch is used up or a stream is out of order. */
  function joinLoaded(open: readonly Side[]): { rows: Row<S>[]; fault: Error | undefined } {
    const rows: Row<S>[] = [];
    for (;;) {
      let key: string | undefined;
      for (const side of open) {
        const item = side.batch[side.next];
        if (item === undefined) return { rows, fault: undefined };
        if (side.last !== undefined && compare(side.last, item.key) >= 0)
          return { rows, fault: outOfOrder(side.name, side.last, item.key) };
        if (key === undefined || compare(item.key, key) < 0) key = item.key;
      }
      const row: Record<string, unknown> = { key };
      for (const side of open) {
        const item = side.batch[side.next];
        if (item?.key !== key) continue;
        row[side.name] = item;
        side.last = key;
        side.next++;
      }
      rows.push(row as Row<S>);
    }
  }
}

async function refill(side: Side): Promise<void> {
  do {
    const { value, done } = await side.stream.next();
    side.ended = done === true;
    side.batch = side.ended ? [] : (value as readonly Item[]);
    side.next = 0;
  } while (!side.ended && side.batch.length === 0);
}
