import assert from "node:assert/strict";
import { test } from "node:test";
import { batched, batchesOf } from "../../../src/lib/lists/batches.ts";
import { mergeJoin } from "../../../src/lib/lists/merge-join.ts";

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

async function* stream(keys: string, closed?: () => void) {
  try {
    for (const key of keys) yield { key };
  } finally {
    closed?.();
  }
}

const join = (left: AsyncIterable<{ key: string }>, right: AsyncIterable<{ key: string }>) =>
  mergeJoin<{ left: { key: string }; right: { key: string } }>(
    { left, right },
    byText,
    (name, before, after) => new Error(`${name}: ${before} ${after}`),
  );

test("every key is yielded once, in order, with the items that have it", async () => {
  const rows = await Array.fromAsync(join(stream("acd"), stream("bcde")), ({ key, left, right }) => [
    key,
    left?.key,
    right?.key,
  ]);
  assert.deepEqual(rows, [
    ["a", "a", undefined],
    ["b", undefined, "b"],
    ["c", "c", "c"],
    ["d", "d", "d"],
    ["e", undefined, "e"],
  ]);
  assert.deepEqual(await Array.fromAsync(join(stream(""), stream(""))), []);
});

test("a stream out of order, or with a key twice, throws before any row behind it is yielded", async () => {
  for (const [keys, words] of [
    ["acb", "left: c b"],
    ["abb", "left: b b"],
  ] as const) {
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { key } of join(stream(keys), stream("z"))) seen.push(key);
    })();
    await assert.rejects(reading, { message: words });
    assert.equal(seen.join(""), keys.slice(0, 2));
  }
});

test("all streams are closed, whether the reader stops early or one of them fails", async () => {
  let closed = 0;
  for await (const _ of join(
    stream("abc", () => closed++),
    stream("abc", () => closed++),
  ))
    break;
  assert.equal(closed, 2);
  await assert.rejects(
    Array.fromAsync(
      join(
        stream("ba", () => closed++),
        stream("abc", () => closed++),
      ),
    ),
  );
  assert.equal(closed, 4);
});

test("batches of any size are joined like single items, and rows are batched", async () => {
  const pieces = (...keys: string[]) =>
    batched(async function* () {
      for (const piece of keys) yield Array.from(piece, (key) => ({ key }));
    });
  const all = () => join(pieces("ab", "", "d", "fgh"), pieces("b", "cdef"));
  const text = (rows: readonly { key: string; left?: unknown; right?: unknown }[]) =>
    rows
      .map(({ key, left, right }) => `${key}${left === undefined ? "" : "l"}${right === undefined ? "" : "r"}`)
      .join(" ");
  assert.equal(text(await Array.fromAsync(all())), "al blr cr dlr er flr gl hl");
  const batches = await Array.fromAsync(batchesOf(all()), text);
  assert.equal(batches.join(" "), "al blr cr dlr er flr gl hl");
  assert.ok(batches.length < 8, `${batches.length} batches`);
});
