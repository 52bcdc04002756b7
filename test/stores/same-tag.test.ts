import assert from "node:assert/strict";
import { chmod, lstat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseKey as key } from "../../src/stores/key.ts";
import { sameBlob, sameTag } from "../../src/stores/same-tag.ts";
import { someBytes } from "../support/bytes.ts";
import { openTemporaryDisk } from "../support/temporary-disk.ts";
import { putBytes } from "./contract/put.ts";

test("a disk's tag changes with a file that is changed behind its size and time; a new mode leaves it the same blob", async (t) => {
  const { store, root } = await openTemporaryDisk(t);
  await putBytes(store, key("a"), someBytes(9));
  const tag = async () => (await store.head(key("a")))?.tag;
  const first = await tag();
  assert.ok(sameTag(first, await tag()));
  const { mtime } = await lstat(join(root, "a"));
  await writeFile(join(root, "a"), someBytes(9, 2));
  await utimes(join(root, "a"), mtime, mtime);
  const second = await tag();
  assert.ok(!sameTag(first, second), `${first} ${second}`);
  await chmod(join(root, "a"), 0o600);
  assert.ok(!sameTag(second, await tag()));
  assert.ok(sameBlob(second, await tag()));
});

for (const { recorded, now, same, blob } of [
  { recorded: "1.5-3-7", now: "1.5-3-7@9.25", same: true, blob: true },
  { recorded: "1.5-3-8", now: "1.5-3-7@9.25", same: false, blob: false },
  { recorded: "1.5-3-7@9", now: "1.5-3-7", same: false, blob: true },
  { recorded: "1.5-3-7@8", now: "1.5-3-7@9", same: false, blob: true },
  { recorded: '"etag"', now: '"etag"', same: true, blob: true },
  { recorded: "etag", now: "etag@9", same: false, blob: false },
  { recorded: null, now: "1-2-3", same: false, blob: false },
]) {
  test(`${recorded} as recorded, ${now} now: ${same ? "the same tag" : "another tag"}, ${blob ? "the same" : "another"} blob`, () => {
    assert.equal(sameTag(recorded, now), same);
    assert.equal(sameBlob(recorded, now), blob);
  });
}
