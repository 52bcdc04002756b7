import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isFeedctlError } from "../../src/errors.ts";
import { compareKeys, isKey, keyProblem } from "../../src/lib/key.ts";
import { parseKey, parseTargetPath } from "../../src/stores/key.ts";
import { randomly } from "../support/effort.ts";

describe("keys", () => {
  const good = [
    "a",
    "a/b/c",
    ".npm",
    "...",
    "a/..b",
    "a..",
    "a.",
    "a b",
    " ",
    "a\\b",
    "a%41",
    "a!41",
    "\u00e9",
    "e\u0301",
    "😀",
    "x".repeat(1024),
    "é".repeat(512),
    `a/${"b".repeat(1022)}`,
    "~",
    "C:/x",
    "\u0080",
    "\u200b",
  ];
  for (const text of good) {
    test(`${JSON.stringify(text.slice(0, 30))} (${text.length}) is a key`, () => {
      assert.equal(keyProblem(text), undefined);
      assert.equal(parseKey(text), text);
    });
  }

  const bad: [text: string, problem: RegExp][] = [
    ["", /empty/],
    ["/a", /slash/],
    ["a/", /slash/],
    ["a//b", /slash/],
    ["/", /slash/],
    ["a/.", /segment/],
    ["./a", /segment/],
    ["..", /segment/],
    ["a/../b", /segment/],
    [".feedctl-store", /reserved/],
    ["a/.FeedCtl-Store/b", /reserved/],
    ["feedctl-probe/0123456789abcdef/x", /reserved for probes/],
    ["a/feedctl-probe/0123456789abcdef", /reserved for probes/],
    ["a\u0000", /control/],
    ["a\nb", /control/],
    ["\u007f", /control/],
    ["\u001b[31m", /control/],
    ["\ud83d", /Unicode/],
    ["a\udc00b", /Unicode/],
    ["x".repeat(1025), /1024 bytes/],
    ["é".repeat(513), /1024 bytes/],
  ];
  for (const [text, problem] of bad) {
    test(`${JSON.stringify(text.slice(0, 30))} (${text.length}) is not a key`, () => {
      assert.match(keyProblem(text) ?? "", problem);
      assert.equal(isKey(text), false);
      assert.throws(
        () => parseKey(text),
        (error) => isFeedctlError(error, "invalid") && problem.test(error.message),
      );
    });
  }
});

describe("order of keys", () => {
  test("it is UTF-8 byte order where UTF-16 order differs", () => {
    assert.ok(compareKeys("\uff5e", "😀") < 0);
    assert.deepEqual(["\uff5e", "😀"].toSorted(), ["😀", "\uff5e"], "JavaScript's own order is the other one");
    assert.ok(compareKeys("a\ue000", "a\u{10000}") < 0);
    assert.ok(compareKeys("\ud7ff", "\u{10000}") < 0);
    assert.ok(compareKeys("dir-2/x", "dir/x") < 0);
    assert.ok(compareKeys("a", "a/b") < 0);
    assert.equal(compareKeys("😀", "😀"), 0);
  });

  test("it is UTF-8 byte order for any text", () => {
    // Few characters around every border, so that long common prefixes and every pair of classes occur.
    const character = fc.constantFrom(
      "a",
      "/",
      "-",
      "\u007f",
      "\u0080",
      "\u07ff",
      "\u0800",
      "\ud7ff",
      "\ue000",
      "\uff5e",
      "\uffff",
      "\u{10000}",
      "😀",
      "\u{10ffff}",
    );
    const text = fc.oneof(fc.string({ unit: character, maxLength: 8 }), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      randomly(2000),
    );
  });
});

describe("target paths", () => {
  const rows: [typed: string, prefix: string][] = [
    ["", ""],
    ["/", ""],
    ["//", ""],
    ["a", "a/"],
    ["/a", "a/"],
    ["a/", "a/"],
    ["/a//b/", "a/b/"],
    ["a b/c", "a b/c/"],
  ];
  for (const [typed, prefix] of rows) {
    test(`${JSON.stringify(typed)} is the prefix ${JSON.stringify(prefix)}`, () => {
      assert.equal(parseTargetPath(typed), prefix);
    });
  }

  test("dots and control characters are refused", () => {
    for (const typed of ["..", "a/../b", "./a", "a\n"]) {
      assert.throws(
        () => parseTargetPath(typed),
        (error) => isFeedctlError(error, "invalid"),
      );
    }
  });
});
