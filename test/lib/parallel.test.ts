import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises";
import { inBatches, mapParallel } from "../../src/lib/parallel.ts";

test("at most `limit` items are worked on at once, and the source is read no faster", async () => {
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

test("the first error ends it, after what is under way has ended", async () => {
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

test("batches are full but for the last", async () => {
  assert.deepEqual(await Array.fromAsync(inBatches([1, 2, 3, 4, 5], 2)), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(await Array.fromAsync(inBatches([], 2)), []);
});
