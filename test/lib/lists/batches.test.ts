import assert from "node:assert/strict";
import { test } from "node:test";
import { batched, batchesOf } from "../../../src/lib/lists/batches.ts";

const numbers = (closed: () => void = () => {}) =>
  batched(async function* () {
    try {
      yield [1, 2];
      yield [];
      yield [3];
    } finally {
      closed();
    }
  });

test("batches are read item by item, or as batches", async () => {
  assert.deepEqual(await Array.fromAsync(numbers()), [1, 2, 3]);
  assert.deepEqual(await Array.fromAsync(batchesOf(numbers())), [[1, 2], [], [3]]);
});

test("each item of a stream without batches is a batch", async () => {
  async function* plain() {
    yield* ["a", "b"];
  }
  assert.deepEqual(await Array.fromAsync(batchesOf(plain())), [["a"], ["b"]]);
});

test("a reader that stops closes the stream, and an error comes after the items before it", async () => {
  let closed = 0;
  for await (const _ of numbers(() => closed++)) break;
  for await (const _ of batchesOf(numbers(() => closed++))) break;
  assert.equal(closed, 2);
  const failing = () =>
    batched(async function* () {
      yield [1, 2];
      throw new Error("no more");
    });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const each of failing()) seen.push(each);
  })();
  await assert.rejects(reading, /no more/);
  assert.deepEqual(seen, [1, 2]);
});
