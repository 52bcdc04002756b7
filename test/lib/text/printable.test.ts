import assert from "node:assert/strict";
import { test } from "node:test";
import { excerpt } from "../../../src/lib/text/excerpt.ts";
import { printable } from "../../../src/lib/text/printable.ts";

const cases = [
  { name: "plain text", in: "a b/c-1.0_~[x]", out: "a b/c-1.0_~[x]" },
  { name: "letters of any script, and emoji", in: "Größe 名前 \u{1F600}", out: "Größe 名前 \u{1F600}" },
  { name: "ends of lines", in: "a\nb\rc\u2028d\u2029e\u0085f", out: "a\\u{a}b\\u{d}c\\u{2028}d\\u{2029}e\\u{85}f" },
  { name: "tabs and terminal sequences", in: "\t\u001b[2K\u009b1m\u007f", out: "\\u{9}\\u{1b}[2K\\u{9b}1m\\u{7f}" },
  { name: "reordered text", in: "\u202egpj.exe\u2066\u200f", out: "\\u{202e}gpj.exe\\u{2066}\\u{200f}" },
  {
    name: "zero width",
    in: "a\u200bb\u200dc\u2060d\ufeffe\u00adf",
    out: "a\\u{200b}b\\u{200d}c\\u{2060}d\\u{feff}e\\u{ad}f",
  },
  { name: "fillers and selectors", in: "\u3164\u115f\ufe0f\u{e0041}", out: "\\u{3164}\\u{115f}\\u{fe0f}\\u{e0041}" },
  { name: "spaces of another kind", in: "a\u00a0b\u3000c\u2800d", out: "a\\u{a0}b\\u{3000}c\\u{2800}d" },
  { name: "half a pair", in: "a\ud800", out: "a\\u{d800}" },
  { name: "what reads as an escape", in: "a\\u{a}b", out: "a\\u{5c}u{a}b" },
  { name: "paths of Windows", in: "C:\\users\\new", out: "C:\\users\\new" },
];

for (const { name, in: text, out } of cases)
  test(`${name}: ${JSON.stringify(text)} is printed as ${out}`, () => assert.equal(printable(text), out));

test("a quotation is shortened before it is escaped, and what the catalog cannot hold is replaced", () => {
  assert.equal(printable(excerpt("\n".repeat(5), 3)), "\\u{a}\\u{a}\\u{a}...");
  assert.equal(excerpt("a\0b\ud800c\u200b"), "a\ufffdb\ufffdc\u200b");
});
