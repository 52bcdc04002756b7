import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { lstat, mkdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { parseKey as key } from "../../../src/stores/key.ts";
import type { Store } from "../../../src/stores/store.ts";
import { someBytes } from "../../support/bytes.ts";
import { everything, openTemporaryDisk } from "../../support/temporary-disk.ts";
import { hasCode, putBytes } from "../contract/put.ts";

const run = promisify(execFile);

describe("disk listing of entries that are not blobs", () => {
  const foreignOf = async (store: Store, prefix = "") => {
    const names: string[] = [];
    const keys: string[] = [];
    for await (const { key: each } of store.list(prefix, { onForeign: (name) => names.push(name) })) keys.push(each);
    return { keys, names: names.sort() };
  };

  test("symbolic links and special files are reported, never read or deleted", async (t) => {
    const { store, root, outside } = await openTemporaryDisk(t);
    await putBytes(store, key("dir/real"), someBytes(5));
    await mkdir(join(outside, "secret"));
    await writeFile(join(outside, "secret/file"), "outside");
    await symlink(join(outside, "secret"), join(root, "folder"));
    await symlink(join(outside, "secret/file"), join(root, "link"));
    await symlink(join(outside, "nowhere"), join(root, "dangling"));
    await run("mkfifo", [join(root, "pipe")]);

    assert.deepEqual(await foreignOf(store), { keys: ["dir/real"], names: ["dangling", "folder", "link", "pipe"] });
    assert.deepEqual(await foreignOf(store, "folder/"), { keys: [], names: ["folder"] });
    for (const name of ["link", "dangling", "pipe"].map(key)) {
      assert.equal(await store.head(name), undefined);
      await assert.rejects(store.get(name), hasCode("not-found"));
      for (const ifExists of ["fail", "replace"] as const) {
        await assert.rejects(putBytes(store, name, someBytes(1), { ifExists }), hasCode("conflict"));
      }
      await store.delete(name);
      await lstat(join(root, name));
    }
    for (const name of ["folder/file", "folder/new/deep"].map(key)) {
      await assert.rejects(putBytes(store, name, someBytes(1), { ifExists: "replace" }), hasCode("denied"));
      await assert.rejects(store.head(name), hasCode("denied"));
      await assert.rejects(store.get(name), hasCode("denied"));
      await assert.rejects(store.delete(name), hasCode("denied"));
    }
    assert.deepEqual(everything(join(outside, "secret")), ["file"]);
    assert.equal(await readFile(join(outside, "secret/file"), "utf8"), "outside");
  });

  test("names that are not valid keys are reported", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    await putBytes(store, key("good"), someBytes(1));
    await putBytes(store, key("genuine\ufffd"), someBytes(1));
    try {
      await writeFile(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff])]), "");
    } catch {
      return t.skip("this file system accepts only UTF-8 names");
    }
    await writeFile(join(root, "line\nfeed"), "");
    await mkdir(join(root, "bell\u0007"));
    await writeFile(join(root, "bell\u0007/inside"), "");
    const { keys, names } = await foreignOf(store);
    assert.deepEqual(keys, ["genuine\ufffd", "good"]);
    assert.deepEqual(names, ["bad\ufffd", "bell\u0007", "line\nfeed"]);
  });

  test("a prefix cannot lead out of the root", async (t) => {
    const { store, root, outside } = await openTemporaryDisk(t);
    await putBytes(store, key("a/b"), someBytes(1));
    await writeFile(join(outside, "other"), "");
    for (const prefix of ["../", "a/../../", "/", "./", "a//", `${root}/`, "a/../"]) {
      assert.deepEqual(await foreignOf(store, prefix), { keys: [], names: [] }, prefix);
    }
  });
});

describe("disk listing while the folder changes", () => {
  async function filled(t: TestContext) {
    const opened = await openTemporaryDisk(t);
    for (const name of ["a/1", "b/1", "b/2", "c/1"]) await putBytes(opened.store, key(name), someBytes(1));
    return opened;
  }

  test("a file that vanished is not listed", async (t) => {
    const { store, root } = await filled(t);
    const keys: string[] = [];
    for await (const blob of store.list("")) {
      keys.push(blob.key);
      if (blob.key === "b/1") await unlink(join(root, "b/2"));
    }
    assert.deepEqual(keys, ["a/1", "b/1", "c/1"]);
  });

  test("a folder that vanished makes the listing fail", async (t) => {
    const { store, root } = await filled(t);
    const listing = async () => {
      for await (const blob of store.list("")) if (blob.key === "a/1") await rm(join(root, "b"), { recursive: true });
    };
    await assert.rejects(listing(), hasCode("unavailable"));
  });

  test("a root that is removed while its files are listed makes the listing fail", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    for (const name of ["1", "2", "3"]) await putBytes(store, key(name), someBytes(1));
    const listing = async () => {
      for await (const blob of store.list("")) if (blob.key === "1") await rename(root, `${root}-unmounted`);
    };
    await assert.rejects(listing(), hasCode("unavailable"));
  });

  test("a folder that became a link makes the listing fail", async (t) => {
    const { store, root } = await filled(t);
    const listing = async () => {
      for await (const blob of store.list("")) {
        if (blob.key !== "a/1") continue;
        await rename(join(root, "b"), join(root, "../b"));
        await symlink(join(root, "../b"), join(root, "b"));
      }
    };
    await assert.rejects(listing(), hasCode("unavailable"));
  });
});
