import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freshBuild, repository } from "../support/build.ts";

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

test("what is installed beside the bundle has no dependencies, and has the version that was tested", () => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(repository, name), "utf8"));
  const { dependencies } = read("package.json") as Record<string, Record<string, string>>;
  const { packages } = read("package-lock.json") as Lock;
  for (const [name, version] of Object.entries(dependencies ?? {})) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
    assert.equal(packages[`node_modules/${name}`]?.dependencies, undefined, name);
  }
});

test("the bundle passes on the licences of the packages that are in it", async () => {
  await freshBuild();
  const notices = readFileSync(join(repository, "dist", "THIRD-PARTY-NOTICES.txt"), "utf8");
  for (const name of ["commander", "kysely", "pg", "@azure/storage-blob", "@aws-sdk/client-s3"])
    assert.match(notices, new RegExp(`^${name} \\d+\\.`, "m"));
  assert.doesNotMatch(notices, /undefined/);
});

interface Lock {
  packages: Record<string, { dependencies?: Record<string, string> }>;
}
