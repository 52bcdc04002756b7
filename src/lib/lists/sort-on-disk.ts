import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeFolders } from "../files/make-folders.ts";
import { createSpool, type Spool } from "./spool.ts";

export interface SortInput<T> {
  /** Values in any order. They are written to temporary files as JSON. */
  batches: AsyncIterable<readonly T[]>;
  compare(a: T, b: T): number;
  /** A private folder for temporary files is created below it, and removed at the end. Not used for a single run. */
  folder: string;
  /** How many values are sorted in memory at once. */
  run?: number | undefined;
  /** How many files are merged at once. */
  width?: number | undefined;
}

const RUN = 20_000;
const WIDTH = 64;
const BATCH = 1_000;
const NAME = "sorted-";
/** After this many milliseconds without a new file, a folder counts as left by a process that was killed. */
const ABANDONED = 7 * 86_400_000;

/**
 * External merge sort: yields all values in order, in batches. Reads the input to its end before it yields the first.
 * Memory: one run, and a read buffer of each file that is merged. The sort is not stable.
 */
export async function* sortOnDisk<T>(input: SortInput<T>): AsyncGenerator<readonly T[], void, undefined> {
  const { batches, compare, folder, run = RUN, width = WIDTH } = input;
  let values: T[] = [];
  let runs: Spool<T>[] = [];
  let own: string | undefined;
  let files = 0;
  const save = async (sorted: AsyncIterable<readonly T[]> | Iterable<readonly T[]>) => {
    own ??= await makeOwnFolder(folder);
    const spool = createSpool<T>(join(own, String(files++)));
    runs.push(spool);
    for await (const batch of sorted) for (const value of batch) await spool.add(value);
  };
  try {
    for await (const batch of batches) {
      for (const value of batch) values.push(value);
      if (values.length < run) continue;
      await save([values.sort(compare)]);
      values = [];
      if (runs.length < width) continue;
      const merged = runs;
      runs = [];
      await save(merge(merged, compare));
      for (const spool of merged) await spool[Symbol.asyncDispose]();
    }
    values.sort(compare);
    if (runs.length === 0) return yield values;
    if (values.length > 0) await save([values]);
    values = [];
    yield* merge(runs, compare);
  } finally {
    for (const spool of runs) await spool[Symbol.asyncDispose]();
    if (own !== undefined) await rm(own, { recursive: true, force: true });
  }
}

/** Creates a private folder, and removes those that killed processes left. */
async function makeOwnFolder(folder: string): Promise<string> {
  await makeFolders(folder, { mode: 0o700 });
  const own = await mkdtemp(join(folder, NAME));
  const { mtimeMs: now, uid } = await stat(own);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(NAME)) continue;
    const other = await stat(join(folder, name)).catch(() => undefined); // another process removed it
    if (other?.uid === uid && now - other.mtimeMs > ABANDONED)
      await rm(join(folder, name), { recursive: true, force: true });
  }
  return own;
}

/** The next value of a run, and where the following ones come from. */
interface Head<T> {
  value: T;
  rest: AsyncGenerator<T>;
}

async function* merge<T>(runs: readonly Spool<T>[], compare: (a: T, b: T) => number): AsyncGenerator<readonly T[]> {
  const heads: Head<T>[] = [];
  const streams = runs.map((run) => run.read());
  try {
    for (const rest of streams) {
      const first = await rest.next();
      if (first.done !== true) heads.push({ value: first.value, rest });
    }
    // A binary heap: the parent of index i is at (i - 1) / 2.
    for (let i = Math.floor(heads.length / 2) - 1; i >= 0; i--) sift(heads, i, compare);
    let batch: T[] = [];
    for (let top = heads[0]; top !== undefined; top = heads[0]) {
      batch.push(top.value);
      if (batch.length === BATCH) {
        yield batch;
        batch = [];
      }
      const next = await top.rest.next();
      if (next.done !== true) top.value = next.value;
      else {
        const last = heads.pop();
        if (last !== undefined && heads.length > 0) heads[0] = last;
      }
      sift(heads, 0, compare);
    }
    if (batch.length > 0) yield batch;
  } finally {
    for (const stream of streams) await stream.return(undefined);
  }
}

/** Moves the head at `index` down the heap until no child is smaller. */
function sift<T>(heads: Head<T>[], index: number, compare: (a: T, b: T) => number): void {
  for (let at = index; ;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heads.length && compare(heads[child]!.value, heads[least]!.value) < 0) least = child;
    if (least === at) return;
    [heads[at], heads[least]] = [heads[least]!, heads[at]!];
    at = least;
  }
}
