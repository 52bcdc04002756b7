import assert from "node:assert/strict";
import { concurrently, readAll, someBytes } from "../../support/bytes.ts";
import type { Key } from "../../../src/lib/key.ts";
import type { Store } from "../../../src/stores/store.ts";
import type { ContractCase } from "./contract.ts";
import { hasCode, keysOf, putBytes } from "./put.ts";

/** Deletes with `deleteMany`, and throws why the first blob was not deleted. */
export async function deleteAll(store: Store, keys: readonly Key[]): Promise<void> {
  assert.ok(store.deleteMany !== undefined);
  for (const { error } of await store.deleteMany(keys)) throw error;
}

export const deleteCases = {
  "delete removes one blob and leaves its neighbours": {
    async run({ store, key, prefix }) {
      for (const name of ["a/b", "a/bc", "a/b.txt", "ab"]) await putBytes(store, key(name), someBytes(1));
      await store.delete(key("a/b"));
      assert.equal(await store.head(key("a/b")), undefined);
      assert.deepEqual((await keysOf(store, prefix)).sort(), ["a/b.txt", "a/bc", "ab"].map(key));
    },
  },
  "delete of a missing blob succeeds": {
    async run({ store, key }) {
      await putBytes(store, key("a/b"), someBytes(1));
      await store.delete(key("a/b"));
      await store.delete(key("a/b"));
      await store.delete(key("never/was/there"));
      assert.equal(await store.head(key("a/b")), undefined);
    },
  },
  "a deleted key can be created again": {
    async run({ store, key }) {
      await putBytes(store, key("a/b"), someBytes(10, 1));
      await store.delete(key("a/b"));
      assert.equal(await putBytes(store, key("a/b"), someBytes(10, 2)), "created");
      assert.deepEqual(await readAll(await store.get(key("a/b"))), someBytes(10, 2));
    },
  },
  "deleteMany removes 1,005 keys, missing ones included": {
    async run({ store, key, prefix, t }) {
      if (store.deleteMany === undefined) return t.skip("the store has no deleteMany");
      const keys = Array.from({ length: 1_005 }, (_, i) => key(`d/${String(i % 5)}/a & b+%41<${String(i)}>`));
      const present = keys.filter((_, i) => i % 9 === 0);
      await concurrently(16, [...present, key("kept")], (each) => putBytes(store, each, someBytes(1)));
      assert.deepEqual(await store.deleteMany(keys), []);
      assert.deepEqual(await keysOf(store, prefix), [key("kept")]);
      assert.deepEqual(await store.deleteMany(keys), []);
      assert.deepEqual(await store.deleteMany([]), []);
      await assert.rejects(store.deleteMany([key("kept")], { signal: AbortSignal.abort() }), hasCode("interrupted"));
      assert.deepEqual(await keysOf(store, prefix), [key("kept")]);
    },
  },
  "puts and deletes in one folder do not disturb each other": {
    async run({ store, key, prefix }) {
      const kept = Array.from({ length: 40 }, (_, i) => key(`dir/sub/kept-${String(i)}`));
      await concurrently(8, kept.keys(), async (i) => {
        await putBytes(store, key(`dir/sub/gone-${String(i)}`), someBytes(1));
        await Promise.all([store.delete(key(`dir/sub/gone-${String(i)}`)), putBytes(store, kept[i]!, someBytes(1))]);
        if (i % 2 === 0) await store.delete(kept[i]!);
      });
      const expected = kept.filter((_, i) => i % 2 === 1);
      assert.deepEqual((await keysOf(store, prefix)).sort(), expected.sort());
    },
  },
} satisfies Record<string, ContractCase>;
