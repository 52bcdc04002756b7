import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conan } from "../../src/versions/conan.ts";
import { randomly } from "../support/effort.ts";

const ladder = [
  ["0.9"],
  ["1.0-alpha", "1-alpha"],
  ["1.0-rc.1", "1-rc.01"],
  ["1.0-rc.2"],
  ["1.0-rc.10"],
  ["1", "1.0", "1.0.0"],
  ["1.0+1", "1+01"],
  ["1.0+2"],
  ["1.0.1-pre"],
  ["1.0.1"],
  ["1.2"],
  ["1.2.8"],
  ["1.2.8a"],
  ["1.2.9"],
  ["1.2.10"],
  ["1.2.10a"],
  ["1.2.a"],
  ["1.2.b"],
  ["9"],
  ["9b", "9b.0"],
  ["10"],
  ["20200101"],
  ["9".repeat(40)],
  ["cci.20200101"],
  ["cci.20210101"],
  ["r9"],
];
test("versions sort by their words between dots, prereleases before and builds after the plain version", () => {
  for (const [i, rung] of ladder.entries())
    for (const [j, other] of ladder.entries())
      for (const a of rung)
        for (const b of other) assert.equal(Math.sign(conan.compare(a, b)), Math.sign(i - j), `${a} against ${b}`);
});

test("versions are not normalised, and what cannot be a folder of Conan is not a version", () => {
  for (const text of ["1.0", "1", "1.0.0", "cci.20200101", "1.0+build-x", "R1_0"])
    assert.equal(conan.normalize(text), text);
  for (const text of ["", ".", "..", "-1", "1 0", "1/0", "[>1]", "ä", "1".repeat(102)]) {
    assert.equal(conan.normalize(text), undefined, text);
    assert.throws(() => conan.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
});

const items = fc.array(fc.constantFrom("0", "1", "2", "10", "01", "a", "rc", "1a", "99999999999999999999"), {
  minLength: 1,
  maxLength: 3,
});
const version = fc.record({ main: items, prerelease: fc.option(items), build: fc.option(items) });
type Version = { main: string[]; prerelease: string[] | null; build: string[] | null };

test("versions compare as their parts do: main, then prerelease, then build", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [first, second] = [a, b].map(print);
      fc.pre(first!.length <= 101 && second!.length <= 101);
      const expected =
        compareItems(a.main, b.main) ||
        (a.prerelease && b.prerelease
          ? compareItems(a.prerelease, b.prerelease)
          : Number(a.prerelease === null) - Number(b.prerelease === null)) ||
        (a.build && b.build ? compareItems(a.build, b.build) : Number(a.build !== null) - Number(b.build !== null));
      assert.equal(Math.sign(conan.compare(first!, second!)), Math.sign(expected), `${first} against ${second}`);
      assert.equal(conan.isPrerelease(first!), a.prerelease !== null);
    }),
    randomly(1000),
  );
});

function print({ main, prerelease, build }: Version): string {
  return main.join(".") + (prerelease ? `-${prerelease.join(".")}` : "") + (build ? `+${build.join(".")}` : "");
}

function compareItems(a: string[], b: string[]): number {
  const [first, second] = [a, b].map((list) => list.slice(0, list.findLastIndex((item) => !/^0+$/.test(item)) + 1));
  for (let i = 0; i < Math.min(first!.length, second!.length); i++) {
    const order = compareWords(first![i]!, second![i]!);
    if (order !== 0) return order;
  }
  return first!.length - second!.length;
}

function compareWords(a: string, b: string): number {
  const [x, y] = [a, b].map((word) => /^[0-9]*/.exec(word)![0]);
  if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
  if (x !== "" && BigInt(x!) !== BigInt(y!)) return BigInt(x!) < BigInt(y!) ? -1 : 1;
  const [s, u] = [a.slice(x!.length), b.slice(y!.length)];
  return s < u ? -1 : s > u ? 1 : 0;
}
