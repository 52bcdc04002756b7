import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sourceFiles } from "../support/imports.ts";

/** Files that open a transaction themselves, and why. */
const own: Record<string, string> = {
  "src/operations/commit/commit.ts": "it is the one place",
  "src/operations/retention/plan.ts": "a snapshot that is read; `prove` before the plan is saved in it",
  "src/operations/retention/test-pattern.ts": "a snapshot that is read",
};

test("operations open transactions through commit(), which proves that their locks are still held", () => {
  const found = sourceFiles("src/operations").filter((file) => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
    return /\.(transaction|startTransaction)\(\)/.test(text);
  });
  assert.deepEqual(found, Object.keys(own));
});
