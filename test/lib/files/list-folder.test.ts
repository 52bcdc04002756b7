import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listFolder } from "../../../src/lib/files/list-folder.ts";

test("a folder is listed by name, links as links, and broken names apart", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "feedctl-list-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ["b", "B", "ä", "a"]) writeFileSync(join(folder, name), "");
  mkdirSync(join(folder, "c"));
  symlinkSync("a", join(folder, "d"));
  const canBreak = process.platform === "linux";
  if (canBreak) writeFileSync(Buffer.concat([Buffer.from(`${folder}/x`), Buffer.of(0xff)]), "");
  const { entries, broken } = await listFolder(folder);
  assert.deepEqual(
    entries.map((entry) => entry.name),
    ["B", "a", "b", "c", "d", "ä"],
  );
  assert.deepEqual(
    entries.filter((entry) => entry.isSymbolicLink()).map((entry) => entry.name),
    ["d"],
  );
  assert.deepEqual(
    broken.map(({ shown }) => shown),
    canBreak ? ["x\\xff"] : [],
  );
});

test("a folder that does not exist is the file system's error", async () => {
  await assert.rejects(listFolder(join(tmpdir(), "feedctl-no-such-folder")), { code: "ENOENT" });
});
