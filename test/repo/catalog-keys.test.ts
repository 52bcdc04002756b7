import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sourceFiles } from "../support/imports.ts";

const files = sourceFiles("src/catalog").map((file) => ({ file, text: readFileSync(file, "utf8") }));

// connection/check-keys.ts checks the column `key` of every result, and no other
test("in the catalog only a column named key has the type Key", () => {
  const members = files.flatMap(({ file, text }) =>
    [...text.matchAll(/(\w+)"?\??: Key(?: \| null)?[;,]? *(?:\}|$)/gm)].map(([, name]) => `${file}: ${name}`),
  );
  assert.ok(members.length > 20, `${members.length} members`);
  assert.deepEqual(
    members.filter((each) => !each.endsWith(": key")),
    [],
  );
});

test("queries skip that check only through `unchecked`, whose rows have no Key", () => {
  const skipping = files.filter(({ text }) => text.includes("withoutPlugins")).map(({ file }) => file);
  assert.deepEqual(skipping, ["src/catalog/connection/check-keys.ts"]);
});
