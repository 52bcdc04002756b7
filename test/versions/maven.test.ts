import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { maven, parseTimestampedBuild, snapshotOf } from "../../src/versions/maven.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { compareLikeMaven } from "./maven-reference.ts";
import { attempts, randomly } from "../support/effort.ts";

const signs: Record<string, number> = { "<": -1, "=": 0, ">": 1 };

test("the pairs of Maven's own tests compare as expected, in both orders", { skip: noShared }, () => {
  const rows = readVectors("maven.comparableversion.tsv");
  assert.equal(rows.length, 656);
  for (const [a, sign, b] of rows) {
    assert.equal(maven.normalize(a!), a);
    assert.equal(Math.sign(maven.compare(a!, b!)), signs[sign!], `${a} ${sign} ${b}`);
    assert.equal(Math.sign(maven.compare(b!, a!)), 0 - signs[sign!]!, `${b} against ${a}`);
    assert.equal(Math.sign(compareLikeMaven(a!, b!)), signs[sign!], `the reference: ${a} ${sign} ${b}`);
  }
});

/** In the order of Maven 3.9.9; versions in one row are equal. */
const ladder = [
  ["1-alpha-1", "1a1", "1.0.0-alpha-1", "1-ALPHA1"],
  ["1-alpha-2"],
  ["1-alpha2-1"],
  ["1.0-beta", "1beta", "1.beta"],
  ["1-milestone-3", "1.m3"],
  ["1-rc", "1-cr"],
  ["1-rc1", "1-cr-1", "1.0.0.RC1"],
  ["1-rc.1"],
  ["1-SNAPSHOT", "1.0.snapshot"],
  ["1", "1.0", "1-ga", "1.0.0-Final", "1.RELEASE", "1-0", "001"],
  ["1-sp", "1.0.sp"],
  ["1-b", "1b"],
  ["1-jre"],
  ["1-1", "1.0-1"],
  ["1.0.1"],
  ["1.1"],
  ["1.2147483648"],
  ["1.9223372036854775808"],
  [`1.${"9".repeat(40)}`],
  [`2${".1".repeat(60)}`],
];
test("versions are in Maven's order", () => {
  for (const [i, rung] of ladder.entries()) {
    for (const a of rung) {
      for (const [j, other] of ladder.entries()) {
        for (const b of other) {
          assert.equal(Math.sign(compareLikeMaven(a, b)), Math.sign(i - j), `the reference: ${a} against ${b}`);
          assert.equal(Math.sign(maven.compare(a, b)), Math.sign(i - j), `${a} against ${b}`);
        }
      }
    }
  }
});

const words = ["alpha", "beta", "rc", "cr", "m", "a", "milestone", "SNAPSHOT", "ga", "Final", "sp", "jre", "x"];
const numbers = ["0", "1", "2", "10", "00", "01", "12345678901234567890123456789012345678901"];
const version = fc
  .tuple(
    fc.constantFrom(...numbers),
    fc.array(fc.tuple(fc.constantFrom(".", "-", ""), fc.constantFrom(...numbers, ...words)), { maxLength: 4 }),
  )
  .map(([first, rest]) => first + rest.flat().join(""))
  .filter((text) => parseTimestampedBuild(text) === undefined);

test("versions compare as in Maven, except where Maven's order is not transitive", () => {
  let circles = 0;
  const property = fc.property(version, version, (a, b) => {
    const [expected, actual] = [Math.sign(compareLikeMaven(a, b)), Math.sign(maven.compare(a, b))];
    if (expected === actual) return;
    const between = [...beginnings(a), ...beginnings(b)];
    const isCircle = between.some((c) => {
      const [toThere, back] = [Math.sign(compareLikeMaven(a, c)), Math.sign(compareLikeMaven(c, b))];
      return toThere * back >= 0 && toThere + back !== 0 && Math.sign(toThere + back) !== expected;
    });
    assert.ok(isCircle, `${a} against ${b}: Maven says ${expected}, we say ${actual}`);
    circles++;
  });
  fc.assert(property, randomly(5000));
  assert.ok(circles < attempts(250), `${circles} circles`);
});

function beginnings(text: string): string[] {
  return Array.from({ length: text.length }, (_, index) => text.slice(0, index + 1));
}

test("builds of a snapshot sort by time and number, after their snapshot and before the release", () => {
  const sorted = [
    "1.0-rc1",
    "1.0-SNAPSHOT",
    "1.0-20191231.235959-12",
    "1.0-20200101.001500-2",
    "1.0-20200101.120000-3",
    "1.0-20200101.120000-20",
    "1.0",
    "1.1-20190101.000000-1",
  ];
  assert.deepEqual([...sorted].reverse().sort(maven.compare), sorted);
  const part = fc.integer({ min: 10, max: 23 });
  const build = fc.tuple(part, part, fc.integer({ min: 1, max: 200 }));
  fc.assert(
    fc.property(build, build, (a, b) => {
      const [first, second] = [a, b].map(([day, hour, number]) => `2.0-202001${day}.${hour}0000-${number}`);
      const expected = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      assert.equal(Math.sign(maven.compare(first!, second!)), Math.sign(expected));
      assert.ok(maven.compare(first!, "2.0-SNAPSHOT") > 0 && maven.compare(first!, "2.0") < 0);
    }),
  );
});

test("only the suffix makes a version a snapshot", () => {
  assert.equal(snapshotOf("1.0-SNAPSHOT"), "1.0-SNAPSHOT");
  assert.equal(snapshotOf("1.0-20200101.120000-3"), "1.0-SNAPSHOT");
  assert.equal(snapshotOf("20200101.120000-3"), "SNAPSHOT");
  for (const text of ["1.0", "1.0-SNAPSHOT-1", "1.0-20200101-3", "1.0-20200101.120000", "1.0SNAPSHOT"])
    assert.equal(snapshotOf(text), undefined, text);
});

test("prereleases are recognised by the usual words", () => {
  const previews = ["1-alpha", "1.0a1", "1-beta-2", "1.b2", "1.0-M3", "1-milestone", "1.0.RC1", "2-cr", "1-SNAPSHOT"];
  for (const text of [...previews, "1-preview", "1-ea", "1-rc-jre", "1-20200101.120000-3"])
    assert.ok(maven.isPrerelease(text), text);
  for (const text of ["1", "1-ga", "1.0.Final", "1-sp1", "1-jre", "1a", "1-b", "1.0-m", "2.0-android", "r09"])
    assert.ok(!maven.isPrerelease(text), text);
});

test("what cannot be a file name is not a version", () => {
  for (const text of [
    "",
    " ",
    "1 0",
    "${revision}",
    "1/0",
    "1\\0",
    "[1,2)",
    "1:0",
    "..",
    ".",
    "1\n",
    "ä",
    "1".repeat(256),
  ]) {
    assert.equal(maven.normalize(text), undefined, text);
    assert.throws(() => maven.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
  for (const text of ["1", "1.0+build~x", "r09", "1..0", "-", "1-", "a".repeat(255), "-.".repeat(100)])
    assert.equal(maven.normalize(text), text);
});
