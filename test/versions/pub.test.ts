import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pub } from "../../src/versions/pub.ts";
import { randomly } from "../support/effort.ts";

const ladder = [
  ["0.9.9"],
  ["1.0.0-1"],
  ["1.0.0-2", "1.0.0-02"],
  ["1.0.0-10"],
  ["1.0.0--"],
  ["1.0.0-Alpha"],
  ["1.0.0-alpha"],
  ["1.0.0-alpha+1"],
  ["1.0.0-alpha.1"],
  ["1.0.0-alpha.beta"],
  ["1.0.0-nullsafety.0"],
  ["1.0.0-rc.1"],
  ["1.0.0", "01.00.000"],
  ["1.0.0+1", "1.0.0+01"],
  ["1.0.0+1.2"],
  ["1.0.0+2"],
  ["1.0.0+12"],
  ["1.0.0+a"],
  ["1.0.1"],
  ["1.10.0"],
  [`1.${"9".repeat(40)}.0`],
  ["2.0.0-dev.1"],
];
test("versions sort as in Dart's package manager, with build metadata last", () => {
  for (const [i, rung] of ladder.entries())
    for (const [j, other] of ladder.entries())
      for (const a of rung)
        for (const b of other) {
          assert.equal(Math.sign(pub.compare(a, b)), Math.sign(i - j), `${a} against ${b}`);
          assert.equal(pub.normalize(a) === pub.normalize(b), i === j);
        }
});

test("what Dart's package manager refuses is not a version", () => {
  for (const text of [
    "",
    "1",
    "1.0",
    "1.0.0.0",
    "v1.0.0",
    " 1.0.0",
    "1.0.0 ",
    "1.0.0-",
    "1.0.0+",
    "1.0.0-a..b",
    "1.0.0-ä",
    "any",
  ]) {
    assert.equal(pub.normalize(text), undefined, text);
    assert.throws(() => pub.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
});

const identifiers = fc.array(fc.constantFrom("0", "1", "01", "10", "a", "A", "a-1", "99999999999999999999"), {
  maxLength: 3,
});
const version = fc.record({
  numbers: fc.array(fc.constantFrom("0", "1", "10", "01"), { minLength: 3, maxLength: 3 }),
  labels: identifiers,
  build: identifiers,
});
type Parts = { numbers: string[]; labels: string[]; build: string[] };

test("versions compare as their parts do: numbers, then labels, then build", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [first, second] = [a, b].map(print);
      assert.equal(
        Math.sign(pub.compare(first!, second!)),
        Math.sign(compareParts(a, b)),
        `${first} against ${second}`,
      );
      assert.equal(pub.normalize(first!) === pub.normalize(second!), compareParts(a, b) === 0);
      assert.equal(pub.normalize(pub.normalize(first!)!), pub.normalize(first!));
      assert.equal(pub.isPrerelease(first!), a.labels.length > 0);
    }),
    randomly(1000),
  );
});

function print({ numbers, labels, build }: Parts): string {
  return (
    numbers.join(".") +
    (labels.length > 0 ? `-${labels.join(".")}` : "") +
    (build.length > 0 ? `+${build.join(".")}` : "")
  );
}

function compareParts(a: Parts, b: Parts): number {
  const isRelease = Number(a.labels.length === 0) - Number(b.labels.length === 0);
  return (
    compareLists(a.numbers, b.numbers) ||
    isRelease ||
    compareLists(a.labels, b.labels) ||
    compareLists(a.build, b.build)
  );
}

function compareLists(a: string[], b: string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareIdentifiers(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareIdentifiers(a: string, b: string): number {
  const [isA, isB] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
  if (isA !== isB) return isA ? -1 : 1;
  if (isA) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  return a < b ? -1 : a > b ? 1 : 0;
}
