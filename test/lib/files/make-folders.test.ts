import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeFolders, makeFoldersSync } from "../../../src/lib/files/make-folders.ts";

const both = [
  { title: "makeFolders", make: makeFolders },
  { title: "makeFoldersSync", make: async (path: string) => makeFoldersSync(path) },
];

for (const { title, make } of both) {
  describe(title, () => {
    test("creates a folder with its parents, and returns the first that was new", async (t) => {
      const root = mkdtempSync(join(tmpdir(), "feedctl-folders-"));
      t.after(() => rmSync(root, { recursive: true }));
      assert.equal(await make(join(root, "a", "b", "c")), join(root, "a"));
      assert.ok(statSync(join(root, "a", "b", "c")).isDirectory());
      assert.equal(await make(join(root, "a", "b")), undefined);
      writeFileSync(join(root, "file"), "");
      await assert.rejects(make(join(root, "file", "b")), { code: "ENOTDIR" });
    });

    // in /sys nobody creates folders, root neither
    const elsewhere = platform() === "linux" ? false : "no file system that refuses new folders";
    test("reports why a folder could not be created", { skip: elsewhere }, async () => {
      await assert.rejects(make("/sys/feedctl/a/b"), (error: NodeJS.ErrnoException) => {
        assert.match(error.code ?? "", /^(EPERM|EROFS|EACCES)$/);
        return true;
      });
    });
  });
}
