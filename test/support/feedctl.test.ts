import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { feedctl, sandbox } from "./feedctl.ts";

test("the binary runs isolated, and its exit status and both streams are seen", async () => {
  const version = await feedctl(["--version"]);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.deepEqual([version.code, version.stderr], [0, ""]);
  const wrong = await feedctl(["--no-such-option"]);
  assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
  assert.match(wrong.stderr, /--no-such-option/);
});

test("a sandbox and its files are deleted when the test ends", async () => {
  let directory: string;
  {
    await using place = await sandbox();
    directory = place.directory;
    writeFileSync(place.path("file"), "");
  }
  assert.equal(existsSync(directory), false);
});
