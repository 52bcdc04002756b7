import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import reference from "semver";
import { semver } from "../../src/versions/semver.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { randomly } from "../support/effort.ts";

const identifier = fc.oneof(
  fc.nat(20).map(String),
  fc
    .string({ unit: fc.constantFrom("a", "b", "Z", "-", "1"), minLength: 1, maxLength: 3 })
    .filter((text) => !/^[0-9]+$/.test(text)),
);
const version = fc
  .tuple(fc.nat(12), fc.nat(12), fc.nat(2), fc.array(identifier, { maxLength: 3 }), fc.constantFrom("", "+a", "+b.1"))
  .map(
    ([major, minor, patch, labels, build]) =>
      `${major}.${minor}.${patch}${labels.length > 0 ? "-" : ""}${labels.join(".")}${build}`,
  );

test("any two versions sort as npm's own library sorts them", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(Math.sign(semver.compare(a, b)), reference.compare(a, b));
      assert.equal(semver.normalize(a) === semver.normalize(b), reference.compare(a, b) === 0);
      assert.equal(semver.isPrerelease(a), reference.prerelease(a) !== null);
    }),
    randomly(2000),
  );
});

test("numeric prerelease identifiers beyond 2^53 sort by value", () => {
  const sorted = [
    "1.0.0-9007199254740992",
    "1.0.0-9007199254740993",
    "1.0.0-10000000000000000000000",
    "1.0.0-a",
    "1.0.0",
  ];
  assert.deepEqual([...sorted].reverse().sort(semver.compare), sorted);
});

const normalized: [text: string, expected: string | undefined][] = [
  ["1.2.3", "1.2.3"],
  ["v1.2.3", "1.2.3"],
  ["1.2.3+build.5", "1.2.3"],
  ["1.2.3-rc.1+build", "1.2.3-rc.1"],
  ["9007199254740991.0.0", "9007199254740991.0.0"],
  ["9007199254740992.0.0", undefined],
  ["1.2", undefined],
  ["01.2.3", undefined],
  ["1.2.3-01", undefined],
  ["1.2.3.4", undefined],
  ["1.2.3-", undefined],
  ["1.2.3-ä", undefined],
  ["", undefined],
  ["latest", undefined],
  [`1.0.0-${"a".repeat(300)}`, undefined],
];
for (const [text, expected] of normalized) {
  test(`${JSON.stringify(text.slice(0, 40))} ${expected === undefined ? "is not a version" : `is ${expected}`}`, () => {
    assert.equal(semver.normalize(text), expected);
    if (expected === undefined) assert.throws(() => semver.sortKey(text), { name: "FeedctlError", code: "invalid" });
  });
}

test("the versions of Go's own tests are in order", { skip: noShared }, () => {
  const rows = readVectors("gomod.semver.sorted.tsv");
  // Only complete versions: Go also accepts v1 and v1.2.
  const versions = rows.map(([, input]) => input!.slice(1)).filter((text) => semver.normalize(text) !== undefined);
  assert.equal(versions.length, 21);
  for (let i = 1; i < versions.length; i++) assert.ok(semver.compare(versions[i - 1]!, versions[i]!) <= 0, versions[i]);
  const canonical = rows.filter(([, input]) => /^v[0-9]+[.][0-9]+[.][0-9]+/.test(input!));
  assert.equal(canonical.length, 21);
  for (const [, input, expected] of canonical) assert.equal(`v${semver.normalize(input!)}`, expected);
});
