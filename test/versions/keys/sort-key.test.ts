import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatKeys, listKey, numberKey, rankKey, textKey } from "../../../src/versions/keys/sort-key.ts";

test("numbers of any length sort by value, whatever their leading zeros", () => {
  const digits = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 0n, max: 300n }));
  fc.assert(
    fc.property(digits, digits, fc.nat(3), (a, b, zeros) => {
      const order = Buffer.compare(numberKey("0".repeat(zeros) + a), numberKey(b));
      assert.equal(order, a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test("numbers with more digits than one length byte can count sort after shorter ones and among themselves", () => {
  const keys = ["9".repeat(254), `1${"0".repeat(254)}`, "9".repeat(255), `1${"0".repeat(300)}`].map(numberKey);
  assert.deepEqual([...keys].sort(Buffer.compare), keys);
  assert.equal(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size, keys.length);
});

test("numberKey throws for anything but a whole number", () => {
  for (const wrong of ["", "-1", "1.0", " 1", "1e3"]) assert.throws(() => numberKey(wrong), RangeError);
  assert.throws(() => rankKey(256), RangeError);
});

test("texts sort by their UTF-8 bytes, a prefix before the longer text, zero bytes included", () => {
  const texts = fc.string({ unit: fc.constantFrom("\0", "\u0001", "a", "b", "\u00ff", "\u{1f600}"), maxLength: 6 });
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      assert.equal(Buffer.compare(textKey(a), textKey(b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("lists sort item by item, a shorter list first, and later pieces only count if the lists are equal", () => {
  const lists = fc.array(fc.nat(300), { maxLength: 4 });
  fc.assert(
    fc.property(lists, lists, fc.nat(255), fc.nat(255), (a, b, x, y) => {
      const keys = [a, b].map((list, i) => concatKeys(listKey(list.map(numberKey)), rankKey(i === 0 ? x : y)));
      assert.equal(Buffer.compare(keys[0]!, keys[1]!), Math.sign(compareLists(a, b) || x - y));
    }),
  );
});

function compareLists(a: number[], b: number[]): number {
  const at = a.findIndex((item, i) => item !== b[i]);
  if (at < 0) return a.length - b.length;
  return at >= b.length ? 1 : a[at]! - b[at]!;
}
