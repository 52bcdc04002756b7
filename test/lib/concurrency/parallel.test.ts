import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises";
import { inBatches, mapInOrder, mapParallel, oneAhead } from "../../../src/lib/concurrency/parallel.ts";

test("at most `limit` items are in work at once, and the source is read no faster", async () => {
  let read = 0;
  let running = 0;
  let most = 0;
  function* source() {
    for (; read < 20; read++) yield read;
  }
  const results = [];
  for await (const result of mapParallel(source(), 3, async (item) => {
    most = Math.max(most, ++running);
    await tick();
    running--;
    return item * 2;
  })) {
    results.push(result);
    assert.ok(read - results.length <= 3);
  }
  assert.equal(most, 3);
  assert.deepEqual(
    results.toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index * 2),
  );
});

test("the first error is thrown after the running work has ended", async () => {
  let ended = 0;
  const reading = Array.fromAsync(
    mapParallel([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error("the first");
      await sleep(20);
      ended++;
    }),
  );
  await assert.rejects(reading, { message: "the first" });
  assert.equal(ended, 1);
});

test("all batches but the last are full", async () => {
  assert.deepEqual(await Array.fromAsync(inBatches([1, 2, 3, 4, 5], 2)), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(await Array.fromAsync(inBatches([], 2)), []);
});

test("inBatches also ends a batch by its size", async () => {
  const weight = { size: (item: number) => item, most: 10 };
  const batches = await Array.fromAsync(inBatches([1, 2, 3, 20, 4, 6, 1], 3, weight));
  assert.deepEqual(batches, [[1, 2, 3], [20], [4, 6], [1]]);
});

test("oneAhead prefetches one item, throws errors, and closes its source when its reader stops", async () => {
  const asked: number[] = [];
  let closed = false;
  async function* source(fail?: number) {
    try {
      for (let i = 0; i < 4; i++) {
        asked.push(i);
        if (i === fail) throw new Error("no more");
        yield i;
      }
    } finally {
      closed = true;
    }
  }
  for await (const item of oneAhead(source())) {
    await Promise.resolve();
    assert.deepEqual(asked, [0, 1]);
    assert.equal(item, 0);
    break;
  }
  assert.ok(closed);
  assert.deepEqual(await Array.fromAsync(oneAhead(source())), [0, 1, 2, 3]);
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of oneAhead(source(2))) seen.push(item);
  }, /no more/);
  assert.deepEqual(seen, [0, 1]);
});

test("mapInOrder keeps the order and its limit, and waits for running work when its reader stops", async () => {
  let running = 0;
  let most = 0;
  async function* source() {
    for (let i = 0; i < 6; i++) yield i;
  }
  const work = async (item: number) => {
    most = Math.max(most, ++running);
    await sleep(item % 2 === 0 ? 10 : 1);
    running--;
    if (item === 4) throw new Error("the fourth");
    return item;
  };
  const results: number[] = [];
  await assert.rejects(
    async () => {
      for await (const result of mapInOrder(source(), 2, work)) results.push(result);
    },
    { message: "the fourth" },
  );
  assert.deepEqual(results, [0, 1, 2, 3]);
  assert.equal(most, 2);
  assert.equal(running, 0);
});
