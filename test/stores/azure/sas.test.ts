import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { AccountSASPermissions, BlobServiceClient } from "@azure/storage-blob";
import { FeedctlError } from "../../../src/errors.ts";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { startAzurite, type Azurite } from "../../support/azurite.ts";
import { readAll, someBytes } from "../../support/bytes.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { deleteAll } from "../contract/delete.ts";

let azurite: Azurite;
before(async () => {
  azurite = await startAzurite({ own: true });
});
after(() => azurite.stop());

const KEY = parseKey("dir/a b+c%41.bin");

/** A store whose connection string has a shared access signature for the account. */
async function openSigned(permissions: string, expires: Date, container = `test-${randomUUID()}`) {
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  const url = new URL(service.generateAccountSasUrl(expires, AccountSASPermissions.parse(permissions), "sco"));
  const endpoint = url.origin + url.pathname;
  const connectionString = `BlobEndpoint=${endpoint};SharedAccessSignature=${url.search.slice(1)}`;
  return {
    container,
    secret: url.searchParams.get("sig")!,
    store: await openAzureStore({ type: "azure", container, connectionString }),
  };
}

const inAnHour = () => new Date(Date.now() + 3_600_000);

test("a store with a shared access signature puts, lists, reads, copies and creates URLs", async () => {
  const { store, container } = await openSigned("rwdlac", inAnHour());
  await azurite.createContainer(container);
  for (const length of [100, 20 * MIB]) {
    const bytes = someBytes(length);
    await putBytes(store, KEY, bytes, { ifExists: "replace" });
    const blob = (await store.head(KEY))!;
    assert.ok((await readAll(await store.get(KEY, { known: blob }))).equals(bytes));
    const from = store.remote!(blob);
    assert.equal(
      (await store.copyFrom!(parseKey("copy"), from, { ifExists: "replace" }))?.outcome,
      length === 100 ? "created" : "replaced",
    );
    assert.equal((await (await fetch((await from.url())!)).arrayBuffer()).byteLength, length);
  }
  assert.deepEqual(await keysOf(store, ""), ["copy", KEY]);
});

test("with an expired shared access signature every call is denied, and the message has its end", async () => {
  const expired = new Date(Date.now() - 60_000);
  const { store, container, secret } = await openSigned("rwdlac", expired);
  await azurite.createContainer(container);
  const end = new Date(Math.floor(expired.getTime() / 1000) * 1000).toISOString();
  const from = { blob: { key: KEY, size: 1, modified: expired, tag: "x" }, url: async () => undefined };
  for (const [name, run] of Object.entries({
    head: () => store.head(KEY),
    get: () => store.get(KEY),
    put: () => putBytes(store, KEY, someBytes(10)),
    "large put": () => putBytes(store, KEY, someBytes(9 * MIB)),
    list: () => keysOf(store, ""),
    delete: () => store.delete(KEY),
    deleteMany: () => deleteAll(store, [KEY]),
  })) {
    await assert.rejects(run(), (error) => {
      assert.ok(error instanceof FeedctlError, inspect(error));
      assert.equal(error.code, "denied", name);
      assert.ok(error.message.endsWith(`the shared access signature expired at ${end}`), error.message);
      assert.match(error.hint ?? "", /make a new one/);
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(secret));
      return true;
    });
  }
  assert.equal(await store.copyFrom!(KEY, from, { ifExists: "fail" }), undefined);
});

test("the server's clock decides whether it has expired", async (t) => {
  const answer = { date: new Date(Date.now() - 7_200_000).toUTCString(), "x-ms-error-code": "AuthenticationFailed" };
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(403, answer).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const end = new Date(Date.now() - 60_000).toISOString();
  const { port } = server.address() as AddressInfo;
  const connectionString = `BlobEndpoint=http://127.0.0.1:${port}/x;SharedAccessSignature=sv=2024-11-04&se=${end}&sig=AAAA`;
  const store = await openAzureStore({ type: "azure", container: "packages", connectionString });
  await assert.rejects(store.head(KEY), (error: FeedctlError) => !error.message.includes("expired"));
  answer.date = new Date().toUTCString();
  await assert.rejects(store.head(KEY), (error: FeedctlError) => error.message.includes(`expired at ${end}`));
});

test("a refusal names the term of the signature, and what Azure says", async (t) => {
  let answer = { code: "", status: 403, body: "" };
  const server = createServer((request, response) => {
    request.resume();
    const body = `<?xml version="1.0"?><Error><Code>${answer.code}</Code>${answer.body}</Error>`;
    const headers = { "content-type": "application/xml", "x-ms-error-code": answer.code };
    response.writeHead(answer.status, headers).end(request.method === "HEAD" ? undefined : body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const detail = "Signature fields not well formed. Server used following string to sign: [x?sig=AAAA]";
  const cases = [
    { sas: `st=${later}`, code: "AuthenticationFailed", says: `is not valid before ${later} (st)` },
    { sas: "sip=10.0.0.1", code: "AuthorizationSourceIPMismatch", says: "only for the address 10.0.0.1 (sip)" },
    { sas: "spr=https", code: "AuthorizationProtocolMismatch", says: "only for https (spr)" },
    { sas: "ss=q", code: "AuthorizationServiceMismatch", says: "not for blobs (ss=q)" },
    { sas: "sr=b&sp=r", code: "AuthorizationFailure", says: "only for one blob (sr=b)" },
    { sas: "srt=s", code: "AuthorizationResourceTypeMismatch", says: "only for the service (srt=s)" },
    { sas: "sp=rw", code: "AuthorizationPermissionMismatch", says: "does not allow to list (sp=rw)" },
    {
      sas: "sp=rl",
      code: "AuthenticationFailed",
      body: `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail>`,
      says: "authentication failed: Signature fields not well formed",
    },
    {
      sas: "sp=rl",
      code: "FeatureOfTomorrow",
      status: 400,
      body: "<Message>The account is on holiday.\nRequestId:1</Message>",
      says: "(FeatureOfTomorrow 400: The account is on holiday)",
    },
  ];
  for (const { sas, says, ...rest } of cases) {
    answer = { status: 403, body: "", ...rest };
    const connectionString = `BlobEndpoint=http://127.0.0.1:${port}/x;SharedAccessSignature=sv=2024-11-04&${sas}&sig=AAAA`;
    const store = await openAzureStore({ type: "azure", container: "packages", connectionString });
    await assert.rejects(keysOf(store, ""), (error: FeedctlError) => {
      assert.ok(error.message.includes(says), `${says}: ${error.message}`);
      assert.ok(!inspect(error, { depth: 10 }).includes("AAAA"));
      return true;
    });
  }
});

test("with a signature that may only write, a large put with notes sends every block", async () => {
  const { store, container } = await openSigned("wc", inAnHour());
  const client = await azurite.createContainer(container);
  const kept = { load: async () => undefined, save: async () => {}, drop: async () => {} };
  // With `replaces`, because a `head` would be denied.
  const options = { ifExists: "replace", replaces: false, notes: kept } as const;
  assert.equal(await putBytes(store, KEY, someBytes(9 * MIB), options), "created");
  assert.equal((await client.getBlockBlobClient(KEY).getProperties()).contentLength, 9 * MIB);
  await assert.rejects(keysOf(store, ""), hasCode("denied"));
});
