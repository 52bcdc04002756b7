import assert from "node:assert/strict";
import { open, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createHoleWriter } from "../../../src/stores/disk/holes.ts";
import { parseKey as key } from "../../../src/stores/key.ts";
import { sha256, sourceOf } from "../../support/bytes.ts";
import { openTemporaryDisk, temporaryFolder } from "../../support/temporary-disk.ts";
import { MIB } from "../contract/put.ts";

/** Bytes with a hole at the beginning, in the middle and at the end, and zeros that fill no block. */
function withHoles(): Buffer {
  const bytes = Buffer.alloc(8 * MIB + 5);
  bytes.write("one", 100_001);
  bytes.fill("x", 3 * MIB + 7, 3 * MIB + 20_000);
  bytes.write("end", 6 * MIB);
  return bytes;
}

test("a sparse file stays sparse: as a file that is copied, as a stream, and with or without a known hash", async (t) => {
  const { store, root } = await openTemporaryDisk(t);
  const bytes = withHoles();
  const path = join(root, "..", "sparse");
  {
    await using file = await open(path, "w");
    for (const [at, end] of [[100_001, 100_004], [3 * MIB, 3 * MIB + 20_000], [6 * MIB, 6 * MIB + 3]] as const)
      await file.write(bytes, at, end - at, at); // prettier-ignore
  }
  await truncate(path, bytes.length);
  if ((await stat(path)).blocks * 512 >= bytes.length) return t.skip("this file system has no holes");
  const hash = { sha256: sha256(bytes) };
  for (const [name, source, options] of [
    ["copied", { ...sourceOf(bytes), path }, {}],
    ["hashed", { ...sourceOf(bytes), path }, hash],
    ["streamed", sourceOf(bytes), hash],
  ] as const) {
    await store.put(key(name), source, { ifExists: "fail", ...options });
    const stored = join(root, name);
    assert.ok(bytes.equals(await readFile(stored)), name);
    assert.ok(
      (await stat(stored)).blocks * 512 < MIB,
      `${name}: ${(await stat(stored)).blocks * 512} bytes on the disk`,
    );
    assert.equal((await stat(stored)).mode & 0o111, 0);
  }
});

test("a sparse file whose bytes are not the expected ones is corrupt", async (t) => {
  const { store, root } = await openTemporaryDisk(t);
  const path = join(root, "..", "sparse");
  await (await open(path, "w")).close();
  await truncate(path, MIB);
  const source = { ...sourceOf(Buffer.alloc(MIB)), path };
  await assert.rejects(store.put(key("a"), source, { ifExists: "fail", sha256: sha256(Buffer.from("x")) }), {
    code: "corrupt",
  });
  await assert.rejects(store.put(key("a"), { ...source, size: MIB + 1 }, { ifExists: "fail" }), { code: "corrupt" });
});

test("where a file cannot be made longer, holes are written as zeros", async (t) => {
  const { path, cleanup } = await temporaryFolder();
  t.after(cleanup);
  const bytes = withHoles();
  await using file = await open(join(path, "file"), "w+");
  let asked = 0;
  const refuse = () => {
    asked++;
    return Promise.reject(Object.assign(new Error("no"), { code: "EPERM", syscall: "ftruncate" }));
  };
  const writer = createHoleWriter({ write: file.write.bind(file), truncate: refuse }, 0);
  for (let at = 0; at < bytes.length; at += 1_000_003) await writer.write(bytes.subarray(at, at + 1_000_003));
  await writer.end();
  assert.equal(asked, 1);
  assert.ok(bytes.equals(await file.readFile()));
});
