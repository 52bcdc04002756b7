import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FeedctlError } from "../../../src/errors.ts";
import type { Key } from "../../../src/lib/key.ts";
import { deleteBlobs } from "../../../src/operations/transfer/delete-blobs.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { Store } from "../../../src/stores/store.ts";
import { keysOf, putBytes } from "../../stores/contract/put.ts";
import { failing, undeletable } from "../../support/failing-store.ts";

const { signal } = new AbortController();
const keys = ["a", "b", "c"].map((key) => parseKey(key));
const denied = new FeedctlError("denied", "no permission to delete");

async function open(t: TestContext): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), "feedctl-delete-"));
  t.after(() => rm(directory, { recursive: true }));
  const store = await openDiskStore({ type: "disk", path: directory });
  for (const key of keys) await putBytes(store, key, Buffer.from(key));
  return store;
}

/** The same store with a `deleteMany` that fails as a whole. */
const batching = (store: Store, error: FeedctlError): Store => ({
  ...store,
  deleteMany: async (batch: readonly Key[]) => {
    if (batch.length > 0) throw error;
    return [];
  },
});

const codes = (failures: { key: string; error: FeedctlError }[]) =>
  failures.map(({ key, error }) => `${key}: ${error.code}`);

test("a blob that is locked stays, and the others are deleted", async (t) => {
  const store = await open(t);
  assert.deepEqual(
    codes(
      await deleteBlobs(
        undeletable(store, (key) => key === "b"),
        keys,
        signal,
      ),
    ),
    ["b: denied"],
  );
  assert.deepEqual(await keysOf(store, ""), ["b"]);
});

test("without the permission to delete every blob is a failure, whether one by one or in a batch", async (t) => {
  const store = await open(t);
  const all = ["a: denied", "b: denied", "c: denied"];
  assert.deepEqual(
    codes(
      await deleteBlobs(
        undeletable(store, () => true),
        keys,
        signal,
      ),
    ),
    all,
  );
  assert.deepEqual(codes(await deleteBlobs(batching(store, denied), keys, signal)), all);
});

test("credentials that the store refuses altogether are the store's failure", async (t) => {
  const store = await open(t);
  const refused = failing(
    undeletable(store, () => true),
    {
      calls: [{ method: "list", nth: () => true, error: new FeedctlError("denied", "unknown credentials") }],
    },
  );
  await assert.rejects(deleteBlobs(refused, keys, signal), /the test locked/);
});

test("a blob that cannot be read by its store is a failure; an outage ends the run at the first blob", async (t) => {
  const store = await open(t);
  const bad = failing(store, { calls: [{ method: "delete", nth: 2 }] });
  assert.deepEqual(codes(await deleteBlobs(bad, keys, signal)), ["b: unavailable"]);
  const down = failing(store, {
    calls: [
      { method: "delete", nth: () => true },
      { method: "list", nth: () => true },
    ],
  });
  await assert.rejects(deleteBlobs(down, keys, signal), /made the store unavailable/);
  assert.equal(down.calls.delete, 1);
  const outage = new FeedctlError("unavailable", "the batch was not answered");
  await assert.rejects(deleteBlobs(batching(store, outage), keys, signal), outage);
});
