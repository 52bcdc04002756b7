import assert from "node:assert/strict";
import type { stat } from "node:fs/promises";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { foldsCase } from "../../../src/stores/disk/case.ts";

/** A fake `stat` of a file system with these paths, case-insensitive if `folds`. */
function fileSystem(paths: readonly string[], folds: boolean): typeof stat {
  const look = async (path: unknown) => {
    const same = (known: string) => (folds ? known.toLowerCase() === String(path).toLowerCase() : known === path);
    const ino = paths.findIndex(same);
    if (ino === -1) throw Object.assign(new Error("absent"), { code: "ENOENT" });
    return { ino, dev: 1 };
  };
  return look as never;
}

test("a disk is case-sensitive or not; for a root that does not exist its nearest parent decides", async () => {
  assert.equal(await foldsCase("/srv/files", fileSystem(["/", "/srv", "/srv/files"], true)), true);
  assert.equal(await foldsCase("/srv/files", fileSystem(["/", "/srv", "/srv/files"], false)), false);
  assert.equal(await foldsCase("/srv/new/deep", fileSystem(["/", "/srv"], true)), true);
  assert.equal(await foldsCase("/srv/12", fileSystem(["/", "/srv", "/srv/12"], true)), true);
  assert.equal(await foldsCase("/", fileSystem(["/"], true)), false);
  assert.equal(await foldsCase("/a/B", fileSystem(["/", "/a", "/a/B", "/a/b"], false)), false, "two folders");
});

test("the disk of this machine is tested without writing", async () => {
  const root = mkdtempSync(join(tmpdir(), "feedctl-case-"));
  try {
    mkdirSync(join(root, "Folder"));
    const expected = process.platform === "win32" || process.platform === "darwin";
    assert.equal(await foldsCase(join(root, "Folder")), expected);
  } finally {
    rmSync(root, { recursive: true });
  }
});
