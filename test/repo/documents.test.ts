import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorCodes, exitStatuses } from "../../src/errors.ts";

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");

test("the README's table of exit statuses is that of errors.ts", () => {
  const table = /<!-- exit-status:begin -->(.*)<!-- exit-status:end -->/s.exec(readme)?.[1] ?? "";
  const rows = [...table.matchAll(/^\| *(\d+) *\| (.*?) *\|$/gm)].map(([, status, meaning]) => ({
    status: Number(status),
    meaning,
  }));
  assert.deepEqual(rows, exitStatuses);
});

test("every error code has an exit status that is explained", () => {
  const explained = new Set(exitStatuses.map(({ status }) => status));
  for (const [code, { exit }] of Object.entries(errorCodes))
    assert.ok(explained.has(exit), `${code} exits with ${exit}`);
});
