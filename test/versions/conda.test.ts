import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conda } from "../../src/versions/conda.ts";
import { noShared, readVectors } from "../support/shared.ts";
import { checkAgainst, checkInvalid, checkPairs, comparePadded, compareWords } from "../support/version-tables.ts";

test("the pairs of conda's own tests compare as expected", { skip: noShared }, () => {
  assert.equal(checkPairs(conda, "conda.pairs.tsv"), 2744);
});

test("the lists of conda's own tests are in order", { skip: noShared }, () => {
  const rows = readVectors("conda.sorted.tsv");
  assert.equal(rows.length, 122);
  for (const [i, [chain, , version]] of rows.entries()) {
    const before = rows[i - 1];
    if (before?.[0] === chain) assert.ok(conda.compare(before![2]!, version!) <= 0, `${before![2]} <= ${version}`);
  }
});

test("what conda refuses is not a version", { skip: noShared }, () => {
  const texts = readVectors("conda.invalid.tsv").map(([text]) => JSON.parse(text!) as string);
  assert.equal(checkInvalid(conda, texts), 8);
});

test("prereleases are Python's, not OpenSSL's letters", () => {
  for (const text of ["1.0a1", "1.0.dev3", "1.0rc1", "1.0.beta", "2.0.0.b2", "1.0_rc_1", "1.0alpha", "1.0.DEV"]) {
    assert.equal(conda.isPrerelease(text), true, text);
  }
  for (const text of ["1.0", "1.1.1a", "1.0.post1", "9c", "1.0+a1", "1.0.arc1", "2024a"]) {
    assert.equal(conda.isPrerelease(text), false, text);
  }
});

test("versions are not normalised", () => {
  assert.equal(conda.normalize(" 1.0.0 "), "1.0.0");
  assert.equal(conda.normalize("1.0RC1"), "1.0RC1");
  assert.equal(conda.compare("1.0RC1", "1.0rc1"), 0);
});

const anyPart = fc.constantFrom(
  "0",
  "1",
  "10",
  "1a",
  "1post",
  "dev",
  "post",
  "a",
  "0a0",
  "1rc2",
  "0post",
  "1*",
  "*",
  "01",
);
const version = fc
  .tuple(
    fc.constantFrom("", "0!", "1!"),
    fc.array(anyPart, { minLength: 1, maxLength: 4 }),
    fc.constantFrom(".", "_", "-"),
    fc.constantFrom("", "_"),
    fc.constantFrom("", "+1", "+a.0", "+0_b"),
  )
  .filter(([, , separator, end, local]) => separator !== "-" || (end === "" && !local.includes("_")))
  .map(([epoch, release, separator, end, local]) => `${epoch}${release.join(separator)}${end}${local}`);

test("any two versions compare as by conda's algorithm", () => {
  checkAgainst(conda, version, (a, b) => {
    const [left, right] = [parts(a), parts(b)];
    return comparePadded(left[0], right[0], [0n], compareParts) || comparePadded(left[1], right[1], [0n], compareParts);
  });
});

type Word = string | bigint;

function compareParts(a: Word[], b: Word[]): number {
  return comparePadded(a, b, 0n, compareWords);
}

/** The version with its epoch, and the local version. */
function parts(text: string): [Word[][], Word[][]] {
  const plain = text.toLowerCase().replaceAll("-", "_");
  const [whole = "", local = ""] = plain.split("+");
  const [epoch, release] = whole.includes("!") ? (whole.split("!") as [string, string]) : ["0", whole];
  const dotted = release.replace(/_(?!$)/g, ".");
  const words = (part: string): Word[] => {
    const found = part.match(/[0-9]+|[*]+|[^0-9*]+/g)!.map(word);
    return typeof found[0] === "bigint" && /^[0-9]/.test(part) ? found : [0n, ...found];
  };
  return [[[BigInt(epoch)], ...dotted.split(".").map(words)], local === "" ? [] : local.split(/[._]/).map(words)];
}

function word(text: string): Word {
  if (text === "post") return 10n ** 60n;
  if (text === "dev") return "DEV";
  return /^[0-9]/.test(text) ? BigInt(text) : text;
}
