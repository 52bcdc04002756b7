import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { compareKeys } from "../../../src/lib/key.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { retrying } from "../../../src/stores/retry/retry.ts";
import { sorting } from "../../../src/stores/sorting/sorting.ts";
import type { Store } from "../../../src/stores/store.ts";
import { concurrently, someBytes } from "../../support/bytes.ts";
import { failing } from "../../support/failing-store.ts";
import { blobsOf, hasCode, keysOf, putBytes } from "../contract/put.ts";

const folder = await mkdtemp(join(tmpdir(), "feedctl-sorting-"));
after(() => rm(folder, { recursive: true, force: true }));
let count = 0;

/** A disk store that lists folder by folder, as a server does that keeps a tree: `a/b` before `a-b`. */
async function openTree(): Promise<Store> {
  const store = await openDiskStore({ type: "disk", path: join(folder, `store-${++count}`) });
  const inTree = (key: string) => key.replaceAll("/", "\u0000");
  return {
    ...store,
    features: { ...store.features, sortedList: false },
    async *list(prefix, options) {
      const all = [];
      for await (const blob of store.list(prefix, options)) all.push(blob);
      yield* all.sort((a, b) => compareKeys(inTree(a.key), inTree(b.key)));
    },
  };
}

const small = { folder: join(folder, "temporary"), run: 10, width: 3 };

test("blobs come out of the sort as they went in, times included", async () => {
  const tree = await openTree();
  const keys = ["a/b", "a-b", "a.b/c", "b", "a/a", "a!", "x/1", "x-1", "x/2", "c", "d", "e"].map(parseKey);
  await concurrently(4, keys, (key) => putBytes(tree, key, someBytes(3)));
  const raw = await blobsOf(tree, "");
  assert.notDeepEqual(
    raw,
    raw.toSorted((a, b) => compareKeys(a.key, b.key)),
  );
  const sorted = await blobsOf(sorting(tree, small), "");
  assert.deepEqual(
    sorted,
    raw.toSorted((a, b) => compareKeys(a.key, b.key)),
  );
  assert.deepEqual(await readdir(small.folder), []);
});

test("a listing that fails before it is sorted is read again as a whole; nothing comes before it is complete", async () => {
  const tree = await openTree();
  const keys = Array.from({ length: 30 }, (_, i) => parseKey(`${String(i % 3)}/${String(i)}`));
  await concurrently(4, keys, (key) => putBytes(tree, key, someBytes(1)));
  const cut = failing(tree, { listAfter: { entries: 25, times: 2 } });
  await assert.rejects(async () => {
    for await (const _ of sorting(cut, small).list("")) assert.fail("yielded a blob of an incomplete listing");
  });
  const again = retrying(sorting(cut, small), { delay: 1 });
  assert.deepEqual(await keysOf(again, ""), keys.toSorted(compareKeys));
  assert.equal(cut.calls.list, 3);
});

test("an interrupted listing throws, also when it is sorted already", async () => {
  const tree = await openTree();
  await concurrently(4, ["a/b", "a-b", "c"].map(parseKey), (key) => putBytes(tree, key, someBytes(1)));
  for (const limits of [small, { folder: small.folder, run: 1 }]) {
    const controller = new AbortController();
    const { signal } = controller;
    const listing = sorting(tree, limits).list("", { signal })[Symbol.asyncIterator]();
    controller.abort();
    await assert.rejects(listing.next(), hasCode("interrupted"));
  }
});
