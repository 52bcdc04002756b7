import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { alpine } from "../../src/versions/alpine.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { randomly } from "../support/effort.ts";

const signs: Record<string, number> = { "<": -1, "=": 0, ">": 1 };

test(
  "apk's own pairs compare as it says, both ways, and what it calls invalid is not a version",
  { skip: noShared },
  () => {
    const rows = readVectors("alpine.pairs.tsv");
    const invalid = rows.flatMap(([a, , b]) => [a!, b!]).filter((text) => alpine.normalize(text) === undefined);
    assert.deepEqual(invalid, ["23_foo", "1.0bc"]);
    const valid = rows.filter(([a, , b]) => !invalid.includes(a!) && !invalid.includes(b!));
    assert.equal(valid.length, 710);
    for (const [a, sign, b] of valid) {
      assert.equal(alpine.compare(a!, b!), signs[sign!], `${a} ${sign} ${b}`);
      assert.equal(alpine.compare(b!, a!), 0 - signs[sign!]!, `${b} against ${a}`);
    }
  },
);

const digits = fc.constantFrom("0", "00", "1", "01", "010", "9", "10", "12345678901234567890123456789012345678901");
const suffix = fc
  .tuple(
    fc.constantFrom("_alpha", "_beta", "_pre", "_rc", "_cvs", "_svn", "_git", "_hg", "_p"),
    fc.constantFrom("", "0", "1", "10"),
  )
  .map((pieces) => pieces.join(""));
const version = fc
  .tuple(
    fc.array(digits, { minLength: 1, maxLength: 3 }).map((numbers) => numbers.join(".")),
    fc.constantFrom("", "", "a", "z"),
    fc.array(suffix, { maxLength: 2 }).map((suffixes) => suffixes.join("")),
    fc.constantFrom("", "", "~a", "~ab", "~12ff"),
    fc.constantFrom("", "-r0", "-r1", "-r10"),
  )
  .map((pieces) => pieces.join(""));

test("any two versions sort as apk's rules, applied token by token", () => {
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(Math.sign(alpine.compare(a, b)), byTokens(a, b), `${a} against ${b}`);
      assert.equal(alpine.normalize(a), a);
    }),
    randomly(5000),
  );
});

test("what apk refuses is not a version", () => {
  const texts = ["", "a", "1.", ".1", "1..2", "1.0A", "1.0ab", "1.0_foo", "1.0_", "1.0-1", "1.0-r", "1.0~", "1.0~xyz"];
  for (const text of [...texts, "1.0-r1-r2", "1.0a.1", "v1.0", " 1.0", "1.0\n", "1-r1_p1"]) {
    assert.equal(alpine.normalize(text), undefined, text);
    assert.throws(() => alpine.sortKey(text), { name: "FeedctlError", code: "invalid" });
  }
});

test("suffixes that sort before a version make it a prerelease", () => {
  for (const text of ["1.0_alpha", "1.0_beta2-r1", "1.0_p1_rc1", "1_pre"])
    assert.equal(alpine.isPrerelease(text), true, text);
  for (const text of ["1.0", "1.0_p1", "1.0_git20240101-r0", "1.0b"])
    assert.equal(alpine.isPrerelease(text), false, text);
});

interface Token {
  /** What may follow a common beginning, from the newest version to the oldest. */
  kind: "first" | "number" | "letter" | "suffix" | "suffixNumber" | "hash" | "revision" | "end";
  text: string;
}

const kinds: Token["kind"][] = ["first", "number", "letter", "suffix", "suffixNumber", "hash", "revision", "end"];
const suffixes = ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"];

function tokens(text: string): Token[] {
  const list: Token[] = [];
  for (const [token] of text.matchAll(/-r[0-9]+|~[0-9a-f]+|_[a-z]+|\.[0-9]+|[0-9]+|[a-z]/g)) {
    const mark = token[0]!;
    if (token.startsWith("-r")) list.push({ kind: "revision", text: token.slice(2) });
    else if (mark === "~") list.push({ kind: "hash", text: token.slice(1) });
    else if (mark === "_") list.push({ kind: "suffix", text: token.slice(1) });
    else if (mark === ".") list.push({ kind: "number", text: token.slice(1) });
    else if (/[a-z]/.test(mark)) list.push({ kind: "letter", text: token });
    else list.push({ kind: list.length === 0 ? "first" : "suffixNumber", text: token });
  }
  return [...list, { kind: "end", text: "" }];
}

function byTokens(a: string, b: string): number {
  const [left, right] = [tokens(a), tokens(b)];
  for (let i = 0; ; i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x.kind !== y.kind) {
      if (isBefore(x)) return -1;
      if (isBefore(y)) return 1;
      return kinds.indexOf(x.kind) > kinds.indexOf(y.kind) ? -1 : 1;
    }
    if (x.kind === "end") return 0;
    const order = compareTokens(x, y);
    if (order !== 0) return order;
  }
}

function isBefore({ kind, text }: Token): boolean {
  return kind === "suffix" && suffixes.indexOf(text) < 4;
}

function compareTokens(x: Token, y: Token): number {
  if (x.kind === "suffix") return Math.sign(suffixes.indexOf(x.text) - suffixes.indexOf(y.text));
  const isText = ["letter", "hash"].includes(x.kind);
  const isFraction = x.kind === "number" && (x.text.startsWith("0") || y.text.startsWith("0"));
  if (isText || isFraction) return x.text < y.text ? -1 : x.text > y.text ? 1 : 0;
  const [m, n] = [BigInt(x.text), BigInt(y.text)];
  return m < n ? -1 : m > n ? 1 : 0;
}
