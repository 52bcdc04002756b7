import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sourceFiles } from "../support/imports.ts";

/** APIs of newer Node versions that Node 22.19, the minimum of package.json, lacks. The types do not show this. */
const tooNew =
  /\b(?:Async)?DisposableStack\b|\bPromise\.try\b|\bRegExp\.escape\b|\bError\.isError\b|\bMath\.sumPrecise\b/;

test("the source uses nothing that Node 22.19 lacks", () => {
  const found = sourceFiles("src").filter((file) => tooNew.test(readFileSync(file, "utf8")));
  assert.deepEqual(found, []);
});
