import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { isFeedctlError } from "../../../src/errors.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { Store } from "../../../src/stores/store.ts";
import { startSwapping } from "../../support/swapping.ts";
import { openTemporaryDisk } from "../../support/temporary-disk.ts";

const key = parseKey("zz/file");

/** A store whose folder `zz` is replaced by a link to the folder `private`, and back, while `act` runs. */
async function whileSwapped(t: TestContext, act: (store: Store, outside: string) => Promise<void>): Promise<void> {
  const { store, root, outside } = await openTemporaryDisk(t);
  mkdirSync(join(root, "zz"), { recursive: true });
  mkdirSync(join(outside, "private"));
  writeFileSync(join(root, "zz/file"), "shared");
  writeFileSync(join(root, "zz/kept"), "keeps the folder from being removed as empty");
  writeFileSync(join(outside, "private/file"), "secret");
  {
    await using swapping = await startSwapping(join(root, "zz"), join(outside, "private"));
    // at least as many swaps as make the race certain to be met
    while (swapping.count < 3000) await act(store, outside);
  }
  await store[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(join(outside, "private")), ["file"]);
  assert.equal(readFileSync(join(outside, "private/file"), "utf8"), "secret");
}

/** Undefined when the folder is not there at the moment, or a link. */
async function unlessSwapped<T>(action: Promise<T>): Promise<T | undefined> {
  try {
    return await action;
  } catch (error) {
    if (isFeedctlError(error, "not-found", "denied", "unavailable", "conflict", "corrupt")) return undefined;
    throw error;
  }
}

const source = (content: string) => {
  const bytes = Buffer.from(content);
  const open = async () => (await import("node:stream")).Readable.from([bytes]);
  return { size: bytes.length, open };
};

test("get and head never lead out of the store while a folder becomes a link", { timeout: 240_000 }, async (t) => {
  let tag: string | undefined;
  await whileSwapped(t, async (store) => {
    const stream = await unlessSwapped(store.get(key));
    if (stream !== undefined) assert.equal(await text(stream), "shared");
    const info = await unlessSwapped(store.head(key));
    // the file itself stays as it is, so that a second tag is that of another file
    if (info !== undefined) assert.equal((tag ??= info.tag), info.tag);
  });
});

test("put and delete never lead out of the store while a folder becomes a link", { timeout: 240_000 }, async (t) => {
  await whileSwapped(t, async (store) => {
    // the first puts of a store take another path than later ones, which threads carry out
    await Promise.all(
      Array.from({ length: 4 }, async (_, i) => {
        const inner = parseKey(`zz/new-${i}`);
        await unlessSwapped(store.put(inner, source("new"), { ifExists: "replace", durable: false }));
        await unlessSwapped(store.delete(inner));
      }),
    );
    await unlessSwapped(store.delete(key));
    await unlessSwapped(store.put(key, source("shared"), { ifExists: "replace", durable: false }));
  });
});

test("a local source below a root is never read through a link", { timeout: 240_000 }, async (t) => {
  const { store: target, outside: elsewhere } = await openTemporaryDisk(t);
  let copies = 0;
  await whileSwapped(t, async (store, outside) => {
    const path = join(outside, "store/zz/file");
    const from = {
      size: 6,
      path,
      pathRoot: join(outside, "store"),
      open: () => Promise.reject(new Error("not asked")),
    };
    const copy = parseKey(`copy-${copies++}`);
    const put = await unlessSwapped(target.put(copy, from, { ifExists: "fail", durable: false }));
    if (put !== undefined) assert.equal(readFileSync(join(elsewhere, "store", copy), "utf8"), "shared");
    assert.notEqual(store, target);
  });
});
