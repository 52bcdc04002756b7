/**
 * Joins several sorted streams by key, holding one item of each. Every stream must be strictly increasing by
 * `compare`; one that is not throws the error that `outOfOrder` makes, before anything behind the fault is yielded.
 */
export async function* mergeJoin<S extends Record<string, { key: string }>>(
  streams: { [Name in keyof S]: AsyncIterable<S[Name]> },
  compare: (a: string, b: string) => number,
  outOfOrder: (stream: keyof S & string, before: string, after: string) => Error,
): AsyncGenerator<{ key: string } & Partial<S>> {
  const names = Object.keys(streams) as (keyof S & string)[];
  const iterators = new Map(names.map((name) => [name, streams[name][Symbol.asyncIterator]()]));
  const heads = new Map<keyof S & string, S[keyof S & string]>();

  async function advance(name: keyof S & string): Promise<void> {
    const before = heads.get(name)?.key;
    const step = await iterators.get(name)?.next();
    if (step === undefined || step.done) {
      heads.delete(name);
      return;
    }
    if (before !== undefined && compare(before, step.value.key) >= 0) throw outOfOrder(name, before, step.value.key);
    heads.set(name, step.value);
  }

  try {
    await Promise.all(names.map(advance));
    while (heads.size > 0) {
      let key: string | undefined;
      for (const head of heads.values()) if (key === undefined || compare(head.key, key) < 0) key = head.key;
      const row = { key: key as string } as { key: string } & Partial<S>;
      for (const [name, head] of heads) {
        if (head.key !== key) continue;
        row[name] = head as (typeof row)[typeof name];
      }
      yield row;
      await Promise.all(names.filter((name) => heads.get(name)?.key === key).map(advance));
    }
  } finally {
    await Promise.all([...iterators.values()].map(async (iterator) => iterator.return?.()));
  }
}
