import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { gem } from "../../src/versions/gem.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { checkAgainst, checkInvalid, checkPairs, comparePadded, compareWords } from "../support/version-tables.ts";

test("the pairs of RubyGems' own tests compare as expected", { skip: noShared }, () => {
  assert.equal(checkPairs(gem, "gem.pairs.tsv"), 28);
});

test("prereleases are those of RubyGems' own tests", { skip: noShared }, () => {
  const rows = readVectors("gem.prerelease.tsv");
  assert.equal(rows.length, 10);
  for (const [version, expected] of rows) assert.equal(gem.isPrerelease(version!), expected === "true", version);
});

test("what RubyGems refuses is not a version", { skip: noShared }, () => {
  const texts = readVectors("gem.invalid.tsv").map(([text]) => JSON.parse(text!) as string);
  assert.equal(checkInvalid(gem, texts), 6);
});

test("normalising removes blanks and replaces a dash by .pre.", () => {
  for (const [text, expected] of [
    [" 1.0 ", "1.0"],
    ["1.0.0", "1.0.0"],
    ["1.2.3-1", "1.2.3.pre.1"],
    ["1-a-b", "1.pre.a.pre.b"],
    ["01.A", "01.A"],
  ]) {
    assert.equal(gem.normalize(text!), expected);
    assert.equal(gem.compare(text!, expected!), 0);
  }
});

test("numbers of forty digits sort by value", () => {
  const sorted = ["1.a", "1", "1.2", `1.${"8".repeat(40)}`, `1.${"9".repeat(40)}`, "2.0"];
  assert.deepEqual([...sorted].reverse().sort(gem.compare), sorted);
});

const version = fc
  .tuple(
    fc.constantFrom("0", "1", "00"),
    fc.array(fc.constantFrom("0", "1", "10", "a", "b1", "0a", "B", "00", "rc"), { maxLength: 5 }),
    fc.constantFrom("", "-1", "-a.0"),
  )
  .map(([first, rest, dash]) => [first, ...rest].join(".") + dash);

test("any two versions compare as by RubyGems' algorithm", () => {
  checkAgainst(gem, version, (a, b) => comparePadded(segments(a), segments(b), 0n, compareWords));
});

/** The numbers up to the first word, and the rest, each without trailing zeros. */
function segments(text: string): (string | bigint)[] {
  const all = text.replaceAll("-", ".pre.").match(/[0-9]+|[a-z]+/gi)!;
  const values = all.map((segment) => (/^[0-9]/.test(segment) ? BigInt(segment) : segment));
  const at = values.findIndex((value) => typeof value === "string");
  const parts = at < 0 ? [values] : [values.slice(0, at), values.slice(at)];
  for (const part of parts) while (part.at(-1) === 0n) part.pop();
  return parts.flat();
}
