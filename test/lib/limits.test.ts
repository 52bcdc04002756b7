import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { limits, limitTable, parseLimits, setLimits } from "../../src/lib/limits.ts";
import { repository } from "../support/build.ts";

test("limits are read from numbers and sizes, by name", () => {
  assert.deepEqual(parseLimits({ zipEntries: 5, manifest: "2M", tarEntries: "70000" }), {
    zipEntries: 5,
    manifest: 2 * 1024 * 1024,
    tarEntries: 70_000,
  });
  for (const [given, problem] of [
    [{ zipEntry: 5 }, /"zipEntry" is not a limit/],
    [{ toString: 5 }, /"toString" is not a limit/],
    [{ manifest: "much" }, /the limit manifest must be a whole number of at least 1, not "much"/],
    [{ manifest: 0 }, /not 0/],
    [{ manifest: null }, /not null/],
    [{ manifest: 1.5 }, /not 1.5/],
  ] as const)
    assert.match((parseLimits(given) as { problem: string }).problem, problem);
});

test("what is not set has its default again", () => {
  setLimits({ manifest: 10 });
  assert.equal(limits.manifest, 10);
  setLimits({ zipEntries: 3 });
  assert.deepEqual([limits.manifest, limits.zipEntries], [limitTable.manifest.default, 3]);
  setLimits({});
  assert.equal(limits.zipEntries, limitTable.zipEntries.default);
});

test("docs/limits.md has a row for each limit, with its default", () => {
  const page = readFileSync(join(repository, "docs/limits.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` +\| +([\d,]+)( [KMG]iB)? +\| (.+?) +\|$/gm)].map(
    ([, name, amount, unit, about]) => {
      const factor = { " KiB": 1024, " MiB": 1024 ** 2, " GiB": 1024 ** 3 }[unit ?? ""] ?? 1;
      return [name, { default: Number(amount!.replaceAll(",", "")) * factor, about }];
    },
  );
  const expected = Object.entries(limitTable).map(([name, limit]) => [
    name,
    { default: limit.default, about: limit.about },
  ]);
  assert.deepEqual(Object.fromEntries(rows), Object.fromEntries(expected));
});
