import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nuget } from "../../src/versions/nuget.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { randomly } from "../support/effort.ts";

const signs: Record<string, number> = { "<": -1, "=": 0, ">": 1 };

test("the pairs of NuGet's own tests compare as expected, in both orders", { skip: noShared }, () => {
  const rows = readVectors("nuget.pairs.tsv");
  assert.equal(rows.length, 32);
  for (const [a, sign, b] of rows) {
    assert.equal(Math.sign(nuget.compare(a!, b!)), signs[sign!], `${a} ${sign} ${b}`);
    assert.equal(Math.sign(nuget.compare(b!, a!)), 0 - signs[sign!]!, `${b} against ${a}`);
    assert.equal(nuget.normalize(a!) === nuget.normalize(b!), sign === "=", `${a} ${sign} ${b}`);
  }
});

test("the versions of NuGet's own tests normalise as expected, in lower case", { skip: noShared }, () => {
  const rows = readVectors("nuget.normalize.tsv");
  assert.equal(rows.length, 15);
  for (const [input, expected] of rows) assert.equal(nuget.normalize(input!), expected!.toLowerCase());
  for (const [text] of readVectors("nuget.strict_valid.tsv")) assert.ok(nuget.normalize(text!), text);
});

test("what NuGet refuses is not a version", { skip: noShared }, () => {
  const rows = readVectors("nuget.invalid.tsv");
  assert.equal(rows.length, 17);
  for (const [text] of rows) {
    assert.equal(nuget.normalize(text!), undefined, text);
    assert.throws(() => nuget.sortKey(text!), { name: "FeedctlError", code: "invalid" });
  }
});

test("versions with numbers beyond 32 and 64 bits sort by value", () => {
  const sorted = [
    "1.2",
    "1.2.0.1",
    "1.4294967296",
    "1.18446744073709551616",
    "1.99999999999999999999999999999999999999999",
  ];
  assert.deepEqual([...sorted].reverse().sort(nuget.compare), sorted);
});

test("numeric labels sort as numbers up to 32 bits and as text beyond, as in NuGet's clients", () => {
  const sorted = [
    "1.0-2",
    "1.0-10",
    "1.0-2147483647",
    "1.0-20240101120000",
    "1.0-2147483648",
    "1.0-9999999999",
    "1.0-a",
    "1.0",
  ];
  assert.deepEqual([...sorted].reverse().sort(nuget.compare), sorted);
});

test("leading zeros and case do not make another version", () => {
  for (const [a, b] of [
    ["1.0.0-01", "1.0.0-1"],
    ["1.0-RC.007", "1.0.0.0-rc.7+x"],
    ["001.0.0.0", "1"],
  ]) {
    assert.equal(nuget.normalize(a!), nuget.normalize(b!));
    assert.equal(nuget.compare(a!, b!), 0);
  }
});

test("versions normalise to the same text exactly if they are equal, and normalising twice changes nothing", () => {
  const label = fc.constantFrom("a", "A", "b-1", "1", "01", "10", "0", "2147483648");
  const version = fc
    .tuple(
      fc.array(fc.constantFrom("0", "1", "01", "10"), { minLength: 1, maxLength: 4 }),
      fc.array(label, { maxLength: 2 }),
    )
    .map(([numbers, labels]) => numbers.join(".") + (labels.length > 0 ? `-${labels.join(".")}` : ""));
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(nuget.normalize(a) === nuget.normalize(b), nuget.compare(a, b) === 0);
      assert.equal(nuget.normalize(nuget.normalize(a)!), nuget.normalize(a));
      assert.equal(nuget.isPrerelease(a), a.includes("-"));
    }),
    randomly(1000),
  );
});
