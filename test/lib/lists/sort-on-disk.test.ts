import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { sortOnDisk } from "../../../src/lib/lists/sort-on-disk.ts";

const folder = await mkdtemp(join(tmpdir(), "feedctl-sort-"));
after(() => rm(folder, { recursive: true, force: true }));

const compare = (a: number, b: number) => a - b;

async function* inBatches(values: readonly number[]): AsyncGenerator<readonly number[]> {
  for (let i = 0; i < values.length; i += 7) yield values.slice(i, i + 7);
}

async function collected(values: readonly number[], limits: { run?: number; width?: number }): Promise<number[]> {
  const sorted: number[] = [];
  for await (const batch of sortOnDisk({ batches: inBatches(values), compare, folder, ...limits }))
    sorted.push(...batch);
  return sorted;
}

test("any values are sorted, whether in memory, from several files, or from files that were merged before", async () => {
  const values = fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(
      values,
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 2, max: 5 }),
      async (all, run, width) => assert.deepEqual(await collected(all, { run, width }), all.toSorted(compare)),
    ),
    { numRuns: 20 },
  );
  assert.deepEqual(await readdir(folder), [], "files are left");
});

test("a short list uses no file; temporary files are private", async () => {
  const none = join(folder, "none");
  for await (const _ of sortOnDisk({ batches: inBatches([3, 1, 2]), compare, folder: none }));
  await assert.rejects(stat(none), { code: "ENOENT" });
  for await (const _ of sortOnDisk({ batches: inBatches([3, 1, 2]), compare, folder: none, run: 1 })) {
    const [own = assert.fail("no folder")] = await readdir(none);
    if (process.platform !== "win32")
      for (const path of [none, join(none, own)]) assert.equal((await stat(path)).mode & 0o077, 0);
  }
  assert.deepEqual(await readdir(none), []);
});

test("nothing is left when the reader stops early or the input fails", async () => {
  const place = join(folder, "left");
  for await (const _ of sortOnDisk({ batches: inBatches([5, 4, 3, 2, 1, 9, 8, 7]), compare, folder: place, run: 2 }))
    break;
  async function* failing() {
    yield* inBatches([3, 2, 1, 0, 9, 8, 7, 6, 5]);
    throw new Error("the input failed");
  }
  const reading = async () => {
    for await (const _ of sortOnDisk({ batches: failing(), compare, folder: place, run: 2 }))
      assert.fail("yielded before the input ended");
  };
  await assert.rejects(reading, /the input failed/);
  assert.deepEqual(await readdir(place), []);
});

test("folders of killed processes are removed after a week", async () => {
  const place = join(folder, "abandoned");
  for (const [name, days] of [
    ["sorted-old", 8],
    ["sorted-new", 6],
    ["mine", 100],
  ] as const) {
    await mkdir(join(place, name), { recursive: true });
    const time = new Date(Date.now() - days * 86_400_000);
    await utimes(join(place, name), time, time);
  }
  for await (const _ of sortOnDisk({ batches: inBatches([2, 1]), compare, folder: place, run: 1 }));
  assert.deepEqual((await readdir(place)).sort(), ["mine", "sorted-new"]);
});
