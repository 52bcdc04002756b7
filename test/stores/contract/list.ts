import assert from "node:assert/strict";
import { compareKeys, MARKER_KEY, probeKey, PROBES } from "../../../src/lib/key.ts";
import type { Key } from "../../../src/lib/key.ts";
import { concurrently, someBytes } from "../../support/bytes.ts";
import type { ContractCase, ContractContext } from "./contract.ts";
import { blobsOf, hasCode, keysOf, putBytes } from "./put.ts";

/** Names whose UTF-8 byte order differs from the order of UTF-16 units, of folders walked one by one, or of a locale. */
const tricky = [
  "dir/x",
  "dir/x-y",
  "dir-2/x",
  "dir.x",
  "dir0",
  "dir/a/b",
  "dir/a-b",
  "dir/a.b/c",
  "dir!/x",
  "\uff5e",
  "😀",
  "\uff5e1/x",
  "😀1/x",
  "\ue000",
  "é",
  "e\u0301",
  "z",
  "Z",
  "a",
  "B",
  "_",
  "~",
  "10",
  "9",
  "a b",
  "a+b",
];

/** More blobs than one page of any provider's listing. */
const MANY = 1_050;

async function putMany({ store, key }: ContractContext): Promise<Key[]> {
  const keys = Array.from({ length: MANY }, (_, i) => key(`many/${String(i % 7)}/${String(i)}`));
  await concurrently(16, keys, (each) => putBytes(store, each, Buffer.from(each)));
  return keys;
}

export const listCases = {
  "an empty store lists nothing": {
    async run({ openEmpty }) {
      const store = await openEmpty();
      assert.deepEqual(await keysOf(store, ""), []);
      assert.deepEqual(await keysOf(store, "any/"), []);
    },
  },
  "a probe is listed only below a prefix that reaches into the folder of probes": {
    async run({ openEmpty, key }) {
      const store = await openEmpty();
      const probe = probeKey(Buffer.from("8 bytes!"), "x");
      const other = `${PROBES}x` as Key;
      for (const each of [probe, other, key("a")]) await putBytes(store, each, someBytes(1));
      assert.deepEqual(await keysOf(store, ""), [key("a"), other]);
      assert.deepEqual(await keysOf(store, "feedctl-"), [other]);
      assert.deepEqual(await keysOf(store, PROBES), [probe, other]);
      assert.deepEqual(await keysOf(store, probe), [probe]);
      await store.delete(probe);
      assert.deepEqual(await keysOf(store, PROBES), [other]);
    },
  },
  "a whole store lists from the empty prefix": {
    async run({ openEmpty, key }) {
      const store = await openEmpty();
      await putBytes(store, key("a/b"), someBytes(1));
      assert.deepEqual(await keysOf(store, ""), [key("a/b")]);
    },
  },
  "markers of stores are not listed, at any depth, and are not foreign; the root's can be read, written and deleted": {
    async run({ openEmpty, key }) {
      const store = await openEmpty();
      const foreign: string[] = [];
      assert.equal(await putBytes(store, MARKER_KEY, someBytes(5)), "created");
      await putBytes(store, `inner/${MARKER_KEY}` as Key, someBytes(5)).catch(() => {}); // a disk refuses the name
      await putBytes(store, key("a/b"), someBytes(1));
      const listed = [];
      for await (const blob of store.list("", { onForeign: (name) => foreign.push(name) })) listed.push(blob.key);
      assert.deepEqual([listed, foreign], [[key("a/b")], []]);
      assert.equal((await store.head(MARKER_KEY))?.size, 5);
      await store.delete(MARKER_KEY);
      assert.equal(await store.head(MARKER_KEY), undefined);
    },
  },
  "a listing has the size, time and tag that head returns": {
    async run({ store, key, prefix }) {
      await putBytes(store, key("x"), someBytes(123));
      const head = await store.head(key("x"));
      const blobs = await blobsOf(store, prefix);
      assert.equal(blobs.length, 1);
      assert.deepEqual([blobs[0]?.key, blobs[0]?.size, blobs[0]?.tag], [key("x"), 123, head?.tag]);
      assert.ok(Math.abs(blobs[0]!.modified.getTime() - head!.modified.getTime()) < 2000);
    },
  },
  "a listing of more than one page is complete": {
    async run(context) {
      const keys = await putMany(context);
      const listed = await keysOf(context.store, context.prefix);
      assert.deepEqual([...listed].sort(compareKeys), [...keys].sort(compareKeys));
      if (context.store.features.sortedList) assert.deepEqual(listed, [...listed].sort(compareKeys), "out of order");

      // With the same blobs: an aborted listing must throw, never just end.
      const controller = new AbortController();
      const abortAfterTheFirst = async () => {
        for await (const blob of context.store.list(context.prefix, { signal: controller.signal })) {
          assert.ok(blob.key.startsWith(context.prefix));
          controller.abort();
        }
      };
      await assert.rejects(abortAfterTheFirst(), hasCode("interrupted"));
    },
  },
  "keys come in UTF-8 byte order": {
    needs: "sortedList",
    async run({ store, key, prefix }) {
      const keys = [...new Set(tricky)].map(key);
      await concurrently(8, keys, (each) => putBytes(store, each, someBytes(1)));
      const expected = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(await keysOf(store, prefix), expected);
    },
  },
  "a prefix is a string, not a folder": {
    async run({ store, key }) {
      const keys = ["a/b.txt", "a/b/c", "a/b/d/e", "a/bc", "a/c", "ab"].map(key);
      for (const each of keys) await putBytes(store, each, someBytes(1));
      const listed = async (prefix: string) => (await keysOf(store, key(prefix))).sort(compareKeys);
      assert.deepEqual(await listed("a/b"), keys.slice(0, 4));
      assert.deepEqual((await keysOf(store, `${key("a/b")}/`)).sort(compareKeys), keys.slice(1, 3));
      assert.deepEqual(await listed("a"), keys);
      assert.deepEqual(await listed("a/b/c"), [key("a/b/c")]);
      assert.deepEqual(await listed("a/bcd"), []);
      assert.deepEqual(await listed("missing/deep"), []);
    },
  },
  "a consumer may stop a listing early": {
    async run({ store, key, prefix }) {
      for (const name of ["a", "b/c", "d"]) await putBytes(store, key(name), someBytes(1));
      for await (const blob of store.list(prefix)) {
        assert.ok(blob.key.startsWith(prefix));
        break;
      }
      assert.equal((await keysOf(store, prefix)).length, 3);
    },
  },
} satisfies Record<string, ContractCase>;
