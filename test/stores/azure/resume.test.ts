import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { startAzurite, type Azurite } from "../../support/azurite.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { breakPut, memoryNotes } from "../contract/resume.ts";
import { hasCode, MIB, putBytes } from "../contract/put.ts";

const LARGE = 40 * MIB + 3;
const KEY = parseKey("dir/large.bin");

let azurite: Azurite;
before(async () => {
  azurite = await startAzurite({ own: true });
});
after(() => azurite.stop());

/** A store behind a proxy that counts the blocks. After `limit` blocks it responds like a server that is down. */
async function openCounted() {
  const endpoint = new URL(/BlobEndpoint=([^;]+)/.exec(azurite.connectionString)![1]!);
  const counted = { blocks: 0, lists: 0, limit: Infinity };
  const proxy = createServer((incoming, outgoing) => {
    const url = incoming.url ?? "";
    const isBlock = url.includes("comp=block&");
    if (url.includes("comp=blocklist") && incoming.method === "GET") counted.lists++;
    if (isBlock && counted.blocks >= counted.limit) {
      incoming.resume().on("end", () => outgoing.writeHead(400, { "x-ms-error-code": "OutOfRangeInput" }).end());
      return;
    }
    if (isBlock) counted.blocks++;
    const { hostname, port } = endpoint;
    const { method, headers } = incoming;
    const onward = forward({ hostname, port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const container = `test-${randomUUID()}`;
  const client = await azurite.createContainer(container);
  const port = (proxy.address() as AddressInfo).port;
  const connectionString = azurite.connectionString.replace(endpoint.host, `127.0.0.1:${port}`);
  return {
    counted,
    client,
    store: await openAzureStore({ type: "azure", container, connectionString }),
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

test("a put after an interrupted one sends only the missing blocks", async () => {
  await using opened = await openCounted();
  const { store, counted } = opened;
  const bytes = someBytes(LARGE);
  counted.limit = 3;
  await assert.rejects(putBytes(store, KEY, bytes, { notes: memoryNotes() }), hasCode("invalid"));
  assert.equal(counted.blocks, 3);
  assert.equal(await store.head(KEY), undefined);
  counted.limit = Infinity;
  assert.equal(await putBytes(store, KEY, bytes, { notes: memoryNotes() }), "created");
  assert.equal(counted.blocks, 6, "three of the six blocks were there");
  assert.ok((await readAll(await store.get(KEY))).equals(bytes));
});

test("when the source fails, blocks in flight are completed", async () => {
  await using opened = await openCounted();
  const { store, counted } = opened;
  const bytes = someBytes(LARGE);
  await breakPut(store, KEY, bytes, { notes: memoryNotes(), at: 33 * MIB });
  const sent = counted.blocks;
  assert.equal(sent, 4, "those that were read whole");
  assert.equal(await putBytes(store, KEY, bytes, { notes: memoryNotes() }), "created");
  assert.equal(counted.blocks, 6);
});

test("a put of other bytes to the same key sends all blocks that differ", async () => {
  await using opened = await openCounted();
  const { store, counted } = opened;
  const bytes = someBytes(LARGE);
  await breakPut(store, KEY, bytes, { notes: memoryNotes(), at: 33 * MIB });
  const changed = Buffer.from(bytes);
  changed[9 * MIB] = changed[9 * MIB]! ^ 1;
  assert.equal(await putBytes(store, KEY, changed, { notes: memoryNotes() }), "created");
  assert.equal(counted.blocks, 4 + 3, "the second block and the two that never came");
  assert.ok((await readAll(await store.get(KEY))).equals(changed));
});

test("without notes every block is sent, and staged blocks are not listed", async () => {
  await using opened = await openCounted();
  const { store, counted } = opened;
  const bytes = someBytes(LARGE);
  await breakPut(store, KEY, bytes, { at: 33 * MIB });
  counted.blocks = 0;
  assert.equal(await putBytes(store, KEY, bytes), "created");
  assert.deepEqual([counted.blocks, counted.lists], [6, 0]);
});

test("blocks that a concurrent commit has discarded are sent again", async () => {
  await using opened = await openCounted();
  const { store, counted, client } = opened;
  const bytes = someBytes(LARGE);
  await breakPut(store, KEY, bytes, { notes: memoryNotes(), at: 33 * MIB });
  const other = client.getBlockBlobClient(KEY);
  // Between listing the blocks and committing ours: when the first new block is sent.
  let meddled = false;
  const source = sourceOf(bytes);
  const open: typeof source.open = async (range) => {
    if (!meddled) {
      meddled = true;
      await other.commitBlockList([]);
    }
    return source.open(range);
  };
  const put = await store.put(
    KEY,
    { size: source.size, open },
    {
      ifExists: "replace",
      sha256: sha256(bytes),
      notes: memoryNotes(),
    },
  );
  assert.equal(put.outcome, "created");
  assert.ok((await readAll(await store.get(KEY))).equals(bytes));
  assert.equal(counted.blocks, 4 + 2 + 4, "the second attempt found those of the first alone");
});

test("two large puts of the same bytes at once both succeed", async () => {
  await using opened = await openCounted();
  const { store } = opened;
  const bytes = someBytes(LARGE);
  const put = () => putBytes(store, KEY, bytes, { ifExists: "replace", replaces: false, notes: memoryNotes() });
  assert.deepEqual(await Promise.all([put(), put()]), ["created", "created"]);
  assert.ok((await readAll(await store.get(KEY))).equals(bytes));
});

test("a source that is read in parallel ranges gives the same blocks", async () => {
  await using opened = await openCounted();
  const { store, counted } = opened;
  const bytes = someBytes(LARGE);
  await breakPut(store, KEY, bytes, { notes: memoryNotes(), at: 33 * MIB });
  const source = Object.assign(sourceOf(bytes), { parallel: true });
  const { outcome } = await store.put(KEY, source, { ifExists: "fail", sha256: sha256(bytes), notes: memoryNotes() });
  assert.equal(outcome, "created");
  assert.equal(source.opened(), 6);
  assert.equal(counted.blocks, 6);
  assert.ok((await readAll(await store.get(KEY))).equals(bytes));
});

test("blocks that another tool staged and never committed do not stop an upload, and are discarded by it", async () => {
  const container = `test-${randomUUID()}`;
  const client = await azurite.createContainer(container);
  await using store = await openAzureStore({ type: "azure", container, connectionString: azurite.connectionString });
  const bytes = someBytes(9 * MIB);
  for (const [name, notes] of [
    ["one", undefined],
    ["two", memoryNotes()],
  ] as const) {
    const blob = client.getBlockBlobClient(name);
    await blob.stageBlock(Buffer.from("block001").toString("base64"), "abc", 3);
    assert.equal(await putBytes(store, parseKey(name), bytes, { notes }), "created");
    assert.ok((await readAll(await store.get(parseKey(name)))).equals(bytes));
    assert.deepEqual((await blob.getBlockList("uncommitted")).uncommittedBlocks ?? [], []);
  }
  const short = client.getBlockBlobClient("short");
  await short.stageBlock(Buffer.from("1").toString("base64"), "abc", 3);
  await assert.rejects(putBytes(store, parseKey("short"), bytes), hasCode("conflict"));
});
