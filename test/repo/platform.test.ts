import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sourceFiles } from "../support/imports.ts";

/** What the newest Node knows and Node 22.19, which package.json promises, does not; the types cannot tell. */
const tooNew =
  /\b(?:Async)?DisposableStack\b|\bPromise\.try\b|\bRegExp\.escape\b|\bError\.isError\b|\bMath\.sumPrecise\b/;

test("the source uses nothing that Node 22.19 lacks", () => {
  const found = sourceFiles("src").filter((file) => tooNew.test(readFileSync(file, "utf8")));
  assert.deepEqual(found, []);
});
