import assert from "node:assert/strict";
import { test } from "node:test";
import { parseToml } from "../../../src/formats/manifests/toml.ts";
import { cpuTime } from "../../support/cpu.ts";

function parse(text: string) {
  return parseToml(Buffer.from(text), "Cargo.toml");
}

test("values keep their types, and what JSON cannot express as a number becomes text", () => {
  const text = `a = "1.10"
b = 7
c = 9223372036854775807
d = [1.5, inf, nan]
e = 1979-05-27
f.g = true
__proto__ = { polluted = "yes" }
`;
  const table = parse(text);
  assert.deepEqual(Object.entries(table).slice(0, 6), [
    ["a", "1.10"],
    ["b", 7],
    ["c", "9223372036854775807"],
    ["d", [1.5, "Infinity", "NaN"]],
    ["e", "1979-05-27"],
    ["f", { g: true }],
  ]);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.doesNotThrow(() => JSON.stringify(table));
});

const rejected: { name: string; text: string; reason: RegExp }[] = [
  { name: "invalid TOML", text: "a = ", reason: /Cargo\.toml is not TOML \(line 1: [^\n]+\)$/ },
  { name: "a key twice", text: "a = 1\na = 2\n", reason: /not TOML \(line 2/ },
  { name: "endless brackets", text: `a = ${"[".repeat(1_000_000)}`, reason: /not TOML/ },
  { name: "endless dots", text: `${"a.".repeat(300_000)}a = 1`, reason: /nested deeper than 64/ },
  { name: "an endless table", text: `[${"a.".repeat(300_000)}a]\nb = 1`, reason: /nested deeper than 64/ },
];
for (const { name, text, reason } of rejected) {
  test(`${name} is rejected`, () => {
    const started = cpuTime();
    assert.throws(() => parse(text), { code: "invalid", message: reason });
    assert.ok(cpuTime() - started < 5000);
  });
}

test("what is not UTF-8 is rejected", () => {
  assert.throws(() => parseToml(Buffer.from('a = "\u00e4"', "latin1"), "Cargo.toml"), { message: /not UTF-8/ });
});
