import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { debian, splitEpoch } from "../../src/versions/debian.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { randomly } from "../support/effort.ts";

const signs: Record<string, number> = { "<": -1, "=": 0, ">": 1 };
const noDpkg = spawnSync("dpkg", ["--version"]).status === 0 ? false : "dpkg is not installed";

test("the pairs of dpkg's own tests compare as expected, in both orders", { skip: noShared }, () => {
  const rows = readVectors("dpkg.t-version.pairs.tsv");
  assert.equal(rows.length, 15);
  for (const [a, sign, b] of rows) {
    assert.equal(debian.compare(a!, b!), signs[sign!], `${a} ${sign} ${b}`);
    assert.equal(debian.compare(b!, a!), 0 - signs[sign!]!, `${b} against ${a}`);
  }
});

test("versions are parsed as by dpkg", { skip: noShared }, () => {
  const rows = readVectors("dpkg.t-version.parse.tsv");
  assert.equal(rows.length, 14);
  for (const [input, epoch, upstream, revision] of rows) {
    const whole = `${epoch}:${upstream}${revision === "" ? "" : `-${revision}`}`;
    assert.equal(debian.normalize(input!), debian.normalize(whole), input);
    assert.notEqual(debian.normalize(input!), undefined, input);
  }
});

test("what dpkg refuses is not a version", { skip: noShared }, () => {
  const rows = readVectors("dpkg.t-version.invalid.tsv");
  assert.equal(rows.length, 63);
  for (const [json] of rows) {
    const text = JSON.parse(json!) as string;
    assert.equal(debian.normalize(text), undefined, json);
    assert.throws(() => debian.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
});

const part = fc
  .array(fc.constantFrom("0", "1", "9", "10", "01", "00", "a", "Z", "rc", "~", "~~", "+", ".", "-"), { maxLength: 6 })
  .map((pieces) => pieces.join(""));
const version = fc
  .tuple(
    fc.constantFrom("", "", "0:", "1:", "02:"),
    fc.constantFrom("0", "1", "01", "12345678901234567890123456789012345678901"),
    part,
    fc.constantFrom("", "-0", "-00", "-1", "-1~a", "-a1+b"),
  )
  .map((pieces) => pieces.join(""))
  .filter((text) => debian.normalize(text) !== undefined);

test("any two versions sort by the rules of Debian policy, applied step by step", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(Math.sign(debian.compare(a, b)), byPolicy(a, b), `${a} against ${b}`);
    }),
    randomly(3000),
  );
});

test("normalising does not change the order, and normalising twice changes nothing", () => {
  fc.assert(
    fc.property(version, (text) => {
      const normalized = debian.normalize(text)!;
      assert.equal(debian.compare(text, normalized), 0);
      assert.equal(debian.normalize(normalized), normalized);
    }),
    randomly(1000),
  );
});

test("random versions sort as the installed dpkg sorts them", { skip: noDpkg }, () => {
  for (const [a, b] of fc.sample(fc.tuple(version, version), { numRuns: 60, seed: 7 })) {
    const sign = debian.compare(a, b);
    const relation = sign < 0 ? "lt" : sign > 0 ? "gt" : "eq";
    execFileSync("dpkg", ["--compare-versions", a, relation, b], { stdio: "ignore" });
  }
});

const normalized: [text: string, expected: string | undefined][] = [
  [" 1.0-1 ", "1.0-1"],
  ["0:1.0", "1.0"],
  ["1.0-0", "1.0"],
  ["1.0-000", "1.0"],
  ["001:1.02-1", "1:1.02-1"],
  ["0:1:2", "0:1:2"],
  ["1.0-1-0", "1.0-1-0"],
  ["2147483647:1", "2147483647:1"],
  ["2147483648:1", undefined],
  ["v1.0", undefined],
  ["", undefined],
  ["1.0 beta", undefined],
  ["1_0", undefined],
];
for (const [text, expected] of normalized) {
  test(`${JSON.stringify(text)} ${expected === undefined ? "is not a version" : `is ${expected}`}`, () => {
    assert.equal(debian.normalize(text), expected);
  });
}

test("an epoch is split off at the first colon only", () => {
  assert.deepEqual(splitEpoch("1:2.0-1"), { epoch: "1", rest: "2.0-1" });
  assert.deepEqual(splitEpoch("2.0-1"), { epoch: "", rest: "2.0-1" });
  assert.deepEqual(splitEpoch("0:1:2"), { epoch: "0", rest: "1:2" });
});

test("a version that a tilde sorts before its release is a prerelease; backports and security updates are not", () => {
  for (const text of ["1.0~rc1-1", "1:2.0~beta.2", "1.0~git20240101", "3~alpha", "1.0~a2-1", "1~pre+dfsg-1"])
    assert.equal(debian.isPrerelease(text), true, text);
  for (const text of ["1.0-1", "1.0-1~bpo12+1", "1.0+rc1", "1.0~dfsg-1", "1.0~ds1", "1.0~bpo12+1", "1.0-1~rc1"])
    assert.equal(debian.isPrerelease(text), false, text);
});

/** Debian policy 5.6.12 without a sort key: compares other characters and digits alternately. */
function byPolicy(a: string, b: string): number {
  const [left, right] = [take(a), take(b)];
  return (
    Math.sign(left.epoch - right.epoch) ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function take(text: string) {
  const [, epoch, rest] = /^(?:([0-9]+):)?(.*)$/.exec(text)!;
  const [, upstream, revision] = /^(.*?)(?:-([^-]*))?$/.exec(rest!)!;
  return { epoch: Number(epoch ?? 0), upstream: upstream!, revision: revision ?? "" };
}

function compareParts(a: string, b: string): number {
  while (a !== "" || b !== "") {
    const [x, y] = [/^[^0-9]*/.exec(a)![0], /^[^0-9]*/.exec(b)![0]];
    for (let i = 0; i < Math.max(x.length, y.length); i++) {
      const difference = weight(x[i]) - weight(y[i]);
      if (difference !== 0) return Math.sign(difference);
    }
    [a, b] = [a.slice(x.length), b.slice(y.length)];
    const [m, n] = [/^[0-9]*/.exec(a)![0], /^[0-9]*/.exec(b)![0]];
    if (BigInt(m) !== BigInt(n)) return BigInt(m) < BigInt(n) ? -1 : 1;
    [a, b] = [a.slice(m.length), b.slice(n.length)];
  }
  return 0;
}

/** "All the letters sort earlier than all the non-letters, a tilde sorts before anything, even the end of a part." */
function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === "~") return -1;
  return /[a-z]/i.test(character) ? character.charCodeAt(0) : 1000 + character.charCodeAt(0);
}
