import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rpm } from "../../src/versions/rpm.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { randomly } from "../support/effort.ts";

const signs: Record<string, number> = { "<": -1, "=": 0, ">": 1 };

test(
  "the pairs of rpm's own tests compare as expected, in both orders, as versions and as releases",
  { skip: noShared },
  () => {
    const rows = readVectors("rpm.rpmvercmp.tsv");
    assert.equal(rows.length, 91);
    for (const [a, sign, b] of rows) {
      assert.equal(rpm.compare(a!, b!), signs[sign!], `${a} ${sign} ${b}`);
      assert.equal(rpm.compare(b!, a!), 0 - signs[sign!]!, `${b} against ${a}`);
      assert.equal(rpm.compare(`1-${a}`, `1-${b}`), signs[sign!], `release ${a} ${sign} ${b}`);
    }
  },
);

const part = fc
  .array(fc.constantFrom("0", "1", "9", "10", "001", "a", "Z", "rc", "fc40", "~", "^", ".", "_", "+", "é"), {
    minLength: 1,
    maxLength: 6,
  })
  .map((pieces) => pieces.join(""));
const evr = fc.tuple(fc.constantFrom("", "0:", "1:", "02:"), part, part).map(([e, v, r]) => `${e}${v}-${r}`);

test("any two versions sort as by rpm's algorithm, step by step", () => {
  fc.assert(
    fc.property(evr, evr, (a, b) => {
      const [, e = "0", v, r] = /^(?:([0-9]+):)?([^-]*)-(.*)$/.exec(a)!;
      const [, f = "0", w, s] = /^(?:([0-9]+):)?([^-]*)-(.*)$/.exec(b)!;
      const expected = Math.sign(Number(e) - Number(f)) || compareParts(v!, w!) || compareParts(r!, s!);
      assert.equal(Math.sign(rpm.compare(a, b)), expected, `${a} against ${b}`);
    }),
    randomly(3000),
  );
});

test("normalising does not change the order, and normalising twice changes nothing", () => {
  fc.assert(
    fc.property(evr, (text) => {
      const normalized = rpm.normalize(text)!;
      assert.equal(rpm.compare(text, normalized), 0);
      assert.equal(rpm.normalize(normalized), normalized);
    }),
  );
});

test("numbers of any length sort by value", () => {
  const sorted = ["1.9", "1.20240101120000", "1.1000000000000000000000000000000000000000"];
  assert.deepEqual([...sorted].reverse().sort(rpm.compare), sorted);
});

const normalized: [text: string, expected: string | undefined][] = [
  ["1.0-1", "1.0-1"],
  ["0:1.0-1", "1.0-1"],
  ["00:1.02-1.el9", "1.02-1.el9"],
  ["007:1.0-1", "7:1.0-1"],
  ["1.0", "1.0"],
  ["4294967295:1-1", "4294967295:1-1"],
  ["4294967296:1-1", undefined],
  ["1.0-1-1", undefined],
  ["a:1.0-1", undefined],
  ["1.0 -1", undefined],
  ["1.0-", undefined],
  ["-1", undefined],
  ["1/0-1", undefined],
  ["", undefined],
];
for (const [text, expected] of normalized) {
  test(`${JSON.stringify(text)} ${expected === undefined ? "is not a version" : `is ${expected}`}`, () => {
    assert.equal(rpm.normalize(text), expected);
    if (expected === undefined) assert.throws(() => rpm.sortKey(text), { name: "FeedctlError", code: "invalid" });
  });
}

test("a tilde makes a prerelease, and so does a release below 1 with a prerelease word", () => {
  for (const text of ["1.0~rc1-1", "1:1.0-0.1.rc1.el9", "1.0-0.beta2", "2.0-1~pre"])
    assert.equal(rpm.isPrerelease(text), true, text);
  for (const text of ["1.0-1", "1.0^git1-1", "1.0-0.1.el9", "0-0", "1.0-1.rc1", "1.0-0.preview.el9"])
    assert.equal(rpm.isPrerelease(text), false, text);
});

/** rpmvercmp as in rpm's manual: from front to back, one run at a time. */
function compareParts(a: string, b: string): number {
  const skip = (text: string): string => text.replace(/^[^A-Za-z0-9~^]+/, "");
  for (;;) {
    [a, b] = [skip(a), skip(b)];
    if (a === "" && b === "") return 0;
    if (a.startsWith("~") || b.startsWith("~")) {
      if (!a.startsWith("~")) return 1;
      if (!b.startsWith("~")) return -1;
      [a, b] = [a.slice(1), b.slice(1)];
      continue;
    }
    if (a === "") return -1;
    if (b === "") return 1;
    if (a.startsWith("^") || b.startsWith("^")) {
      if (!a.startsWith("^")) return 1;
      if (!b.startsWith("^")) return -1;
      [a, b] = [a.slice(1), b.slice(1)];
      continue;
    }
    const run = /^[0-9]/.test(a) ? /^[0-9]+/ : /^[A-Za-z]+/;
    const [x, y] = [run.exec(a)![0], run.exec(b)?.[0]];
    const isNumber = /^[0-9]/.test(a);
    if (y === undefined) return isNumber ? 1 : -1;
    [a, b] = [a.slice(x.length), b.slice(y.length)];
    if (isNumber && BigInt(x) !== BigInt(y)) return BigInt(x) < BigInt(y) ? -1 : 1;
    if (!isNumber && x !== y) return x < y ? -1 : 1;
  }
}
