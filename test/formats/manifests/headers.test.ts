import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { parseMessage, parseOneParagraph, parseParagraphs } from "../../../src/formats/manifests/headers.ts";
import { cpuTime } from "../../support/cpu.ts";

test("fields keep their order, names ignore case, continuation lines lose one blank", () => {
  const paragraph = parseOneParagraph(
    "Package: foo\nDescription:  A thing  \n It does\n .\n   * much\nVERSION:1.0\nEmpty:\n",
    "control",
  );
  assert.deepEqual(paragraph.fields, [
    { name: "Package", value: "foo" },
    { name: "Description", value: "A thing\nIt does\n.\n  * much" },
    { name: "VERSION", value: "1.0" },
    { name: "Empty", value: "" },
  ]);
  assert.equal(paragraph.get("version"), "1.0");
  assert.equal(paragraph.get("nothing"), undefined);
  assert.deepEqual(paragraph.all("nothing"), []);
});

test("blank lines separate paragraphs, also with spaces and carriage returns", () => {
  const paragraphs = parseParagraphs("\n\nA: 1\r\n \t\r\nB: 2\r\n two\r\n\r\n\r\nC: 3", "control");
  assert.deepEqual(
    paragraphs.map(({ fields }) => fields.map(({ name, value }) => `${name}=${value}`)),
    [["A=1"], ["B=2\ntwo"], ["C=3"]],
  );
});

test("the headers of a message end at the first blank line, and the rest stays as it is", () => {
  const { headers, body } = parseMessage("\ufeffName: a\nName-2: b\n\nText: no field\n\nnor this\n", "METADATA");
  assert.deepEqual(headers.fields.length, 2);
  assert.equal(body, "Text: no field\n\nnor this\n");
  assert.equal(parseMessage("Name: a", "METADATA").body, "");
  const folded = parseMessage("Description: a\n        \n        b\u2028c\nName: n\n", "METADATA").headers;
  assert.equal(folded.get("description"), "a\n\n       b\u2028c");
  assert.equal(folded.get("name"), "n");
  assert.equal(parseMessage("Name: a\r\n\r\nbody\r\n", "METADATA").body, "body\r\n");
});

test("a field may be repeated only if the caller allows it", () => {
  const text = "Classifier: a\nName: n\nclassifier: b\n";
  const rules = { repeatable: new Set(["classifier"]) };
  assert.deepEqual(parseOneParagraph(text, "METADATA", rules).all("CLASSIFIER"), ["a", "b"]);
  assert.throws(() => parseOneParagraph(text, "METADATA"), {
    code: "invalid",
    message: /the field "classifier" twice/,
  });
});

test("comments are skipped only if the caller allows them", () => {
  const text = "# first\nA: 1\n# inside\n 2\n";
  assert.deepEqual(parseOneParagraph(text, "control", { comments: true }).get("A"), "1\n2");
  assert.throws(() => parseOneParagraph(text, "control"), { message: /line 1 of its control is not a field/ });
});

const rejected: [name: string, text: string, reason: RegExp][] = [
  ["a line without a colon", "A: 1\nB\n", /line 2 of its control is not a field/],
  ["a line that begins with a colon", ": 1\n", /line 1 .* not a field/],
  ["a name with a blank inside", "A B: 1\n", /line 1 .* not a field/],
  ["a name that is not ASCII", "\u00c4: 1\n", /line 1 .* not a field/],
  ["a continuation of nothing", " a\n", /line 1 .* continues no field/],
  ["a second paragraph", "A: 1\n\nB: 2\n", /2 paragraphs instead of one/],
  ["nothing", "\n \n", /is empty/],
  ["endless fields", Array.from({ length: 30_000 }, (_, i) => `A${i}: 1\n`).join(""), /more than 20,000 fields/],
];
for (const [name, text, reason] of rejected) {
  test(`${name} is rejected`, () => {
    assert.throws(() => parseOneParagraph(text, "control"), { code: "invalid", message: reason });
  });
}

test("any fields that are written are read back", () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
  const line = fc.string({ unit: fc.constantFrom("a", ":", " ", "\u00e4", "#", ".") }).map((text) => text.trim());
  const fields = fc.uniqueArray(fc.tuple(name, fc.array(line.filter(Boolean), { minLength: 1, maxLength: 3 })), {
    selector: ([key]) => key.toLowerCase(),
    minLength: 1,
  });
  fc.assert(
    fc.property(fields, fc.constantFrom("\n", "\r\n"), (entries, end) => {
      const text = entries.map(([key, lines]) => `${key}: ${lines.join(`${end} `)}${end}`).join("");
      const expected = entries.map(([key, lines]) => ({ name: key, value: lines.join("\n") }));
      assert.deepEqual(parseOneParagraph(text, "control").fields, expected);
    }),
  );
});

test("a carriage return inside a line stays for dpkg, and ends the line for R", () => {
  const text = "A: 1\rB: 2\0\nC: 3\n";
  assert.deepEqual(parseOneParagraph(text, "control").fields, [
    { name: "A", value: "1\rB: 2\0" },
    { name: "C", value: "3" },
  ]);
  const lines = parseOneParagraph(text, "DESCRIPTION", { loneReturns: "end lines" });
  assert.deepEqual([lines.get("A"), lines.get("C")], ["1", "3"]);
});

const messages = [
  "Name: a\nSummary: first,\nand the second one.\nHome-page: x\n",
  "Name: a\nLicense: Copyright\nAll rights reserved.\n\nRedistribution\n",
  "Name: a\nLicense: Copyright\n\tAll rights\n  reserved.\nVersion: 1\n\nbody",
  "Name: a\rVersion: 1\rSummary: one\r two\rbody",
  "Name: a\r\nSummary: x\ry: z\r\nVersion: 2\r\n\r\nbody\r\n",
  "From somebody\nName: a\nFrom nobody\nVersion: 1\n\nbody",
  " odd\nName: a\n: nothing\n more\nVersion: 1\n\n\n\nbody",
  "Name : a\nVersion: 1\n",
  "Name: a\nVersion: 1\nSummary: nul\0 here\n \n \t\nX: y\n",
  "Name:a\nVersion:1\n\u00dcber: x\n",
  "Name: a\nVersion: 1",
  "Name: a\nVersion: 1\n\n",
];
const PYTHON = `
import email, json, sys
for text in json.load(sys.stdin):
    m = email.message_from_string(text)
    print(json.dumps([m["Name"], m["Version"], m.get_payload()]))`;
const python = spawnSync("python3", ["-c", PYTHON], { input: JSON.stringify(messages), encoding: "utf8" });
test("a message is read as Python reads it", { skip: python.status !== 0 && "no python3" }, () => {
  const expected = python.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as (string | null)[]);
  for (const [index, text] of messages.entries()) {
    const read = () => {
      const { headers, body } = parseMessage(text, "METADATA");
      return [headers.get("Name") ?? null, headers.get("Version") ?? null, body];
    };
    const [name, version, body] = expected[index]!;
    if (name === null && version === null) assert.throws(read, { code: "invalid" });
    else assert.deepEqual(read(), [name, version, body], JSON.stringify(text));
  }
});

test("a mebibyte of anything is read or refused at once", () => {
  for (const unit of ["a", "\n", " ", ":", "a:\n", " \n", "\r", "a: b\n c\n", "\t"]) {
    const text = unit.repeat((1024 * 1024) / unit.length);
    const started = cpuTime();
    for (const parse of [() => parseParagraphs(text, "control"), () => parseMessage(text, "control")]) {
      try {
        parse();
      } catch (error) {
        assert.equal((error as { code?: string }).code, "invalid");
      }
    }
    assert.ok(cpuTime() - started < 5000, JSON.stringify(unit));
  }
});
