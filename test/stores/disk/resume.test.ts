import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { readFile, truncate, utimes, writeFile } from "node:fs/promises";
import { hash } from "node:crypto";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isTemporaryName } from "../../../src/stores/disk/names.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { checkOf } from "../../../src/stores/known-hash.ts";
import { parseKey as key } from "../../../src/stores/key.ts";
import type { BlobSource, UploadNotes } from "../../../src/stores/store.ts";
import { sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { everything, openTemporaryDisk } from "../../support/temporary-disk.ts";
import { hasCode, MIB } from "../contract/put.ts";
import { breakPut, memoryNotes } from "../contract/resume.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

const SIZE = 40 * MIB + 3;
const bytes = someBytes(SIZE);

/** A parallel source that counts the bytes read, and the most ranges that were open at once. */
function cloud(of: Buffer): BlobSource & { read: number; most: number } {
  let open = 0;
  const source = {
    size: of.length,
    parallel: true,
    read: 0,
    most: 0,
    open: async (range?: { start: number; end?: number | undefined }) => {
      const stream = await sourceOf(of).open(range);
      source.most = Math.max(source.most, ++open);
      stream.on("data", (chunk: Buffer) => (source.read += chunk.length));
      stream.pause();
      stream.on("close", () => open--);
      return stream;
    },
  };
  return source;
}

const temporaries = (root: string) => readdirSync(root).filter(isTemporaryName);
const options = { ifExists: "fail", sha256: sha256(bytes) } as const;

describe("disk put of a large blob from a cloud", () => {
  test("several ranges are read at once, each byte once", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const source = cloud(bytes);
    const put = await store.put(key("x"), source, { ifExists: "fail" });
    assert.deepEqual([put.outcome, put.sha256, source.read, source.most], ["created", sha256(bytes), SIZE, 4]);
    assert.ok((await readFile(join(root, "x"))).equals(bytes));
  });

  test("of many puts at once only some read in ranges, and all succeed", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const sources = Array.from({ length: 6 }, () => cloud(bytes));
    await Promise.all(sources.map((source, i) => store.put(key(String(i)), source, { ...options, durable: false })));
    assert.deepEqual(
      sources.map(({ most }) => most).sort((a, b) => a - b),
      [1, 1, 4, 4, 4, 4],
    );
    for (let i = 0; i < 6; i++) assert.ok((await readFile(join(root, String(i)))).equals(bytes));
  });
});

describe("disk put that is resumed", () => {
  test("only the missing bytes are read", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const notes = memoryNotes();
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    const [left] = temporaries(root);
    const there = statSync(join(root, left!)).size;
    assert.ok(there >= 20 * MIB, `${there} bytes were kept`);
    for (const parallel of [true, false]) {
      const source = { ...cloud(bytes), parallel };
      const counted = cloud(bytes);
      // of a cloud that knows both hashes; the MD5 is of the whole, not of the rest
      const md5 = hash("md5", bytes);
      const hashCheck = () => checkOf({ key: key("x"), size: SIZE, modified: new Date(), md5 }, undefined);
      const put = await store.put(key("x"), { ...source, open: counted.open, hashCheck }, { ...options, md5, notes });
      assert.deepEqual([put.outcome, put.sha256, counted.read], ["created", sha256(bytes), SIZE - there]);
      assert.ok((await readFile(join(root, "x"))).equals(bytes));
      assert.deepEqual([everything(root), notes.kept.size], [["x"], 0]);
      await store.delete(key("x"));
      await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
      const [again] = temporaries(root);
      await truncate(join(root, again!), there);
    }
  });

  test("a complete temporary file is hashed, and nothing is read", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const notes = memoryNotes();
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    await writeFile(join(root, temporaries(root)[0]!), bytes);
    const source = cloud(bytes);
    assert.equal((await store.put(key("x"), source, { ...options, notes })).outcome, "created");
    assert.equal(source.read, 0);
    assert.deepEqual([everything(root), notes.kept.size], [["x"], 0]);
  });

  test("a temporary file that was changed or is too long is discarded, and everything is read again", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    for (const [damage, extra] of [
      [(path: string) => writeFile(path, "x", { flag: "r+" }), 10 * MIB],
      [(path: string) => writeFile(path, Buffer.concat([bytes, Buffer.from("x")])), 0],
    ] as const) {
      const notes = memoryNotes();
      await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
      await damage(join(root, temporaries(root)[0]!));
      const source = cloud(bytes);
      assert.equal((await store.put(key("x"), source, { ...options, notes })).outcome, "created");
      assert.ok(source.read >= SIZE && source.read <= SIZE + extra + 4 * MIB, `${source.read} bytes were read`);
      assert.ok((await readFile(join(root, "x"))).equals(bytes));
      assert.deepEqual([everything(root), notes.kept.size], [["x"], 0]);
      await store.delete(key("x"));
    }
  });

  test("without a promised hash it starts again and deletes the temporary file", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const notes = memoryNotes();
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    const source = cloud(bytes);
    await store.put(key("x"), source, { ifExists: "fail", notes });
    assert.deepEqual([source.read, everything(root), notes.kept.size], [SIZE, ["x"], 0]);
    await breakPut(store, key("y"), bytes, { notes, at: 30 * MIB, sha256: undefined });
    assert.deepEqual([everything(root), notes.kept.size], [["x"], 0]);
  });

  test("two puts with one note do not share a file", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const notes = memoryNotes();
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    const puts = [1, 2, 3].map(() => store.put(key("x"), cloud(bytes), { ...options, notes, ifExists: "replace" }));
    await Promise.all(puts);
    assert.ok((await readFile(join(root, "x"))).equals(bytes));
    assert.deepEqual([everything(root), notes.kept.size], [["x"], 0]);
  });

  test("a left temporary file is swept when it is old, not before, and the next put succeeds", async (t) => {
    const { store, root } = await openTemporaryDisk(t);
    const notes = memoryNotes();
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    const [left] = temporaries(root);
    await utimes(join(root, left!), new Date(0), new Date(0));
    assert.equal(await sweepUnfinished(store, new Date(Date.now() - 60_000)), 0);
    assert.equal(await sweepUnfinished(store, new Date(Date.now() + 60_000)), 1);
    assert.equal((await store.put(key("x"), cloud(bytes), { ...options, notes })).outcome, "created");
    assert.equal(notes.kept.size, 0);
  });

  test("after SIGKILL the next process appends to the temporary file", async (t) => {
    const { root, outside } = await openTemporaryDisk(t);
    const note = join(outside, "note");
    const script = `
      const { openDiskStore } = await import(${JSON.stringify(import.meta.resolve("../../../src/stores/disk/store.ts"))});
      const { someBytes, sha256, sourceOf } = await import(${JSON.stringify(import.meta.resolve("../../support/bytes.ts"))});
      const { writeFileSync } = await import("node:fs");
      const store = await openDiskStore({ type: "disk", path: ${JSON.stringify(root)} });
      const bytes = someBytes(${SIZE});
      const notes = { save: async (_, text) => writeFileSync(${JSON.stringify(note)}, text), load: async () => {}, drop: async () => {} };
      const source = { ...sourceOf(bytes, { fault: { at: ${30 * MIB} } }), parallel: true };
      setInterval(() => {}, 1000);
      await store.put("dir/x", source, { ifExists: "fail", sha256: sha256(bytes), notes });`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" });
    t.after(() => child.kill("SIGKILL"));
    const folder = join(root, "dir");
    const size = () => {
      const [left] = existsSync(folder) ? temporaries(folder) : [];
      return left === undefined ? 0 : statSync(join(folder, left)).size;
    };
    while (size() < 16 * MIB && child.exitCode === null) await sleep(20);
    child.kill("SIGKILL");
    await once(child, "exit");
    const there = size();
    assert.ok(there >= 16 * MIB && there < SIZE, `${there} bytes are there`);
    assert.match(readFileSync(note, "utf8"), new RegExp(basename(temporaries(folder)[0]!).replaceAll(".", "\\.")));

    const source = cloud(bytes);
    const kept: UploadNotes = {
      load: async () => (existsSync(note) ? readFileSync(note, "utf8") : undefined),
      save: async () => {},
      drop: async () => {},
    };
    await using store = await openDiskStore({ type: "disk", path: root });
    await assert.rejects(store.get(key("dir/x")), hasCode("not-found"));
    assert.equal((await store.put(key("dir/x"), source, { ...options, notes: kept })).outcome, "created");
    assert.equal(source.read, SIZE - there);
    assert.ok((await readFile(join(root, "dir/x"))).equals(bytes));
    assert.deepEqual(everything(root), ["dir", "dir/x"]);
  });
});
