import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import type { Context } from "../../../src/operations/context.ts";
import { saveDownload } from "../../../src/operations/local-files/save-download.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { ByteRange, Store } from "../../../src/stores/store.ts";
import { someBytes, sourceOf } from "../../support/bytes.ts";
import { failing } from "../../support/failing-store.ts";

const MIB = 1024 * 1024;
const size = 20 * MIB;
const bytes = someBytes(size, 7);
const key = parseKey("folder/big.bin");
const file = {
  key,
  size,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  modifiedAt: new Date("2024-02-03T04:05:06Z"),
};
// the only members that saveDownload uses
const data = mkdtempSync(join(tmpdir(), "feedctl-data-"));
const context = { signal: new AbortController().signal, dataDir: data, randomBytes } as unknown as Context;
after(() => rmSync(data, { recursive: true }));

let root: string;
let store: Store;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "feedctl-save-"));
  store = await openDiskStore({ type: "disk", path: join(root, "store") });
  await store.put(key, sourceOf(bytes), { ifExists: "fail" });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

/** A store that records the ranges of its `get` calls. */
function watched(): { store: Store; ranges: (ByteRange | undefined)[] } {
  const ranges: (ByteRange | undefined)[] = [];
  const get: Store["get"] = (name, options) => {
    ranges.push(options?.range);
    return store.get(name, options);
  };
  return { store: { ...store, get }, ranges };
}

function save(from: Store, target: string, overwrite = false): Promise<string> {
  const open = (range: ByteRange | undefined) => from.get(key, { range });
  return saveDownload(context, { file, open, root, target, overwrite, acceptSame: true });
}

/** A download that ends after nine mebibytes; returns the file that it leaves. */
async function broken(target: string): Promise<string> {
  const cut = failing(store, { cut: { after: 9 * MIB } });
  await assert.rejects(save(cut, target), { code: "unavailable" });
  const [left = "", ...more] = readdirSync(root).filter((name) => name !== "store");
  assert.deepEqual(more, []);
  assert.notEqual(left, "big.bin");
  return join(root, left);
}

test("an interrupted download is resumed where it stopped", async () => {
  const target = join(root, "big.bin");
  const start = statSync(await broken(target)).size;
  assert.ok(start > MIB && start <= 9 * MIB, `${start} bytes were left`);
  const { store: again, ranges } = watched();
  assert.equal(await save(again, target), "saved");
  assert.deepEqual(ranges, [{ start }]);
  assert.ok(readFileSync(target).equals(bytes));
  assert.deepEqual(readdirSync(root).toSorted(), ["big.bin", "store"]);
});

test("a download starts anew when the part file holds a wrong byte", async () => {
  const target = join(root, "big.bin");
  const part = await broken(target);
  const damaged = readFileSync(part);
  damaged[1000]! ^= 1;
  writeFileSync(part, damaged);
  const { store: again, ranges } = watched();
  assert.equal(await save(again, target), "saved");
  assert.deepEqual(ranges, [{ start: damaged.length }, undefined]);
  assert.ok(readFileSync(target).equals(bytes));
});

test("bytes with another hash than the catalog's are not saved, and leave no file", async () => {
  const target = join(root, "big.bin");
  await store.put(key, sourceOf(someBytes(size, 8)), { ifExists: "replace" });
  await assert.rejects(save(store, target), { code: "corrupt" });
  assert.deepEqual(readdirSync(root), ["store"]);
});

test("an existing file is kept, or replaced with overwrite", async () => {
  const target = join(root, "big.bin");
  writeFileSync(target, "mine");
  await assert.rejects(save(store, target), { code: "conflict" });
  assert.equal(readFileSync(target, "utf8"), "mine");
  assert.equal(await save(store, target, true), "saved");
  assert.equal(await save(store, target), "unchanged");
});

test("folders on the way that are links are refused, and missing ones are made", async () => {
  mkdirSync(join(root, "private"));
  mkdirSync(join(root, "out"));
  symlinkSync(join(root, "private"), join(root, "out/link"));
  const open = (range: ByteRange | undefined) => store.get(key, { range });
  const saveBelow = (target: string) =>
    saveDownload(context, { file, open, root: join(root, "out"), target, overwrite: true, acceptSame: true });
  await assert.rejects(saveBelow(join(root, "out/link/big.bin")), { code: "denied", message: /symbolic link/ });
  assert.deepEqual(readdirSync(join(root, "private")), []);
  assert.equal(await saveBelow(join(root, "out/new/er/big.bin")), "saved");
  // the file itself: the link is not followed, and not replaced either
  writeFileSync(join(root, "private/mine"), "mine");
  symlinkSync(join(root, "private/mine"), join(root, "out/big.bin"));
  await assert.rejects(saveBelow(join(root, "out/big.bin")), { code: "conflict" });
  assert.equal(readFileSync(join(root, "private/mine"), "utf8"), "mine");
});

test("a part file that somebody else has placed is neither resumed nor written to", async () => {
  const target = join(root, "big.bin");
  const part = await broken(target);
  const mine = join(root, "store/mine");
  writeFileSync(mine, "mine");
  const planted = (end: string) => part.replace(/[0-9a-f]{16}\.part$/, `${end.repeat(16)}.part`);
  assert.notEqual(planted("a"), part);
  symlinkSync(mine, planted("a"));
  linkSync(mine, planted("b"));
  mkdirSync(planted("c"));
  writeFileSync(planted("d"), bytes.subarray(0, 9 * MIB));
  chmodSync(planted("d"), 0o666);
  const start = statSync(part).size;
  const { store: again, ranges } = watched();
  assert.equal(await save(again, target), "saved");
  assert.deepEqual(ranges, [{ start }]);
  assert.equal(readFileSync(mine, "utf8"), "mine");
  assert.ok(readFileSync(target).equals(bytes));
});
