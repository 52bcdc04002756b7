import assert from "node:assert/strict";
import { test } from "node:test";
import { isYamlMapping, parseYaml, parseYamlMapping } from "../../../src/formats/manifests/yaml.ts";
import { cpuTime } from "../../support/cpu.ts";

const parse = (text: string) => parseYaml(Buffer.from(text), "m.yaml");

test("scalars stay strings as written, also those with a type in YAML", () => {
  const text =
    'version: 1.10\nappVersion: 1e3\nflag: yes\nnothing: ~\nabsent:\noctal: 007\nlist: [1, "2"]\nb: !binary aGk=';
  assert.deepEqual(parse(text), {
    version: "1.10",
    appVersion: "1e3",
    flag: "yes",
    nothing: "~",
    absent: "",
    octal: "007",
    list: ["1", "2"],
    b: "hi",
  });
});

test("tags of other languages are ignored without output on the terminal", (t) => {
  const warn = t.mock.method(process, "emitWarning");
  const value = parse("--- !ruby/object:Gem::Specification\nversion: !ruby/object:Gem::Version\n  version: 1.0\n");
  assert.deepEqual(value, { version: { version: "1.0" } });
  assert.equal(warn.mock.callCount(), 0);
});

test("aliases are expanded where the format's tool does, within a limit", () => {
  const expand = (text: string) => parseYaml(Buffer.from(text), "m.yaml", { aliases: "expand" });
  assert.deepEqual(expand("a: &x [1, {b: &y c}]\nd: [*x, *y]\n&z e: *z\n"), {
    a: ["1", { b: "c" }],
    d: [["1", { b: "c" }], "c"],
    e: "e",
  });
  assert.throws(() => expand("a: *x\nb: &x 1\n"), /alias/);
  assert.throws(() => expand("a: &x [*x]\n"), /alias/);
  const laughs = Array.from({ length: 20 }, (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1}, *a${i - 1}`}]\n`);
  assert.throws(() => expand(laughs.join("")), { code: "invalid", message: /expand to more than 1,500,000 values/ });
});

test("a key __proto__ is a member like any other", () => {
  const value = parseYamlMapping(Buffer.from("__proto__: {polluted: yes}\na: 1\n"), "m.yaml");
  assert.deepEqual(Object.keys(value), ["__proto__", "a"]);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.ok(isYamlMapping(value) && !isYamlMapping(["a"]) && !isYamlMapping("a") && !isYamlMapping(undefined));
});

const MiB = 1024 * 1024;
const rejected: [name: string, text: string, reason: RegExp][] = [
  ["an alias", "a: &x 1\nb: *x\n", /uses YAML aliases/],
  ["a duplicate key", "a: 1\nb: 2\na: 3\n", /the key "a" twice/],
  ["a key that is not text", "? [a]\n: b\n", /a key that is not text/],
  ["a second document", "a: 1\n---\na: 2\n", /several YAML documents/],
  ["what is no YAML", "a: [1\n", /is not YAML/],
  ["a list instead of a mapping", "- a\n", /not a YAML mapping/],
  ["nothing", "", /not a YAML mapping/],
  ["nesting of brackets", "[".repeat(MiB), /nested more than 64 levels deep/],
  ["nesting of dashes", "- ".repeat(MiB / 2), /nested more than 64 levels deep/],
  ["nesting of keys", "? ".repeat(MiB / 2), /nested more than 64 levels deep/],
  [
    "nesting of braces within the depth of the parser",
    "{a: ".repeat(70) + "}".repeat(70),
    /nested more than 64 levels deep/,
  ],
  ["endless errors", `[${",".repeat(MiB - 2)}]`, /is not YAML \(Unexpected , in flow sequence\)/],
  ["endless keys", "a:\n".repeat(3 * MiB), /more than 1,500,000 YAML tokens/],
];
for (const [name, text, reason] of rejected) {
  test(`${name} is rejected at once`, () => {
    const started = cpuTime();
    assert.throws(() => parseYamlMapping(Buffer.from(text), "m.yaml"), { code: "invalid", message: reason });
    assert.ok(cpuTime() - started < 5000);
  });
}

test("broken UTF-8 is rejected", () => {
  assert.throws(() => parseYaml(Buffer.from([0x61, 0x3a, 0xff]), "m.yaml"), { code: "invalid", message: /UTF-8/ });
});

test("a long list of files, as in large gems, is read", () => {
  const files = Array.from({ length: 20_000 }, (_, i) => `lib/some/folder/of/the/gem/file${i}.rb`);
  const text = `files:\n${files.map((file) => `- ${file}\n`).join("")}`;
  assert.deepEqual(parse(text), { files });
});
