import assert from "node:assert/strict";
import fc from "fast-check";
import type { VersionScheme } from "../../src/versions/scheme.ts";
import { readVectors } from "./shared.ts";
import { randomly } from "./effort.ts";

const holds: Record<string, (order: number) => boolean> = {
  "<": (order) => order < 0,
  "=": (order) => order === 0,
  ">": (order) => order > 0,
  "<=": (order) => order <= 0,
  "!=": (order) => order !== 0,
};

/** Checks every row `a op b` of an ecosystem's table in both directions. Returns the number of rows. */
export function checkPairs(scheme: VersionScheme, table: string): number {
  const rows = readVectors(table);
  for (const [a, sign, b] of rows) {
    assert.ok(holds[sign!]!(scheme.compare(a!, b!)), `${a} ${sign} ${b}`);
    assert.equal(Math.sign(scheme.compare(b!, a!)), 0 - Math.sign(scheme.compare(a!, b!)), `${b} against ${a}`);
  }
  return rows.length;
}

/** Asserts that every text is refused. Returns their number. */
export function checkInvalid(scheme: VersionScheme, texts: readonly string[]): number {
  for (const text of texts) {
    assert.equal(scheme.normalize(text), undefined, JSON.stringify(text));
    assert.throws(() => scheme.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
  return texts.length;
}

/** Asserts that `compare` and an independent comparison agree on all pairs of `versions`. */
export function checkAgainst(
  scheme: VersionScheme,
  versions: fc.Arbitrary<string>,
  reference: (a: string, b: string) => number,
): void {
  fc.assert(
    fc.property(versions, versions, (a, b) => {
      assert.equal(Math.sign(scheme.compare(a, b)), Math.sign(reference(a, b)), `${a} against ${b}`);
    }),
    randomly(3000),
  );
}

/** Compares two lists as if the shorter one were padded with `filler`. */
export function comparePadded<T>(a: readonly T[], b: readonly T[], filler: T, compare: (x: T, y: T) => number): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compare(a[i] ?? filler, b[i] ?? filler);
    if (order !== 0) return order;
  }
  return 0;
}

/** Words before numbers, words by their bytes, numbers by value. */
export function compareWords(a: string | bigint, b: string | bigint): number {
  if (typeof a !== typeof b) return typeof a === "string" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
