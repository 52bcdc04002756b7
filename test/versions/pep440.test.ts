import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pep440, pep440Text } from "../../src/versions/pep440.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { checkAgainst, checkInvalid, checkPairs, compareWords } from "../support/version-tables.ts";
import { randomly } from "../support/effort.ts";

test("the pairs of Python's packaging library compare as expected", { skip: noShared }, () => {
  assert.equal(checkPairs(pep440, "pep440.pairs.tsv"), 1431);
});

test("the list of Python's packaging library is in order", { skip: noShared }, () => {
  const versions = readVectors("pep440.sorted.tsv").map(([, version]) => version!);
  assert.equal(versions.length, 54);
  assert.deepEqual([...versions].reverse().sort(pep440.compare), versions);
});

test("every spelling is printed as Python prints it", { skip: noShared }, () => {
  const rows = readVectors("pep440.normalize.tsv");
  assert.equal(rows.length, 100);
  for (const [input, expected] of rows) {
    assert.equal(pep440Text(input!), expected);
    assert.equal(pep440.normalize(input!), pep440.normalize(expected!));
  }
});

test("prereleases are those of Python's packaging library", { skip: noShared }, () => {
  const rows = readVectors("pep440.flags.tsv").filter(([flag]) => flag === "prerelease");
  assert.equal(rows.length, 22);
  for (const [, version, expected] of rows) assert.equal(pep440.isPrerelease(version!), expected === "True", version);
});

test("what Python refuses is not a version", { skip: noShared }, () => {
  const texts = readVectors("pep440.invalid.tsv").map(([text]) => text!);
  assert.equal(checkInvalid(pep440, texts), 6);
});

test("versions of other tools are not versions here", () => {
  checkInvalid(pep440, ["", "1..0", "1.0.x", "1!2!3", "1.0+", "1.0_1", "\u0661.0", "1.0\n2.0", "v"]);
});

test("numbers of forty digits keep their value and order", () => {
  const sorted = [
    "1.dev20240101",
    "1a9999999999999999999999999999999999999999",
    "1",
    `1.${"9".repeat(40)}`,
    `${"1".repeat(40)}!0`,
  ];
  assert.deepEqual([...sorted].reverse().sort(pep440.compare), sorted);
  assert.equal(pep440.normalize(`1.${"9".repeat(40)}.0`), `1.${"9".repeat(40)}`);
});

const number = fc.constantFrom("0", "1", "2", "01", "10");
const optional = (...texts: string[]) => fc.constantFrom("", ...texts);
const version = fc
  .tuple(
    optional("0!", "1!"),
    fc.array(number, { minLength: 1, maxLength: 3 }).map((numbers) => numbers.join(".")),
    optional("a1", ".beta2", "-rc", "c3", "_PRE_4"),
    optional(".post1", "-2", "rev", "_r03"),
    optional(".dev1", "-dev", "DEV02"),
    optional("+a", "+1", "+a.1", "+A-b_02", "+01a"),
  )
  .map((pieces) => pieces.join(""));

test("any two versions compare as the rules of PEP 440 say", () => {
  checkAgainst(pep440, version, reference);
});

test("versions normalise to the same text exactly if they are equal, and normalising twice changes nothing", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(pep440.normalize(a) === pep440.normalize(b), pep440.compare(a, b) === 0, `${a} ${b}`);
      assert.equal(pep440.normalize(pep440.normalize(a)!), pep440.normalize(a));
      assert.equal(pep440Text(pep440Text(a)), pep440Text(a));
    }),
    randomly(2000),
  );
});

/** The order of the specification, from the normalised text: a list of fields that compare one by one. */
function reference(a: string, b: string): number {
  const [left, right] = [fields(a), fields(b)];
  for (const [i, field] of left.entries()) {
    const order = compareLists(field, right[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

function fields(text: string): (string | bigint)[][] {
  const [publicText, local = ""] = pep440Text(text).split("+") as [string, string?];
  const find = (pattern: RegExp) => pattern.exec(publicText)?.[1];
  const numberOr = (digits: string | undefined, absent: bigint) => (digits === undefined ? absent : BigInt(digits));
  const release = publicText
    .replace(/^.*!/, "")
    .match(/^[0-9.]*[0-9]/)![0]
    .split(".")
    .map(BigInt);
  while (release.at(-1) === 0n) release.pop();
  const pre = find(/(a|b|rc)[0-9]/);
  const never = 10n ** 50n;
  const hasPost = publicText.includes("post");
  const phase =
    pre === undefined ? (publicText.includes("dev") && !hasPost ? 0n : never) : { a: 1n, b: 2n, rc: 3n }[pre]!;
  return [
    [numberOr(find(/^([0-9]+)!/), 0n)],
    release,
    [phase, numberOr(find(/(?:a|b|rc)([0-9]+)/), 0n)],
    [numberOr(find(/post([0-9]+)/), -1n)],
    [numberOr(find(/dev([0-9]+)/), never)],
    local === "" ? [] : local.split(".").map((part) => (/^[0-9]+$/.test(part) ? BigInt(part) : part)),
  ];
}

function compareLists(a: readonly (string | bigint)[], b: readonly (string | bigint)[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareWords(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
