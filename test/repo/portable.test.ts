import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/build.ts";

const listing = spawnSync("git", ["ls-files", "-z"], { cwd: repository, encoding: "utf8" });
const noGit = listing.status === 0 ? false : "not a git checkout";
const files = (listing.stdout ?? "").split("\0").filter((name) => name !== "");

/** The lines of a text file; none for a binary file. */
function linesOf(file: string): string[] {
  const text = readFileSync(join(repository, file), "utf8");
  return text.includes("\0") ? [] : text.split("\n");
}

function find(pattern: RegExp): string[] {
  return files.flatMap((file) => {
    if (file === "test/repo/portable.test.ts") return [];
    return linesOf(file).flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : []));
  });
}

test("no file names a directory of the machine it was written on", { skip: noGit }, () => {
  assert.ok(files.length > 50, `git lists ${files.length} files`);
  const own = [repository, homedir()].filter((path) => path.length > 3).map((path) => RegExp.escape(path));
  assert.deepEqual(find(new RegExp(`(?<![\\w.])(?:/(?:work|root|Users/\\w+)|${own.join("|")})/`)), []);
});
