import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { composer, isBranch } from "../../src/versions/composer.ts";
import { cpuTime } from "../support/cpu.ts";
import { randomly } from "../support/effort.ts";

const normalized: [text: string, expected: string][] = [
  ["1.0.0", "1.0.0.0"],
  ["1", "1.0.0.0"],
  ["0", "0.0.0.0"],
  ["v1.2.3.4", "1.2.3.4"],
  [" 1.0.0 ", "1.0.0.0"],
  ["00.01.03.04", "00.01.03.04"],
  ["1.0.0RC1dev", "1.0.0.0-RC1-dev"],
  ["1.0.0-rC15-dev", "1.0.0.0-RC15-dev"],
  ["1.0.0.RC.15-dev", "1.0.0.0-RC15-dev"],
  ["1.0.0-rc1", "1.0.0.0-RC1"],
  ["1.0.0.pl3-dev", "1.0.0.0-patch3-dev"],
  ["1.0-dev", "1.0.0.0-dev"],
  ["10.4.13-beta", "10.4.13.0-beta"],
  ["10.4.13beta.2", "10.4.13.0-beta2"],
  ["10.4.13-b5", "10.4.13.0-beta5"],
  ["1.0_a1", "1.0.0.0-alpha1"],
  ["1.0-p1", "1.0.0.0-patch1"],
  ["1.0.0-stable", "1.0.0.0"],
  ["1.0.0-stable-dev", "1.0.0.0"],
  ["1.0.0@dev", "1.0.0.0"],
  ["1.0.0-beta.5+foo", "1.0.0.0-beta5"],
  ["1.0.0-alpha.3.1+foo", "1.0.0.0-alpha3.1"],
  ["1.0.0-alpha-2.1-3+foo", "1.0.0.0-alpha2.1-3"],
  ["1.0.0+foo as 2.0", "1.0.0.0"],
  ["2010.01.02", "2010.01.02.0"],
  ["2010.10.200", "2010.10.200.0"],
  ["v20100102", "20100102"],
  ["2010-01-02", "2010.01.02.0"],
  ["2010-01-02.5", "2010.01.02.5"],
  ["20100102-203040", "20100102.203040"],
  ["20100102-203040-p1", "20100102.203040-patch1"],
  ["20100102203040-10", "20100102203040.10"],
  ["201903.0", "201903.0"],
  [`1.${"9".repeat(40)}`, `1.${"9".repeat(40)}.0.0`],
];
test("versions normalise as in Composer, and normalising twice changes nothing", () => {
  for (const [text, expected] of normalized) {
    assert.equal(composer.normalize(text), expected, text);
    assert.equal(composer.normalize(expected), expected, expected);
    assert.equal(composer.compare(text, expected), 0);
  }
});

const ladder = [
  ["1.0-dev"],
  ["1.0-alpha-dev"],
  ["1.0-alpha", "1.0.0a"],
  ["1.0-alpha1-dev"],
  ["1.0-alpha1", "v1.0.0.0-a.1", "1.0-alpha01"],
  ["1.0-alpha1.1"],
  ["1.0-alpha2"],
  ["1.0-alpha10"],
  ["1.0-beta", "1.0b"],
  ["1.0-RC1", "1.0rc1"],
  ["1.0-RC2"],
  ["1.0", "1.0.0.0", "1.00", "1-stable"],
  ["1.0-patch", "1.0p"],
  ["1.0-pl1"],
  ["1.0.0.1"],
  ["1.0.1"],
  ["1.2"],
  ["1.10"],
  [`1.${"9".repeat(40)}`],
  ["2010.01.02"],
  ["20100102"],
  ["20100102.1"],
  ["20100102-p1"],
  ["20100103"],
];
test("versions sort by number and stability: dev, alpha, beta, RC, release, patch", () => {
  for (const [i, rung] of ladder.entries())
    for (const [j, other] of ladder.entries())
      for (const a of rung)
        for (const b of other) assert.equal(Math.sign(composer.compare(a, b)), Math.sign(i - j), `${a} against ${b}`);
});

test("branches and constraints are not versions", () => {
  for (const text of ["dev-main", "dev-1.0", "1.x-dev", "1.*-dev", "feature-dev"]) {
    assert.equal(composer.normalize(text), undefined, text);
    assert.ok(isBranch(text), text);
  }
  const wrong = [
    "",
    "a",
    "master",
    "1.0.0-meh",
    "1.0.0.0.0",
    "1.0 .2",
    "^1",
    "~1.0",
    "1.*",
    ">=1",
    "1.0,2.0",
    "1/0",
    "1.0.0+a b",
  ];
  for (const text of [...wrong, `1.${"1".repeat(255)}`]) {
    assert.equal(composer.normalize(text), undefined, text);
    assert.ok(!isBranch(text), text);
    assert.throws(() => composer.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
  assert.ok(!isBranch("1.0-dev"));
});

test("texts that could cause backtracking are refused at once", () => {
  const started = cpuTime();
  for (const text of [
    `1beta${"1".repeat(240)}x`,
    `1.0-b${".1".repeat(120)}x`,
    `2010${"01".repeat(120)}x`,
    `1${".1".repeat(120)}`,
  ])
    assert.equal(composer.normalize(text), undefined);
  assert.ok(cpuTime() - started < 5000);
});

const number = fc.constantFrom("0", "1", "2", "01", "10", "99999999999999999999");
const version = fc
  .tuple(
    fc.array(
      number.filter((text) => text.length < 6),
      { minLength: 1, maxLength: 1 },
    ),
    fc.array(number, { maxLength: 3 }),
    fc.constantFrom("", "-alpha", "b", ".RC", "-p", "-stable"),
    fc.array(number, { maxLength: 2 }),
    fc.constantFrom("", "-dev"),
  )
  .map(
    ([first, rest, word, counter, dev]) =>
      [...first, ...rest].join(".") + word + (word === "" ? "" : counter.join(".")) + dev,
  );

test("versions compare as PHP compares Composer's normalised texts", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const expected = phpCompare(composer.normalize(a)!, composer.normalize(b)!);
      assert.equal(Math.sign(composer.compare(a, b)), expected, `${a} against ${b}`);
      assert.equal(composer.isPrerelease(a), /-(?:alpha|beta|RC)|-dev/.test(composer.normalize(a)!));
    }),
    randomly(2000),
  );
});

/** PHP's `version_compare`, part by part. */
function phpCompare(a: string, b: string): number {
  const [first, second] = [a, b].map((text) => text.match(/[0-9]+|[A-Za-z]+/g)!);
  for (let i = 0; i < Math.max(first!.length, second!.length); i++) {
    const [x, y] = [first![i], second![i]];
    const isX = x !== undefined && /^[0-9]/.test(x);
    const isY = y !== undefined && /^[0-9]/.test(y);
    if (isX && isY) {
      if (BigInt(x) !== BigInt(y)) return BigInt(x) < BigInt(y) ? -1 : 1;
    } else if (x === undefined && isY) return -1;
    else if (y === undefined && isX) return 1;
    else if (formOf(x) !== formOf(y)) return formOf(x) < formOf(y) ? -1 : 1;
  }
  return 0;
}

function formOf(part: string | undefined): number {
  if (part === undefined || /^[0-9]/.test(part)) return 4;
  return { dev: 0, alpha: 1, beta: 2, RC: 3, patch: 5 }[part]!;
}
