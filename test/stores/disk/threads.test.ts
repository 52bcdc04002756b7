import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { chmod, lstat, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { FeedctlError } from "../../../src/errors.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { parseKey as key } from "../../../src/stores/key.ts";
import type { PutOptions } from "../../../src/stores/store.ts";
import { concurrently, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { everything, openTemporaryDisk, temporaryFolder } from "../../support/temporary-disk.ts";
import { hasCode, keysOf } from "../contract/put.ts";
import { storeContract } from "../contract/contract.ts";
import { PATIENCE } from "../../support/wait.ts";

const run = promisify(execFile);

// All small blobs go to the threads, from the first put on.
storeContract("disk with threads", {
  async open() {
    const { path, cleanup } = await temporaryFolder();
    return {
      store: await openDiskStore({ type: "disk", path: join(path, "store") }, { callsBeforeThreads: 0 }),
      cleanup,
    };
  },
  lacks: {
    "a key of 1,024 bytes in two segments": "file systems allow at most 255 bytes in one segment",
  },
});
const diskModule = JSON.stringify(import.meta.resolve("../../../src/stores/disk/store.ts"));

describe("a listing that continues in a thread", () => {
  /** Enough files for the thread to be still walking when its first files arrive. */
  const FOLDERS = 100;

  async function large(t: TestContext) {
    const opened = await openTemporaryDisk(t);
    const keys: string[] = [];
    for (let folder = 0; folder < FOLDERS; folder++) {
      const name = `${String(folder).padStart(3, "0")}${["", "-2", "\uff5e", "😀"][folder % 4] ?? ""}`;
      for (const part of [name, `${name}/deep`]) {
        mkdirSync(join(opened.root, part), { recursive: true });
        for (let file = 0; file < 50; file++) {
          writeFileSync(join(opened.root, part, `${file}${file % 2 === 0 ? "\uff5e" : "😀"}`), "");
          keys.push(`${part}/${file}${file % 2 === 0 ? "\uff5e" : "😀"}`);
        }
      }
    }
    return {
      ...opened,
      keys: keys
        .map((each) => Buffer.from(each))
        .sort(Buffer.compare)
        .map(String),
    };
  }

  test("is complete, in UTF-8 byte order, and reports foreign names", async (t) => {
    const { store, root, keys } = await large(t);
    await symlink("nowhere", join(root, "099😀/link"));
    await mkdir(join(root, "098\uff5e/line\nfeed"));
    const foreign: string[] = [];
    const listed: string[] = [];
    for await (const blob of store.list("", { onForeign: (name) => foreign.push(name) })) {
      listed.push(blob.key);
      assert.equal(blob.size, 0);
      if (listed.length % 3000 === 0) assert.deepEqual(blob, await store.head(blob.key));
    }
    assert.deepEqual(listed, keys);
    assert.deepEqual(foreign, ["098\uff5e/line\nfeed", "099😀/link"]);
  });

  test("fails after the files before it when a folder vanishes that it has not reached", async (t) => {
    const { store, root, keys } = await large(t);
    let count = 0;
    const listing = async () => {
      for await (const blob of store.list("")) {
        assert.equal(blob.key, keys[count++]);
        if (count === 2001) await rm(join(root, "099😀"), { recursive: true });
      }
    };
    await assert.rejects(listing(), hasCode("unavailable"));
    assert.ok(count > 2001 && count < keys.length, `${count} of ${keys.length} files were listed`);
  });

  test("is stopped by the signal", async (t) => {
    const { store } = await large(t);
    const controller = new AbortController();
    let count = 0;
    const listing = async () => {
      for await (const _ of store.list("", { signal: controller.signal })) if (++count === 2500) controller.abort();
    };
    await assert.rejects(listing(), hasCode("interrupted"));
    assert.equal(count, 2500);
  });

  test("does not keep the process alive when its reader stops", async (t) => {
    const { root } = await large(t);
    const script = `
      const store = await (await import(${diskModule})).openDiskStore({ type: "disk", path: ${JSON.stringify(root)} });
      let count = 0;
      for await (const _ of store.list("")) if (++count === 2100) break;
      const abandoned = store.list("")[Symbol.asyncIterator]();
      for (let i = 0; i < 2100; i++) await abandoned.next();
      console.log(count);`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { timeout: PATIENCE });
    assert.equal(stdout, "2100\n");
  });
});

describe("small files stored by threads", () => {
  async function opened(t: TestContext) {
    const { root, outside } = await openTemporaryDisk(t);
    const store = await openDiskStore({ type: "disk", path: root }, { callsBeforeThreads: 0 });
    t.after(() => store[Symbol.asyncDispose]());
    const from = join(outside, "from");
    await mkdir(from);
    let count = 0;
    /** Stores a local file. The source must not be opened as a stream. */
    const putFile = async (name: string, bytes: Buffer, options: Partial<PutOptions & { size: number }> = {}) => {
      const path = join(from, String(count++));
      await writeFile(path, bytes);
      const open = () => Promise.reject(new Error("the source was opened"));
      const { size = bytes.length, ...rest } = options;
      return store.put(key(name), { size, path, open }, { ifExists: "fail", sha256: sha256(bytes), ...rest });
    };
    return { store, root, outside, putFile };
  }

  const leftovers = (root: string) => everything(root).filter((name) => name.includes(".feedctl-"));

  for (const durable of [true, false]) {
    test(`${durable ? "durable" : "not durable"}: each arrives whole, with its time and tag`, async (t) => {
      const { store, root, putFile } = await opened(t);
      const modified = new Date("2021-02-03T04:05:06.789Z");
      const names = Array.from({ length: 300 }, (_, i) => `d${i % 7}/e${i % 3}/${i}`);
      await concurrently(16, names.entries(), async ([i, name]) => {
        const bytes = someBytes(i * 218, i + 1);
        const put = await putFile(name, bytes, { durable, modified });
        assert.deepEqual([put.outcome, put.sha256], ["created", sha256(bytes)]);
        assert.ok((await readFile(join(root, name))).equals(bytes));
        const head = await store.head(key(name));
        assert.deepEqual([head?.tag, head?.modified], [put.tag, modified]);
      });
      assert.equal((await keysOf(store, "")).length, 300);
      assert.deepEqual(leftovers(root), []);
    });
  }

  test("again is unchanged, other bytes conflict, replace replaces", async (t) => {
    const { root, putFile } = await opened(t);
    const bytes = someBytes(100);
    assert.equal((await putFile("a/b", bytes)).outcome, "created");
    assert.equal((await putFile("a/b", bytes)).outcome, "unchanged");
    await assert.rejects(putFile("a/b", someBytes(100, 2)), hasCode("conflict"));
    assert.ok((await readFile(join(root, "a/b"))).equals(bytes));
    assert.equal((await putFile("a/b", someBytes(100, 2), { ifExists: "replace" })).outcome, "replaced");
    assert.equal((await putFile("a/c", bytes, { ifExists: "replace" })).outcome, "created");
    assert.deepEqual(everything(root), ["a", "a/b", "a/c"]);
    assert.ok((await readFile(join(root, "a/b"))).equals(someBytes(100, 2)));
  });

  test("wrong bytes, sizes and sources are refused and leave nothing", async (t) => {
    const { store, root, outside, putFile } = await opened(t);
    const bytes = someBytes(100);
    for (const ifExists of ["fail", "replace"] as const) {
      await assert.rejects(putFile("a/b", bytes, { ifExists, sha256: sha256(someBytes(1)) }), hasCode("corrupt"));
      for (const size of [99, 101, 0])
        await assert.rejects(putFile("a/b", bytes, { ifExists, size }), hasCode("corrupt"));
      await assert.rejects(putFile("a/b", bytes, { ifExists, size: 101, sha256: undefined }), hasCode("corrupt"));
      await assert.rejects(putFile("a/b", bytes, { ifExists, signal: AbortSignal.abort() }), hasCode("interrupted"));
      const gone = {
        size: 1,
        path: join(outside, "gone"),
        open: () => Promise.reject(new Error("the source was opened")),
      };
      await assert.rejects(store.put(key("a/b"), gone, { ifExists }), hasCode("not-found"));
    }
    assert.deepEqual(everything(root), []);
  });

  test("a source without a tag takes the slow path, which calls check; one with another tag is refused", async (t) => {
    const { store, root, outside } = await opened(t);
    const place = join(outside, "place");
    await mkdir(place);
    const listed = await openDiskStore({ type: "disk", path: place });
    await writeFile(join(place, "x"), "old");
    const pathTag = (await listed.head(key("x")))?.tag;
    let asked = 0;
    const check = async () => {
      asked++;
      if ((await listed.head(key("x")))?.tag !== pathTag) throw new FeedctlError("corrupt", "it changed");
    };
    const source = {
      size: 3,
      path: join(place, "x"),
      open: () => Promise.reject(new Error("the source was opened")),
      check,
    };
    await store.put(key("tagged"), { ...source, pathTag }, { ifExists: "fail" });
    assert.equal(asked, 0);
    await store.put(key("asked"), source, { ifExists: "fail" });
    assert.equal(asked, 1);
    await writeFile(join(place, "new"), "new");
    await rename(join(place, "new"), join(place, "x"));
    await assert.rejects(store.put(key("changed"), { ...source, pathTag }, { ifExists: "fail" }), hasCode("corrupt"));
    assert.equal(asked, 1);
    assert.deepEqual(everything(root), ["asked", "tagged"]);
  });

  test("streams are read into memory, verified, checked and closed, and stored like files", async (t) => {
    const { store, root } = await opened(t);
    const modified = new Date("2021-02-03T04:05:06.789Z");
    await concurrently(16, Array.from({ length: 200 }).keys(), async (i) => {
      const bytes = someBytes(i * 300, i);
      let checked = 0;
      const source = { ...sourceOf(bytes), check: async () => void checked++ };
      const { outcome, sha256: found } = await store.put(key(`s/${i}`), source, { ifExists: "fail", modified });
      assert.deepEqual([outcome, found, source.opened(), checked], ["created", sha256(bytes), 1, 1]);
      await source.settled();
      assert.ok((await readFile(join(root, `s/${i}`))).equals(bytes));
    });
    assert.deepEqual((await store.head(key("s/7")))?.modified, modified);
    await store.delete(key("s/7"));
    const before = everything(root);
    for (const size of [99, 101]) {
      const source = sourceOf(someBytes(100), { size });
      await assert.rejects(store.put(key("new/x"), source, { ifExists: "fail" }), hasCode("corrupt"));
      await source.settled();
    }
    const changed = async () => Promise.reject(new FeedctlError("corrupt", "it changed"));
    const source = { ...sourceOf(someBytes(100)), check: changed };
    await assert.rejects(store.put(key("new/x"), source, { ifExists: "fail" }), /it changed/);
    assert.deepEqual(everything(root), before);
  });

  test("an existing link or folder of the same name is refused and left alone", async (t) => {
    const { root, outside, putFile } = await opened(t);
    await putFile("dir/file", someBytes(1));
    await mkdir(join(outside, "elsewhere"));
    await symlink(join(outside, "elsewhere"), join(root, "link"));
    for (const ifExists of ["fail", "replace"] as const) {
      await assert.rejects(putFile("link/x", someBytes(1), { ifExists }), hasCode("denied"));
      await assert.rejects(putFile("link/new/x", someBytes(1), { ifExists }), hasCode("denied"));
      await assert.rejects(putFile("link", someBytes(1), { ifExists }), hasCode("conflict"));
      await assert.rejects(putFile("dir", someBytes(1), { ifExists }), hasCode("conflict"));
      await assert.rejects(putFile("dir/file/x", someBytes(1), { ifExists }), hasCode("conflict"));
    }
    assert.deepEqual(everything(root), ["dir", "dir/file", "link"]);
    assert.deepEqual(everything(join(outside, "elsewhere")), []);
    assert.ok((await lstat(join(root, "link"))).isSymbolicLink());
  });

  test("of several creators of one key exactly one wins", async (t) => {
    const { root, putFile } = await opened(t);
    for (let round = 0; round < 20; round++) {
      const contents = Array.from({ length: 12 }, (_, i) => someBytes(50, i + 1));
      const results = await Promise.allSettled(contents.map((bytes) => putFile(`a/${round}`, bytes)));
      const winners = results.flatMap((result, i) => (result.status === "fulfilled" ? [i] : []));
      assert.equal(winners.length, 1);
      for (const result of results) if (result.status === "rejected") hasCode("conflict")(result.reason);
      assert.ok((await readFile(join(root, `a/${round}`))).equals(contents[winners[0]!]!));
    }
    assert.deepEqual(leftovers(root), []);
  });

  test("they survive deletes that keep emptying their folder", async (t) => {
    const { store, root, putFile } = await opened(t);
    await concurrently(16, Array.from({ length: 300 }).keys(), async (i) => {
      await putFile(`a/b/c/${i}`, someBytes(1));
      await store.delete(key(`a/b/c/${i}`));
    });
    assert.deepEqual(everything(root), []);
  });

  test("a folder without permission is denied", async (t) => {
    if (process.getuid?.() === 0) return t.skip("root may write everywhere");
    const { root, putFile } = await opened(t);
    await putFile("a/b", someBytes(1));
    await chmod(join(root, "a"), 0o500);
    await assert.rejects(putFile("a/c", someBytes(1)), hasCode("denied")).finally(() => chmod(join(root, "a"), 0o700));
  });

  test("a closed store is usable again, and an open one keeps no process alive", async (t) => {
    const { store, root, outside, putFile } = await opened(t);
    const late = putFile("late", someBytes(1));
    await late;
    await store[Symbol.asyncDispose]();
    assert.equal((await putFile("later", someBytes(1))).outcome, "created");
    const from = join(outside, "one");
    await writeFile(from, "x");
    const script = `
      const system = { callsBeforeThreads: 0 };
      const store = await (await import(${diskModule})).openDiskStore({ type: "disk", path: ${JSON.stringify(root)} }, system);
      const { outcome } = await store.put("child", { size: 1, path: ${JSON.stringify(from)} }, { ifExists: "fail" });
      console.log(outcome);`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { timeout: PATIENCE });
    assert.equal(stdout, "created\n");
  });
});

test("a large local file without a promised hash is copied unread, and its size compared", async (t) => {
  const { store, root, outside } = await openTemporaryDisk(t);
  const bytes = someBytes(3_000_000);
  const path = join(outside, "large");
  await writeFile(path, bytes);
  const source = { size: bytes.length, path, open: () => Promise.reject(new Error("the source was opened")) };
  const put = await store.put(key("a"), source, { ifExists: "fail" });
  assert.deepEqual([put.outcome, put.sha256], ["created", undefined]);
  assert.ok((await readFile(join(root, "a"))).equals(bytes));
  await assert.rejects(store.put(key("b"), { ...source, size: 2_999_999 }, { ifExists: "fail" }), hasCode("corrupt"));
  assert.deepEqual(everything(root), ["a"]);
});
