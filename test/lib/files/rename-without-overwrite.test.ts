import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { renameWithoutOverwrite } from "../../../src/lib/files/rename-without-overwrite.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "feedctl-name-"));
  writeFileSync(join(root, "part"), "new");
});
afterEach(() => rmSync(root, { recursive: true }));

/** Fails like a FAT disk, which a test cannot mount. */
const withoutLinks = async () => {
  throw Object.assign(new Error("operation not permitted, link"), { code: "EPERM", syscall: "link" });
};

for (const [disk, makeLink] of [
  ["a disk with hard links", undefined],
  ["a disk without hard links", withoutLinks],
] as const) {
  test(`${disk}: a finished file gets its final name`, async () => {
    await renameWithoutOverwrite(join(root, "part"), join(root, "file"), makeLink);
    assert.equal(readFileSync(join(root, "file"), "utf8"), "new");
  });

  test(`${disk}: an existing target stays, dangling links included`, async () => {
    writeFileSync(join(root, "file"), "old");
    symlinkSync("nowhere", join(root, "link"));
    for (const name of ["file", "link"])
      await assert.rejects(renameWithoutOverwrite(join(root, "part"), join(root, name), makeLink), { code: "EEXIST" });
    assert.equal(readFileSync(join(root, "file"), "utf8"), "old");
  });
}
