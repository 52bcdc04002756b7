import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import { BlobServiceClient } from "@azure/storage-blob";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { openStore } from "../../../src/stores/providers.ts";
import { sorting } from "../../../src/stores/sorting/sorting.ts";
import { startAzurite } from "../../support/azurite.ts";
import { readAll, sha256, someBytes } from "../../support/bytes.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { storeContract } from "../contract/contract.ts";

const azurite = await startAzurite({ own: true });
after(() => azurite.stop());

async function openContainer(targetPath?: string) {
  const container = `test-${randomUUID()}`;
  const client = await azurite.createContainer(container);
  const { connectionString } = azurite;
  const config = { type: "azure", container, connectionString, targetPath } as const;
  return { client, config, store: await openAzureStore(config) };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const altered =
  "Azure itself alters backslashes and dots at the end of a segment; put refuses such keys (tested below)";

storeContract("azure", {
  async open() {
    const { client, store } = await openContainer("/a b//");
    return { store: sorting(store, { folder: tmpdir() }), cleanup: async () => void (await client.deleteIfExists()) };
  },
  lacks: {
    "a key with a backslash": altered,
    "a key with a trailing dot": altered,
    "a key of three dots": altered,
    ...(azurite.own && {
      "a copy is described by the options, not by its source":
        "Azurite has no Put Blob From URL, the only copy that changes headers (copy.test.ts tests it with a fake)",
    }),
  },
});

test("keys that Azure would alter are refused, and never reach the blob of the altered name", async () => {
  const { store } = await openContainer();
  for (const key of ["a/b", "dir/c"]) await putBytes(store, parseKey(key), someBytes(10));
  for (const key of ["a\\b", "a/b.", "a/b..", "dir./c", ".../a"].map(parseKey)) {
    await assert.rejects(putBytes(store, key, someBytes(10, 2), { ifExists: "replace" }), hasCode("invalid"));
    assert.equal(await store.head(key), undefined);
    await assert.rejects(store.get(key), hasCode("not-found"));
    await store.delete(key);
    await store.deleteMany!([key]);
  }
  assert.deepEqual(await keysOf(store, ""), ["a/b", "dir/c"]);
});

test("deleteMany deletes all but a blob with a lease, and says why it stays", async () => {
  const { store, client } = await openContainer();
  const keys = ["a", "leased", "z"].map((key) => parseKey(key));
  for (const key of keys) await putBytes(store, key, someBytes(1));
  await client.getBlobClient("leased").getBlobLeaseClient().acquireLease(60);
  const failures = await store.deleteMany!(keys);
  assert.deepEqual(
    failures.map(({ key }) => key),
    ["leased"],
  );
  assert.match(failures[0]!.error.message, /lease/);
  assert.deepEqual(await keysOf(store, ""), ["leased"]);
});

test("a listing out of order is corrupt where the service is known to sort, and sorted elsewhere", async (t) => {
  if (!azurite.own) return t.skip("needs Azurite, which lists in the order of UTF-16 units");
  const { store, config } = await openContainer();
  for (const key of ["\uff5e", "😀"]) await putBytes(store, parseKey(key), someBytes(1));
  assert.equal(store.features.sortedList, false);
  assert.deepEqual(await keysOf(await openStore(config), ""), ["\uff5e", "😀"]);
  await assert.rejects(keysOf(await openAzureStore(config, { known: { sortedList: true } }), ""), hasCode("corrupt"));
});

test("soft deletes and the order of listings are found, and no probe stays", async (t) => {
  if (!azurite.own) return t.skip("changes the settings of the account");
  const { store, client } = await openContainer("top");
  const folder = "feedctl-probe/x/";
  const plain = { softDeleteDays: 0, lock: { mode: "off" }, versioning: "off", sortedList: false };
  assert.deepEqual(await store.examine!({ folder }), plain);
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 7 } });
  try {
    assert.deepEqual(await store.examine!({ folder }), { ...plain, softDeleteDays: 7 });
  } finally {
    await service.setProperties({ deleteRetentionPolicy: { enabled: false } });
  }
  assert.deepEqual(await collect(client.listBlobsFlat()), []);
});

test("keys beyond the BMP are listed among others", async () => {
  const { store } = await openContainer();
  for (const key of ["😀", "é", "a"]) await putBytes(store, parseKey(key), someBytes(1));
  assert.deepEqual(await keysOf(store, ""), ["a", "é", "😀"]);
});

test("names that are not valid keys are reported as foreign", async () => {
  const { client, store } = await openContainer("top");
  const names = ["top/", "top/a//b", "top/a/", "top/folder", "top/ok", "topmost", "other"];
  for (const name of names) {
    const metadata: Record<string, string> = name === "top/folder" ? { hdi_isfolder: "true" } : {};
    await client.getBlockBlobClient(name).upload("", 0, { metadata });
  }
  const foreign: string[] = [];
  const keys: string[] = [];
  for await (const blob of store.list("", { onForeign: (name) => foreign.push(name) })) keys.push(blob.key);
  assert.deepEqual(keys, ["ok"]);
  assert.deepEqual(foreign, ["", "a/", "a//b", "folder/"]);
});

test("concurrent large uploads of one blob never mix their blocks", async () => {
  const { store } = await openContainer();
  const contents = Array.from({ length: 3 }, (_, i) => someBytes(9 * MIB + i, i + 1));
  const key = parseKey("x");
  await putBytes(store, key, someBytes(1));
  const outcomes = await Promise.all(contents.map((bytes) => putBytes(store, key, bytes, { ifExists: "replace" })));
  assert.deepEqual(outcomes, ["replaced", "replaced", "replaced"]);
  const final = await readAll(await store.get(key));
  assert.ok(contents.some((bytes) => bytes.equals(final)));
});

test("a blob of another tool is compared by its MD5, or by its bytes", async () => {
  const { client, store } = await openContainer();
  const bytes = someBytes(1000);
  const key = parseKey("x");
  const md5 = createHash("md5").update(bytes).digest();
  const wrongMd5 = createHash("md5").update("stale").digest();
  for (const blobContentMD5 of [md5, wrongMd5, undefined]) {
    const blob = client.getBlockBlobClient(key);
    await blob.stageBlock("AAAA", bytes, bytes.length);
    await blob.commitBlockList(["AAAA"], blobContentMD5 === undefined ? {} : { blobHTTPHeaders: { blobContentMD5 } });
    assert.equal(await putBytes(store, key, bytes), "unchanged");
    await assert.rejects(putBytes(store, key, someBytes(1000, 2)), hasCode("conflict"));
  }
});

test("metadata of other tools is returned unchanged, with lower-case names", async () => {
  const { client, store } = await openContainer();
  const metadata = { Foo_bar: "baz", __x: "utf-8''%zz", mtime: "never", sha256: "short" };
  await client.getBlockBlobClient("x").upload("", 0, { metadata });
  const expected = { foo_bar: "baz", __x: "utf-8''%zz", mtime: "never", sha256: "short" };
  assert.deepEqual((await store.head(parseKey("x")))?.metadata, expected);
  const [listed] = await collect(store.list(""));
  assert.deepEqual(listed?.metadata, expected);
  assert.equal(listed?.sha256, undefined);
});

test("user metadata may have the names of feedctl's own entries", async () => {
  const { store } = await openContainer();
  const metadata = { sha256: "mine", mtime: "mine too", hdi_isfolder: "true", "": "no name", "1st": "digit" };
  await putBytes(store, parseKey("x"), someBytes(10), { metadata });
  const [listed] = await collect(store.list(""));
  assert.deepEqual(listed?.metadata, metadata);
  assert.equal(listed?.sha256, sha256(someBytes(10)));
});

test("a blob with snapshots is deleted with them", async () => {
  const { client, store } = await openContainer();
  for (const key of ["x", "y"].map(parseKey)) {
    await putBytes(store, key, someBytes(1));
    await client.getBlockBlobClient(key).createSnapshot();
  }
  await store.delete(parseKey("x"));
  await store.deleteMany!([parseKey("y")]);
  assert.deepEqual(await collect(client.listBlobsFlat({ includeSnapshots: true })), []);
});
