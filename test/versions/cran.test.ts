import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cran } from "../../src/versions/cran.ts";
import { checkAgainst, checkInvalid } from "../support/version-tables.ts";

test("versions sort by their numbers, a shorter one first", () => {
  const sorted = [
    "0.0-1",
    "0.0.1.9000",
    "0.1",
    "0.9-10",
    "0.10",
    "1.0",
    "1.0.0",
    "1.0-1",
    "1.0.1.1",
    "2024.1.1",
    `2024.${"9".repeat(40)}`,
  ];
  assert.deepEqual([...sorted].reverse().sort(cran.compare), sorted);
});

test("dashes equal dots and leading zeros do not count, but versions are not normalised", () => {
  for (const [a, b] of [
    ["1.0-1", "1.0.1"],
    ["1-0", "1.0"],
    ["1.02", "1.2"],
  ]) {
    assert.equal(cran.compare(a!, b!), 0);
    assert.notEqual(cran.normalize(a!), cran.normalize(b!));
  }
  assert.equal(cran.normalize(" 1.0-1\t"), "1.0-1");
});

test("what R refuses is not a version", () => {
  checkInvalid(cran, ["", "1", "1.", ".1", "1..2", "1.a", "1.0a", "v1.0", "1_0", "1.0-", "1.0\n1.1", "\u0661.0"]);
});

test("a fourth number of 9000 or more marks a development version", () => {
  for (const text of ["1.0.0.9000", "0.1.2-9001", "1.2.3.20240101"]) assert.equal(cran.isPrerelease(text), true, text);
  for (const text of ["1.0", "1.0.9000", "1.0.0.8999", "1.0.0.1", "2024.9000"]) {
    assert.equal(cran.isPrerelease(text), false, text);
  }
});

test("any two versions compare number by number", () => {
  const number = fc.constantFrom("0", "1", "01", "9", "10", "18446744073709551617");
  const version = fc
    .tuple(fc.array(number, { minLength: 2, maxLength: 4 }), fc.constantFrom(".", "-"))
    .map(([numbers, separator]) => numbers.join(separator));
  checkAgainst(cran, version, (a, b) => {
    const [left, right] = [a, b].map((text) => text.split(/[.-]/).map(BigInt)) as [bigint[], bigint[]];
    const at = left.findIndex((value, i) => value !== right[i]);
    if (at < 0) return left.length - right.length;
    return at >= right.length ? 1 : left[at]! < right[at]! ? -1 : 1;
  });
});
