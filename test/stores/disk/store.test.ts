import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { chmod, lstat, mkdir, open, readFile, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { FeedctlError } from "../../../src/errors.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";
import { parseKey as key } from "../../../src/stores/key.ts";
import { concurrently, readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { everything, openTemporaryDisk, temporaryFolder } from "../../support/temporary-disk.ts";
import { blobsOf, hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { storeContract } from "../contract/contract.ts";

const run = promisify(execFile);

storeContract("disk", {
  async open() {
    const { path, cleanup } = await temporaryFolder();
    return { store: await openDiskStore({ type: "disk", path: join(path, "store") }), cleanup };
  },
  lacks: {
    "a key of 1,024 bytes in two segments": "file systems allow at most 255 bytes in one segment",
  },
});

storeContract("disk without hard links", {
  async open() {
    const { path, cleanup } = await temporaryFolder();
    const makeLink = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM", syscall: "link" }));
    const store = await openDiskStore({ type: "disk", path: join(path, "store") }, { makeLink });
    // The first put finds out; until then the store claims atomicCreate, which almost every disk has.
    await putBytes(store, key("first"), someBytes(1));
    await store.delete(key("first"));
    return { store, cleanup };
  },
  lacks: {
    "a key of 1,024 bytes in two segments": "file systems allow at most 255 bytes in one segment",
  },
});

describe("disk put", () => {
  test("a failed put leaves neither a temporary file nor a folder", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await putBytes(store, key("kept"), someBytes(1));
    const error = new FeedctlError("denied", "no");
    for (const source of [sourceOf(someBytes(9), { fault: { at: 5, error } }), sourceOf(someBytes(9), { size: 8 })]) {
      await assert.rejects(store.put(key("a/b/c"), source, { ifExists: "fail", sha256: sha256(someBytes(9)) }));
      assert.deepEqual(everything(root), ["kept"]);
    }
    await assert.rejects(putBytes(store, key("kept"), someBytes(2)), hasCode("conflict"));
    assert.equal(await putBytes(store, key("kept"), someBytes(1)), "unchanged");
    assert.deepEqual(everything(root), ["kept"]);
  });

  test("while it runs only a hidden temporary file exists", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const bytes = someBytes(2 * MIB);
    const controller = new AbortController();
    const reached = Promise.withResolvers<void>();
    const source = sourceOf(bytes, { fault: { at: MIB, reached: reached.resolve } });
    const options = { ifExists: "fail", sha256: sha256(bytes), signal: controller.signal } as const;
    const putting = store.put(key("a/b"), source, options);
    await reached.promise;
    const [folder, temporary] = everything(root);
    assert.equal(folder, "a");
    assert.match(temporary!, /^a\/\.feedctl-[0-9a-f]{16}\.tmp$/);
    assert.deepEqual(await keysOf(store, ""), []);
    assert.equal(await store.head(key(temporary!)), undefined);
    await assert.rejects(store.get(key(temporary!)), hasCode("not-found"));
    controller.abort();
    await assert.rejects(putting, hasCode("interrupted"));
    assert.deepEqual(everything(root), []);
  });

  test("a local file is copied, verified, and gets the mode of a new file", async (t) => {
    const { store, root, outside } = await openTemporaryDisk(t);
    const from = join(outside, "package.bin");
    const bytes = someBytes(3 * MIB + 5);
    await writeFile(from, bytes);
    await chmod(from, 0o400);
    const source = { size: bytes.length, path: from, open: () => Promise.reject(new Error("not to be opened")) };
    const modified = new Date("2021-02-03T04:05:06.789Z");
    const options = { ifExists: "fail", sha256: sha256(bytes), modified } as const;
    assert.equal((await store.put(key("x/y"), source, options)).outcome, "created");
    assert.ok((await readFile(join(root, "x/y"))).equals(bytes));
    assert.deepEqual((await store.head(key("x/y")))?.modified, modified);
    await writeFile(join(outside, "new"), "");
    assert.equal((await lstat(join(root, "x/y"))).mode, (await lstat(join(outside, "new"))).mode);

    const lie = { ...options, sha256: sha256(Buffer.from("other")) };
    await assert.rejects(store.put(key("z"), source, lie), hasCode("corrupt"));
    await assert.rejects(store.put(key("z"), { ...source, size: 7 }, options), hasCode("corrupt"));
    await assert.rejects(store.put(key("z"), { ...source, path: join(outside, "gone") }, options), (error) => {
      assert.match((error as Error).message, /cannot read .*gone: it does not exist/);
      return hasCode("not-found")(error);
    });
    assert.deepEqual(everything(root), ["x", "x/y"]);
  });

  test("a local file is copied where nobody may set modes, as on some SMB and FUSE mounts", async (t) => {
    const { store, root, outside } = await openTemporaryDisk(t);
    const from = join(outside, "package.bin");
    const bytes = someBytes(3 * MIB + 5);
    await writeFile(from, bytes);
    const handle = await open(from);
    t.after(() => handle.close());
    const refuse = () => Promise.reject(Object.assign(new Error("fixed"), { code: "EPERM", syscall: "fchmod" }));
    const asked = t.mock.method(Object.getPrototypeOf(handle), "chmod", refuse);
    const source = { size: bytes.length, path: from, open: () => Promise.reject(new Error("not to be opened")) };
    const put = await store.put(key("x/y"), source, { ifExists: "fail", sha256: sha256(bytes) });
    assert.equal(put.outcome, "created");
    assert.equal(asked.mock.callCount(), 1, "tried first: copyFile would set the mode, and delete its copy");
    assert.ok((await readFile(join(root, "x/y"))).equals(bytes));
  });

  test("a file and a folder of the same name conflict, whichever exists first", async (t) => {
    const { store } = await openTemporaryDisk(t);
    await putBytes(store, key("a"), someBytes(1));
    await putBytes(store, key("d/e"), someBytes(1));
    for (const ifExists of ["fail", "replace"] as const) {
      await assert.rejects(putBytes(store, key("a/b"), someBytes(1), { ifExists }), hasCode("conflict"));
      await assert.rejects(putBytes(store, key("a/b/c"), someBytes(1), { ifExists }), hasCode("conflict"));
      await assert.rejects(putBytes(store, key("d"), someBytes(1), { ifExists }), hasCode("conflict"));
    }
    assert.equal(await store.head(key("a/b")), undefined);
    await store.delete(key("a/b"));
    assert.deepEqual(await keysOf(store, ""), ["a", "d/e"]);
  });

  test("names a disk cannot hold are invalid", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await mkdir(root);
    await assert.rejects(putBytes(store, key("x".repeat(256)), someBytes(1)), hasCode("invalid"));
    const temporary = key("a/.feedctl-0123456789abcdef.tmp");
    await assert.rejects(putBytes(store, temporary, someBytes(1)), hasCode("invalid"));
    await assert.rejects(putBytes(store, "../x" as never, someBytes(1)), hasCode("invalid"));
    assert.deepEqual(everything(root), []);
    const windows = await openDiskStore({ type: "disk", path: root }, { platform: "win32" });
    await assert.rejects(putBytes(windows, key("a/con.txt"), someBytes(1)), hasCode("invalid"));
  });

  test("several processes creating one key: exactly one wins", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const results = await Promise.all(
      ["1", "2", "3"].map((seed) => {
        const script = `
          const { openDiskStore } = await import(${JSON.stringify(import.meta.resolve("../../../src/stores/disk/store.ts"))});
          const { sourceOf, sha256, someBytes } = await import(${JSON.stringify(import.meta.resolve("../../support/bytes.ts"))});
          const store = await openDiskStore({ type: "disk", path: ${JSON.stringify(root)} });
          let created = 0;
          for (let i = 0; i < 50; i++) {
            const bytes = someBytes(1000, ${seed});
            await store.put("dir/" + i, sourceOf(bytes), { ifExists: "fail", sha256: sha256(bytes) }).then(
              () => created++, (error) => { if (error.code !== "conflict") throw error; });
          }
          console.log(created);`;
        return run(process.execPath, ["--input-type=module", "--eval", script]);
      }),
    );
    const created = results.map(({ stdout }) => Number(stdout));
    assert.equal(
      created.reduce((sum, each) => sum + each, 0),
      50,
      created.join(" + "),
    );
    assert.equal((await keysOf(store, "")).length, 50);
    assert.equal(everything(root).length, 51);
  });

  test("a put on a full disk is full, and the old blobs stay", async (t) => {
    const { root, store } = await openTemporaryDisk(t);
    await mkdir(root);
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=4m", "none", root]);
    } catch (error) {
      return t.skip(`a small disk cannot be mounted: ${(error as Error).message.split("\n")[1] ?? "not allowed"}`);
    }
    try {
      await putBytes(store, key("old"), someBytes(MIB));
      const full = (error: unknown) => hasCode("full")(error) && /free space/.test((error as FeedctlError).hint ?? "");
      await assert.rejects(putBytes(store, key("a/new"), someBytes(8 * MIB)), full);
      await assert.rejects(putBytes(store, key("old"), someBytes(8 * MIB, 2), { ifExists: "replace" }), full);
      const from = join(root, "../big");
      await writeFile(from, someBytes(8 * MIB));
      const source = { ...sourceOf(someBytes(8 * MIB)), path: from };
      await assert.rejects(store.put(key("b"), source, { ifExists: "fail", sha256: sha256(someBytes(8 * MIB)) }), full);
      assert.deepEqual(everything(root), ["old"]);
      assert.ok((await readAll(await store.get(key("old")))).equals(someBytes(MIB)));
    } finally {
      await run("umount", [root]);
    }
  });
});

describe("disk folders", () => {
  test("delete removes the folders it empties, but not the root", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await putBytes(store, key("a/b/c/d"), someBytes(1));
    await putBytes(store, key("a/x"), someBytes(1));
    await store.delete(key("a/b/c/d"));
    assert.deepEqual(everything(root), ["a", "a/x"]);
    await store.delete(key("a/x"));
    assert.deepEqual(everything(root), []);
  });

  test("a put survives deletes that keep emptying its folder", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await concurrently(16, Array.from({ length: 300 }).keys(), async (i) => {
      await putBytes(store, key(`a/b/c/${String(i)}`), someBytes(1));
      await store.delete(key(`a/b/c/${String(i)}`));
    });
    assert.deepEqual(everything(root), []);
  });

  test("a missing root is an empty store until the first put", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    assert.deepEqual(await keysOf(store, ""), []);
    assert.equal(await store.head(key("a")), undefined);
    await store.delete(key("a"));
    await assert.rejects(lstat(root));
    await putBytes(store, key("a"), someBytes(1));
    assert.deepEqual(everything(root), ["a"]);
  });

  test("a root that is a file is an error, not an empty store", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await writeFile(root, "");
    await assert.rejects(keysOf(store, ""), hasCode("conflict"));
    await assert.rejects(putBytes(store, key("a"), someBytes(1)), hasCode("conflict"));
  });

  test("a path that is not absolute is a usage error", async () => {
    await assert.rejects(openDiskStore({ type: "disk", path: "packages" }), hasCode("usage"));
  });

  test("the name is the path as typed, and a root behind a link works", async (t) => {
    const { store, root, outside } = await openTemporaryDisk(t);
    await putBytes(store, key("a"), someBytes(1));
    await symlink(root, join(outside, "link"));
    const linked = await openDiskStore({ type: "disk", path: join(outside, "link//") });
    assert.equal(linked.name, `disk ${join(outside, "link//")}`);
    await putBytes(linked, key("b/c"), someBytes(1));
    await linked.delete(key("a"));
    assert.deepEqual(await keysOf(linked, ""), ["b/c"]);
    assert.deepEqual(await keysOf(store, ""), ["b/c"]);
  });
});

describe("disk reading while the file changes", () => {
  test("a file that is truncated while it is read is corrupt", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await putBytes(store, key("a"), someBytes(8 * MIB));
    const stream = await store.get(key("a"));
    await writeFile(join(root, "a"), "short");
    await assert.rejects(readAll(stream), hasCode("corrupt"));
  });

  test("a blob that is replaced while it is read is read to its old end", async (t) => {
    const { store } = await openTemporaryDisk(t);
    await putBytes(store, key("a"), someBytes(8 * MIB, 1));
    const stream = await store.get(key("a"));
    await putBytes(store, key("a"), someBytes(8 * MIB, 2), { ifExists: "replace" });
    assert.ok((await readAll(stream)).equals(someBytes(8 * MIB, 1)));
  });

  test("streams that are never read close their files", async (t) => {
    const { store } = await openTemporaryDisk(t);
    await putBytes(store, key("a"), someBytes(MIB));
    const openFiles = () => readdirSync("/proc/self/fd").length;
    if (process.platform !== "linux") return t.skip("open files are counted in /proc");
    const before = openFiles();
    for (let i = 0; i < 20; i++) {
      const stream = await store.get(key("a"));
      await new Promise((resolve) => stream.once("close", resolve).destroy());
    }
    assert.ok(openFiles() <= before + 2, `${openFiles() - before} files were left open`);
  });
});

describe("disk permissions", () => {
  const NOBODY = 65534;

  /** Runs `body` with a store at `root` as the user nobody; returns its output. */
  async function asNobody(root: string, body: string): Promise<string> {
    const script = `
      const { openDiskStore } = await import(${JSON.stringify(import.meta.resolve("../../../src/stores/disk/store.ts"))});
      const store = await openDiskStore({ type: "disk", path: ${JSON.stringify(root)} });
      const source = { size: 0, open: async () => (await import("node:stream")).Readable.from([]) };
      const options = { ifExists: "replace", sha256: ${JSON.stringify(sha256(Buffer.alloc(0)))} };
      const code = (promise) => promise.then(() => "ok", (error) => error.code);
      ${body}`;
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { ...user, cwd: "/" });
    return stdout.trim();
  }

  async function closed(t: TestContext): Promise<{ root: string } | undefined> {
    const { store, root, outside } = await openTemporaryDisk(t);
    for (const name of ["a/1", "b/1", "c/1"]) await putBytes(store, key(name), someBytes(1));
    await chmod(outside, 0o755);
    if ((await asNobody(root, `console.log("ran")`).catch(() => "")) === "ran") return { root };
    t.skip("another user cannot run node from this checkout");
    return undefined;
  }

  const listing = `
      const keys = [];
      const read = async () => { for await (const blob of store.list("")) keys.push(blob.key); };
      await read().then(() => console.log("complete"), ({ code, message }) => console.log(code, message));`;

  test("an unreadable folder makes the listing fail as denied, after everything else was listed", async (t) => {
    const store = await closed(t);
    if (store === undefined) return;
    const list = async () => (await asNobody(store.root, `${listing} console.log(keys.join());`)).split("\n");
    await chmod(join(store.root, "b"), 0o300);
    assert.deepEqual(await list(), [`denied cannot list ${join(store.root, "b")}: permission denied`, "a/1,c/1"]);
    // Its names can be read, but not the files' stats.
    await chmod(join(store.root, "a"), 0o444);
    const both = `denied cannot list ${join(store.root, "a/1")}: permission denied; 1 other path could not be read`;
    assert.deepEqual(await list(), [both, "c/1"]);
    await chmod(store.root, 0o300);
    assert.deepEqual(await list(), [`denied cannot list ${store.root}: permission denied`]);
    for (const name of ["", "a", "b"]) await chmod(join(store.root, name), 0o755);
    assert.deepEqual(await list(), ["complete", "a/1,b/1,c/1"]);
  });

  test("so does one that the thread finds, or that was found before the thread continued", async (t) => {
    const store = await closed(t);
    if (store === undefined) return;
    for (const folder of ["d", "f", "g"]) {
      mkdirSync(join(store.root, folder));
      for (let i = 0; i < 1500; i++) writeFileSync(join(store.root, folder, String(i)), "");
    }
    for (const unreadable of [["b"], ["f"], ["b", "f", "g"]]) {
      for (const name of unreadable) await chmod(join(store.root, name), 0o000);
      const printed = await asNobody(store.root, `${listing} console.log(keys.length);`);
      for (const name of unreadable) await chmod(join(store.root, name), 0o755);
      const [message, count] = printed.split("\n");
      const others = unreadable.length === 1 ? "" : "; 2 other paths could not be read";
      assert.equal(message, `denied cannot list ${join(store.root, unreadable[0]!)}: permission denied${others}`);
      assert.equal(Number(count), unreadable.length === 3 ? 1502 : unreadable[0] === "b" ? 4502 : 3003);
    }
  });

  test("head, get, put and delete without permission are denied, not absent", async (t) => {
    const store = await closed(t);
    if (store === undefined) return;
    const folder = join(store.root, "b");
    await chmod(folder, 0o600);
    const all = `console.log(
      await code(store.head("b/1")), await code(store.get("b/1")), await code(store.delete("b/1")),
      await code(store.put("b/1", source, options)), await code(store.put("b/2", source, options)),
      await code(store.head("b/missing")))`;
    const printed = await asNobody(store.root, all).finally(() => chmod(folder, 0o555));
    assert.equal(printed, "denied denied denied denied denied denied");
    const write = `console.log(await code(store.put("b/2", source, options)), await code(store.delete("b/1")))`;
    assert.equal(await asNobody(store.root, write).finally(() => chmod(folder, 0o700)), "denied denied");
  });
});

describe("temporary files of crashed writers", () => {
  test("old ones are swept, new ones and blobs are not", async (t) => {
    const { store, root, outside } = await openTemporaryDisk(t);
    await putBytes(store, key("a/blob"), someBytes(1), { modified: new Date("2001-01-01") });
    const temporary = join(root, "a/.feedctl-0123456789abcdef.tmp");
    await writeFile(temporary, "half");
    await utimes(temporary, 0, 0);
    await mkdir(join(outside, "elsewhere"));
    await writeFile(join(outside, "elsewhere", basename(temporary)), "");
    await symlink(join(outside, "elsewhere"), join(root, "link"));

    assert.equal(await sweepUnfinished(store, new Date(Date.now() - 86_400_000)), 0);
    assert.equal(await sweepUnfinished(store, new Date(Date.now() + 60_000)), 1);
    await unlink(join(root, "link"));
    assert.deepEqual(everything(root), ["a", "a/blob"]);
    assert.equal(everything(join(outside, "elsewhere")).length, 1);
    await using missing = await openDiskStore({ type: "disk", path: join(root, "missing") });
    assert.equal(await sweepUnfinished(missing, new Date()), 0);
  });
});

test("a listing has times to the millisecond and the tag that put returned", async (t) => {
  const { store } = await openTemporaryDisk(t);
  const bytes = someBytes(10);
  const modified = new Date("2022-03-04T05:06:07.123Z");
  const put = await store.put(key("a"), sourceOf(bytes), { ifExists: "fail", sha256: sha256(bytes), modified });
  const [blob] = await blobsOf(store, "");
  assert.deepEqual([blob?.modified, blob?.tag], [modified, put.tag]);
});
