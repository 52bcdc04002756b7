import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { inspect } from "node:util";
import { FeedctlError } from "../../../src/errors.ts";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { Store } from "../../../src/stores/store.ts";
import { startAzurite } from "../../support/azurite.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { startCuttingProxy } from "../../support/cutting-proxy.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { deleteAll } from "../contract/delete.ts";

const azurite = await startAzurite({ own: true });
after(() => azurite.stop());

const KEY = parseKey("a/b");
const SECRET = randomBytes(64).toString("base64");

function open(connectionString: string, container = "packages"): Promise<Store> {
  return openAzureStore({ type: "azure", container, connectionString });
}

function connection(parts: { key?: string; endpoint?: string }): string {
  let text = azurite.connectionString;
  if (parts.key !== undefined) text = text.replace(/AccountKey=[^;]+/, `AccountKey=${parts.key}`);
  if (parts.endpoint !== undefined) text = text.replace(/BlobEndpoint=[^;]+/, `BlobEndpoint=${parts.endpoint}`);
  return text;
}

/** Every call of the store, for failures that all calls must report alike. */
function everyCall(store: Store): Record<string, () => Promise<unknown>> {
  const bytes = someBytes(9 * MIB);
  return {
    head: () => store.head(KEY),
    get: () => store.get(KEY),
    put: () => putBytes(store, KEY, bytes.subarray(0, 10)),
    "large put": () => putBytes(store, KEY, bytes),
    replace: () => putBytes(store, KEY, bytes.subarray(0, 10), { ifExists: "replace" }),
    list: () => keysOf(store, ""),
    delete: () => store.delete(KEY),
    deleteMany: () => deleteAll(store, [KEY]),
  };
}

async function rejection(promise: Promise<unknown>): Promise<FeedctlError> {
  const error = await promise.then(
    () => assert.fail("expected a rejection"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FeedctlError, inspect(error));
  return error;
}

function holdsNoSecret(error: FeedctlError, ...secrets: string[]): void {
  const all = inspect(error, { depth: 10, showHidden: true });
  for (const secret of secrets) assert.ok(!all.includes(secret), all);
  assert.doesNotMatch(all, /SharedKey |authorization["']?\s*[:=]/i);
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("with a wrong account key every call is denied, and no message contains the key", async () => {
  await using store = await open(connection({ key: SECRET }), "some-container");
  for (const [name, run] of Object.entries(everyCall(store))) {
    const error = await rejection(run());
    assert.equal(error.code, "denied", `${name}: ${error.message}`);
    assert.match(error.hint ?? "", /account key/, name);
    holdsNoSecret(error, SECRET, SECRET.slice(0, 20));
  }
});

test("with a missing container every call is not-found, also those that return undefined for a missing blob", async () => {
  await using store = await open(azurite.connectionString, "not-there");
  for (const [name, run] of Object.entries(everyCall(store))) {
    const error = await rejection(run());
    assert.equal(error.code, "not-found", `${name}: ${error.message}`);
    assert.match(error.message, /container not-there does not exist/, name);
    assert.match(error.hint ?? "", /create it/);
  }
});

test("an endpoint that refuses connections is unavailable, and the message names it", async () => {
  await using store = await open(connection({ key: SECRET, endpoint: "http://127.0.0.1:9/account" }));
  const error = await rejection(store.head(KEY));
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /127\.0\.0\.1:9 refuses connections/);
  holdsNoSecret(error, SECRET);
});

test("a host that does not resolve is unavailable, and the message names it", async () => {
  await using store = await open(connection({ endpoint: "https://no-such-account.invalid" }));
  const error = await rejection(store.head(KEY));
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /no-such-account\.invalid cannot be resolved/);
});

test("no error and no name contains a shared access signature", async () => {
  const signature = "c2VjcmV0LXNpZ25hdHVyZQ%3D%3D";
  for (const endpoint of [
    "http://127.0.0.1:9/account",
    /BlobEndpoint=([^;]+)/.exec(azurite.connectionString)?.[1] ?? "",
  ]) {
    const sas = `BlobEndpoint=${endpoint};SharedAccessSignature=sv=2024-11-04&ss=b&srt=sco&sp=rwdl&se=2099-01-01T00:00:00Z&sig=${signature}`;
    await using store = await open(sas);
    const error = await rejection(keysOf(store, ""));
    assert.ok(error.code === "unavailable" || error.code === "denied", error.message);
    holdsNoSecret(error, signature, "c2VjcmV0");
    assert.ok(!store.name.includes("sig="), store.name);
  }
});

test("a malformed connection string is a usage error that does not repeat it", async () => {
  const malformed = [
    SECRET,
    `AccountName=a;AccountKey=${SECRET}`,
    `DefaultEndpointsProtocol=ftp;AccountName=a;AccountKey=${SECRET};EndpointSuffix=core.windows.net`,
    `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${SECRET};BlobEndpoint=${SECRET}`,
  ];
  for (const text of malformed) {
    const error = await rejection(open(text));
    assert.equal(error.code, "usage");
    holdsNoSecret(error, SECRET);
  }
});

test("configurations that can never work are usage errors", async () => {
  const url = "https://account.blob.core.windows.net";
  const configs = [
    {},
    { connectionString: azurite.connectionString, accountUrl: url },
    { accountUrl: "account" },
    { accountUrl: "http://account.blob.core.windows.net" },
    { accountUrl: `${url}/other` },
    { accountUrl: `${url}?sv=1&sig=secret` },
    { connectionString: azurite.connectionString, container: "No_Container" },
    { connectionString: azurite.connectionString, targetPath: "a\\b" },
    { connectionString: azurite.connectionString, targetPath: "a./b" },
  ];
  for (const config of configs) {
    const error = await rejection(openAzureStore({ type: "azure", container: "packages", ...config }));
    assert.equal(error.code, "usage", inspect(config));
    assert.ok(!error.message.includes("secret"));
  }
});

test("an account URL opens with and without the container, as ProGet writes it", async () => {
  for (const path of ["", "/", "/packages", "/packages/"]) {
    const accountUrl = `https://account.blob.core.windows.net${path}`;
    await using store = await openAzureStore({
      type: "azure",
      container: "packages",
      accountUrl,
      targetPath: "/x//y/",
    });
    assert.equal(store.name, "azure https://account.blob.core.windows.net/packages/x/y");
  }
});

test("the container at the end of an endpoint is left out, and an address has the account in its path", async () => {
  const signature = "SharedAccessSignature=sv=1&sig=secret";
  const configs = [
    { accountUrl: "https://127.0.0.1:10000/account" },
    { accountUrl: "https://127.0.0.1:10000/account/packages/" },
    { connectionString: `BlobEndpoint=https://127.0.0.1:10000/account;${signature}` },
    { connectionString: `${signature}; BlobEndpoint=https://127.0.0.1:10000/account/packages` },
  ];
  for (const config of configs) {
    await using store = await openAzureStore({ type: "azure", container: "packages", ...config });
    assert.equal(store.name, "azure https://127.0.0.1:10000/account/packages", inspect(config));
  }
});

test("blobs are deleted one by one where the server fails at batches", async (t) => {
  const seen: string[] = [];
  const endpoint = await serve(t, (request, response) => {
    const isBatch = request.url?.includes("comp=batch") === true;
    seen.push(isBatch ? "batch" : `${request.method} ${new URL(request.url!, endpoint).pathname}`);
    response.writeHead(isBatch ? 500 : 202).end();
    request.resume();
  });
  await using store = await open(connection({ endpoint: `${endpoint}/account` }));
  assert.deepEqual(await store.deleteMany!(["a", "b"].map(parseKey)), []);
  assert.deepEqual(seen.filter((each) => each !== "batch").toSorted(), [
    "DELETE /account/packages/a",
    "DELETE /account/packages/b",
  ]);
});

test("a busy server gets three attempts and is then unavailable", async (t) => {
  let tries = 0;
  const endpoint = await serve(t, (request, response) => {
    tries++;
    response.writeHead(503, { "x-ms-error-code": "ServerBusy" }).end();
    request.resume();
  });
  await using store = await open(connection({ endpoint: `${endpoint}/account` }));
  const error = await rejection(store.head(KEY));
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /asks for fewer requests/);
  assert.equal(tries, 3);
});

test("the hint of a refusal because of the date names the clock", async (t) => {
  const endpoint = await serve(t, (request, response) => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    response.writeHead(403, { "x-ms-error-code": "AuthenticationFailed", date }).end();
    request.resume();
  });
  await using store = await open(connection({ endpoint: `${endpoint}/account` }));
  const error = await rejection(store.head(KEY));
  assert.equal(error.code, "denied");
  assert.match(error.hint ?? "", /clock/);
});

test("a refusal of one blob is its own failure; one of the listing is not", async (t) => {
  let answer = { status: 409, code: "" };
  const endpoint = await serve(t, (request, response) => {
    response.writeHead(answer.status, { "x-ms-error-code": answer.code }).end();
    request.resume();
  });
  await using store = await open(connection({ endpoint: `${endpoint}/account` }));
  for (const [status, code, says] of [
    [409, "BlobUsesCustomerSpecifiedEncryption", /customer-provided key/],
    [409, "PendingCopyOperation", /a copy into it has not ended/],
    [409, "NewConflict", /refused it \(NewConflict 409\)/],
    [400, "NewRefusal", /refused it \(NewRefusal 400\)/],
    [405, "UnsupportedHttpVerb", /refused it \(UnsupportedHttpVerb 405\)/],
  ] as const) {
    answer = { status, code };
    for (const call of [() => store.get(KEY), () => store.head(KEY)]) {
      const error = await rejection(call());
      assert.deepEqual([error.code, error.blobOnly], ["denied", true], code);
      assert.match(error.message, says);
    }
    if (code.startsWith("New")) assert.equal((await rejection(keysOf(store, ""))).blobOnly, false, code);
  }
  answer = { status: 400, code: "InvalidUri" };
  assert.equal((await rejection(putBytes(store, KEY, someBytes(10)))).code, "invalid");
});

test("a 404 that is not from Azure does not mean absence", async (t) => {
  const endpoint = await serve(t, (request, response) => {
    response.writeHead(404, { "content-type": "text/html" }).end("<h1>nginx</h1>");
    request.resume();
  });
  await using store = await open(connection({ endpoint: `${endpoint}/account` }));
  for (const [name, run] of Object.entries(everyCall(store))) {
    assert.equal((await rejection(run())).code, "unavailable", name);
  }
});

test("a read resumes after its connection is cut, and fails when it is cut each time", async (t) => {
  if (!azurite.own) return t.skip("needs the emulator's plain connection");
  const container = `test-${randomUUID()}`;
  await azurite.createContainer(container);
  const bytes = someBytes(20 * MIB);
  await using direct = await open(azurite.connectionString, container);
  await putBytes(direct, KEY, bytes);
  const url = new URL(/BlobEndpoint=([^;]+)/.exec(azurite.connectionString)?.[1] ?? "");
  for (const { times, whole } of [
    { times: 3, whole: true },
    { times: 1000, whole: false },
  ]) {
    const proxy = await startCuttingProxy(Number(url.port), 2 * MIB, times);
    t.after(() => proxy.stop());
    await using store = await open(
      connection({ endpoint: `http://127.0.0.1:${proxy.port}${url.pathname}` }),
      container,
    );
    const reading = store.get(KEY).then(readAll);
    if (whole) assert.ok((await reading).equals(bytes));
    else await assert.rejects(reading, hasCode("unavailable"));
    assert.ok(proxy.cuts() >= Math.min(times, 3), `${proxy.cuts()} cuts`);
  }
});

for (const cut of ["chunked", "closed"] as const)
  test(`a body that is cut without Content-Length (${cut}) is unavailable`, async (t) => {
    const endpoint = await serve(t, (request, response) => {
      response.shouldKeepAlive = response.useChunkedEncodingByDefault = cut === "chunked";
      response.writeHead(200, { etag: '"t"', "last-modified": new Date(0).toUTCString() });
      if (cut === "chunked") response.write(someBytes(1000), () => request.socket.destroy());
      else response.end(someBytes(1000));
    });
    await using store = await open(connection({ endpoint: `${endpoint}/account` }));
    const error = await rejection(store.get(KEY).then(readAll));
    assert.equal(error.code, "unavailable");
    assert.match(error.message, /does not say how long it is/);
    assert.match(error.hint ?? "", /Content-Length/);
  });

test("a blob that is replaced while its read resumes never mixes two versions", async (t) => {
  if (!azurite.own) return t.skip("needs the emulator's plain connection");
  const container = `test-${randomUUID()}`;
  await azurite.createContainer(container);
  await using direct = await open(azurite.connectionString, container);
  await putBytes(direct, KEY, someBytes(20 * MIB, 1));
  const url = new URL(/BlobEndpoint=([^;]+)/.exec(azurite.connectionString)?.[1] ?? "");
  const proxy = await startCuttingProxy(Number(url.port), 2 * MIB, 1);
  t.after(() => proxy.stop());
  await using store = await open(connection({ endpoint: `http://127.0.0.1:${proxy.port}${url.pathname}` }), container);
  const stream = await store.get(KEY);
  await putBytes(direct, KEY, someBytes(20 * MIB, 2), { ifExists: "replace" });
  const error = await rejection(readAll(stream));
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /replaced meanwhile/);
});

test("a source that differs from its promise is detected before anything is sent", async () => {
  await using store = await open(connection({ endpoint: "http://127.0.0.1:9/account" }));
  const options = { ifExists: "fail", sha256: sha256(Buffer.from("other")) } as const;
  await assert.rejects(store.put(KEY, sourceOf(someBytes(10)), options), hasCode("corrupt"));
});
