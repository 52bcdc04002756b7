import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/build.ts";

test("the lock file has the packages of all platforms, so that `npm ci` works everywhere", () => {
  const script = join(repository, ".ci", "complete-lock.js");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test("the lock file names no registry: each machine uses its own", () => {
  assert.doesNotMatch(readFileSync(join(repository, "package-lock.json"), "utf8"), /"resolved": "http/);
});

test("package.json and the lock file name the same dependencies", () => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(repository, name), "utf8"));
  const { dependencies, devDependencies } = read("package.json") as Record<string, Record<string, string>>;
  const lock = read("package-lock.json") as { packages: Record<string, Record<string, unknown>> };
  assert.deepEqual(lock.packages[""]?.["dependencies"], dependencies);
  assert.deepEqual(lock.packages[""]?.["devDependencies"], devDependencies);
});
