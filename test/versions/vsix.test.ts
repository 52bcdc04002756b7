import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { vsix } from "../../src/versions/vsix.ts";
import { randomly } from "../support/effort.ts";

const ladder = [
  "0.9",
  "1",
  "1.0",
  "1.0.0-1",
  "1.0.0-2",
  "1.0.0-10",
  "1.0.0-alpha",
  "1.0.0-alpha.1",
  "1.0.0-beta",
  "1.0.0",
  "1.0.0.0",
  "1.0.0.1",
  "1.0.2-a",
  "1.0.10",
  "1.1",
  `1.${"9".repeat(40)}`,
  "2.0.0-rc",
];
test("versions sort by their numbers, fewer numbers first, labels before their release", () => {
  for (const [i, a] of ladder.entries())
    for (const [j, b] of ladder.entries()) assert.equal(Math.sign(vsix.compare(a, b)), Math.sign(i - j), `${a} ${b}`);
});

test("leading zeros do not count, missing numbers do", () => {
  assert.equal(vsix.normalize("01.002.0"), "1.2.0");
  assert.equal(vsix.normalize("1.0.0-01.A"), "1.0.0-1.A");
  assert.notEqual(vsix.normalize("1.0"), vsix.normalize("1.0.0"));
});

test("what both Visual Studio and VS Code refuse is not a version", () => {
  for (const text of [
    "",
    "1.",
    ".1",
    "1.0.0.0.0",
    "v1.0.0",
    "1.0-beta",
    "1.0.0.0-a",
    "1.0.0+a",
    "1.0.0-",
    "1 .0",
    "1.0\n",
  ]) {
    assert.equal(vsix.normalize(text), undefined, text);
    assert.throws(() => vsix.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
});

const digits = fc.constantFrom("0", "1", "01", "10", "9", "123456789012345678901");
const version = fc.oneof(
  fc.array(digits, { minLength: 1, maxLength: 4 }).map((numbers) => numbers.join(".")),
  fc
    .tuple(
      fc.array(digits, { minLength: 3, maxLength: 3 }),
      fc.array(fc.oneof(digits, fc.constantFrom("a", "B", "a-1")), { minLength: 1, maxLength: 3 }),
    )
    .map(([numbers, labels]) => `${numbers.join(".")}-${labels.join(".")}`),
);

test("versions compare as their parts do, and normalise to the same text exactly if they are equal", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(Math.sign(vsix.compare(a, b)), Math.sign(compareParts(a, b)), `${a} against ${b}`);
      assert.equal(vsix.normalize(a) === vsix.normalize(b), vsix.compare(a, b) === 0);
      assert.equal(vsix.normalize(vsix.normalize(a)!), vsix.normalize(a));
      assert.equal(vsix.isPrerelease(a), a.includes("-"));
    }),
    randomly(1000),
  );
});

function compareParts(a: string, b: string): number {
  const [[first, second], [labels, others]] = [split(a, 0, b), split(a, 1, b)];
  const numbers = compareLists(first!, second!);
  if (numbers !== 0) return numbers;
  if (labels === undefined || others === undefined) return Number(labels === undefined) - Number(others === undefined);
  return compareLists(labels, others);
}

function split(a: string, half: 0 | 1, b: string): (string[] | undefined)[] {
  return [a, b].map((text) => {
    const hyphen = text.indexOf("-");
    const parts = hyphen < 0 ? [text] : [text.slice(0, hyphen), text.slice(hyphen + 1)];
    return parts[half]?.split(".");
  });
}

function compareLists(a: string[], b: string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]!, b[i]!];
    const [isX, isY] = [/^[0-9]+$/.test(x), /^[0-9]+$/.test(y)];
    if (isX !== isY) return isX ? -1 : 1;
    const order = isX
      ? Number(BigInt(x) - BigInt(y) > 0n) - Number(BigInt(x) - BigInt(y) < 0n)
      : x < y
        ? -1
        : x > y
          ? 1
          : 0;
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
