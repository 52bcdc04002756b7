import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { inspect } from "node:util";
import { FeedctlError } from "../../../src/errors.ts";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { createSources } from "../../../src/stores/azure/sources.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { BlobInfo, RemoteBlob, Store } from "../../../src/stores/store.ts";
import { startFetchingAzure, type FetchingAzure } from "../../support/azure-fetching.ts";
import { startAzurite, type Azurite } from "../../support/azurite.ts";
import { readAll, sha256, someBytes } from "../../support/bytes.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";

const SECRET = "c2VjcmV0LXNpZ25hdHVyZQ";
const KEY = parseKey("dir/copy é+.bin");

let azurite: Azurite;
before(async () => {
  azurite = await startAzurite({ own: true });
});
after(() => azurite.stop());

/** A store on Azurite, behind a fake for the requests that Azurite does not support. */
async function openFetching(t: TestContext): Promise<{ azure: FetchingAzure; store: Store }> {
  const azure = await startFetchingAzure(azurite);
  t.after(() => azure.stop());
  const { container, connectionString } = azure;
  return { azure, store: await openAzureStore({ type: "azure", container, connectionString }) };
}

interface S3Blob {
  remote: RemoteBlob;
  bytes: Buffer;
  tag: string;
  /** The requests it received, and the URLs it returned. */
  requests: number;
  urls: number;
}

/** A fake blob in S3 with a signed URL. Supports ranges and If-Match, and requires the signature. */
async function serveS3(t: TestContext, bytes: Buffer, known: Partial<BlobInfo> = {}): Promise<S3Blob> {
  const server = createServer((request, response) => {
    served.requests++;
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const wanted = request.headers["if-match"];
    if (!request.url!.includes(SECRET)) response.writeHead(403).end();
    else if (wanted !== undefined && wanted !== `"${served.tag}"`) response.writeHead(412).end();
    else if (from === undefined) response.writeHead(200, { etag: `"${served.tag}"` }).end(served.bytes);
    else {
      const part = served.bytes.subarray(Number(from), Number(to) + 1);
      response.writeHead(206, { etag: `"${served.tag}"` }).end(part);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tag = "9dd4e461268c8034f5c8564e155c67a6-3";
  const blob = { key: parseKey("from"), size: bytes.length, modified: new Date(0), tag, ...known };
  const served: S3Blob = {
    bytes,
    tag,
    requests: 0,
    urls: 0,
    remote: {
      blob,
      origin: { type: "s3", host, bucket: "b", name: "from", urlHasTag: true },
      url: async () => `http://${host}/b/from?X-Amz-Signature=${SECRET}&n=${++served.urls}`,
    },
  };
  return served;
}

const md5Of = (bytes: Buffer) => createHash("md5").update(bytes).digest("hex");

async function holds(store: Store, bytes: Buffer): Promise<void> {
  assert.ok((await readAll(await store.get(KEY))).equals(bytes), "other bytes came back");
}

test("Put Blob From URL (a fake): a copy is described by the options, not by its source", async (t) => {
  const { store, azure } = await openFetching(t);
  const bytes = someBytes(5000);
  await putBytes(store, parseKey("from"), bytes, { contentType: "text/old", metadata: { shade: "dark" } });
  const described = {
    modified: new Date("2019-03-04T05:06:07Z"),
    contentType: "text/new",
    cacheControl: "public, max-age=60",
    metadata: { colour: "blue", "Mixed Case": "Zoë 雪" },
  };
  const from = store.remote!((await store.head(parseKey("from")))!);
  const options = { ifExists: "fail", sha256: sha256(bytes), ...described } as const;
  const result = await store.copyFrom!(KEY, from, options);
  assert.equal(result?.outcome, "created");
  const blob = (await store.head(KEY))!;
  const { modified, contentType, cacheControl, metadata } = blob;
  assert.deepEqual({ modified, contentType, cacheControl, metadata }, described);
  assert.deepEqual([blob.sha256, blob.md5, blob.tag], [sha256(bytes), md5Of(bytes), result.tag]);
  await holds(store, bytes);
  assert.deepEqual(
    azure.fetched.map(({ kind, ifMatch }) => [kind, ifMatch]),
    [["put", `"${from.blob.tag}"`]],
  );
  assert.equal(azure.fetched[0]!.headers["x-ms-copy-source-blob-properties"], "false");

  await assert.rejects(
    store.copyFrom!(KEY, { ...from, blob: { ...from.blob, tag: "0x1" } }, { ...options, ifExists: "replace" }),
    hasCode("corrupt"),
  );
  assert.equal((await store.copyFrom!(KEY, from, options))?.outcome, "unchanged");
  await holds(store, bytes);
});

test("a copy from S3 (a fake) with a known MD5 is one request, which verifies the MD5", async (t) => {
  const { store, azure } = await openFetching(t);
  const bytes = someBytes(3000);
  const s3 = await serveS3(t, bytes, { md5: md5Of(bytes) });
  assert.equal(store.reaches!(s3.remote), true);
  const result = await store.copyFrom!(KEY, s3.remote, { ifExists: "fail", contentType: "text/plain" });
  assert.equal(result?.outcome, "created");
  const { contentType, md5, size } = (await store.head(KEY))!;
  assert.deepEqual([contentType, md5, size], ["text/plain", md5Of(bytes), 3000]);
  assert.deepEqual([azure.fetched.map(({ kind }) => kind), s3.requests, s3.urls], [["put"], 1, 1]);
  await holds(store, bytes);

  // Even though S3 is not asked for the version.
  azure.asksForVersion = false;
  s3.bytes = someBytes(3000, 2);
  s3.tag = "changed";
  const changed = store.copyFrom!(KEY, s3.remote, { ifExists: "replace", contentType: "text/plain" });
  await assert.rejects(changed, hasCode("corrupt"));
  await holds(store, bytes);
});

test("a copy from S3 (a fake) without an MD5 checks the version in S3 before anything is visible", async (t) => {
  const { store, azure } = await openFetching(t);
  azure.asksForVersion = false;
  const bytes = someBytes(3000);
  const s3 = await serveS3(t, bytes);
  const options = { ifExists: "fail", sha256: sha256(bytes), metadata: { a: "b" } } as const;
  assert.equal((await store.copyFrom!(KEY, s3.remote, options))?.outcome, "created");
  assert.deepEqual([azure.fetched.map(({ kind }) => kind), s3.requests], [["block"], 2]);
  assert.deepEqual((await store.head(KEY))?.metadata, { a: "b" });
  await holds(store, bytes);

  s3.bytes = someBytes(3000, 2);
  s3.tag = "changed";
  const other = parseKey("other");
  await assert.rejects(store.copyFrom!(other, s3.remote, options), hasCode("corrupt"));
  assert.deepEqual(await keysOf(store, ""), [KEY]);
});

test("Put Block From URL (a fake): parallel blocks, each with its own URL, in order", async (t) => {
  const { store, azure } = await openFetching(t);
  // Only the size is large: the source of the fake sends the zeros of a block only on request.
  const size = 250 * MIB;
  const bytes = Buffer.alloc(size);
  for (const at of [0, 100 * MIB, 200 * MIB]) bytes.write(`block at ${at}`, at);
  const s3 = await serveS3(t, bytes);
  const blobInfo = { ...s3.remote.blob, md5: undefined };
  assert.equal(
    (await store.copyFrom!(KEY, { ...s3.remote, blob: blobInfo }, { ifExists: "fail" }))?.outcome,
    "created",
  );
  assert.deepEqual(
    new Set(azure.fetched.map(({ range }) => range)),
    new Set([`bytes=0-${100 * MIB - 1}`, `bytes=${100 * MIB}-${200 * MIB - 1}`, `bytes=${200 * MIB}-${size - 1}`]),
  );
  assert.equal(new Set(azure.fetched.map(({ source }) => source)).size, 3);
  assert.equal((await store.head(KEY))?.size, size);
  for (const at of [0, 100 * MIB, 200 * MIB]) {
    const range = { start: at, end: at + 20 };
    assert.equal((await readAll(await store.get(KEY, { range }))).toString().replaceAll("\0", ""), `block at ${at}`);
  }
});

test("after three refusals in a row a source is not tried again; a success resets the count", async (t) => {
  const { store, azure } = await openFetching(t);
  const bytes = someBytes(100);
  const s3 = await serveS3(t, bytes, { md5: md5Of(bytes) });
  const copy = () => store.copyFrom!(KEY, s3.remote, { ifExists: "replace" });
  const headers = { "x-ms-copy-source-status-code": "403" };
  const forbidden = { status: 403, code: "CannotVerifyCopySource", headers };
  azure.refusal = forbidden;
  assert.deepEqual([await copy(), await copy()], [undefined, undefined]);
  azure.refusal = undefined;
  assert.equal((await copy())?.outcome, "created");
  azure.refusal = forbidden;
  assert.deepEqual([await copy(), await copy(), store.reaches!(s3.remote)], [undefined, undefined, true]);
  assert.deepEqual([await copy(), store.reaches!(s3.remote)], [undefined, false]);
  const asked = azure.fetched.length;
  assert.equal(await copy(), undefined);
  assert.equal(azure.fetched.length, asked);
  const elsewhere = await serveS3(t, bytes, { md5: md5Of(bytes) });
  assert.equal(store.reaches!(elsewhere.remote), true, "another server is another matter");
});

test("a request that Azurite does not support is declined, and sent once", async (t) => {
  if (!azurite.own) return t.skip("needs Azurite, which has no Put Blob From URL");
  const container = `test-${Date.now()}`;
  await azurite.createContainer(container);
  await using store = await openAzureStore({
    type: "azure",
    container,
    connectionString: azurite.connectionString,
  });
  await putBytes(store, parseKey("from"), someBytes(10), { contentType: "text/old" });
  let urls = 0;
  const remote = store.remote!((await store.head(parseKey("from")))!);
  const from = { ...remote, url: async () => (urls++, remote.url()) };
  for (let i = 0; i < 3; i++) {
    assert.equal(await store.copyFrom!(KEY, from, { ifExists: "fail", contentType: "text/new" }), undefined);
  }
  assert.equal(urls, 1);
  assert.deepEqual(await keysOf(store, ""), ["from"]);
  const kept = await store.copyFrom!(KEY, from, { ifExists: "fail", contentType: "text/old" });
  assert.equal(kept?.outcome, "created", "what it has still works");
});

test("a response that says nothing about the source is declined, an outage is not", async (t) => {
  const { store, azure } = await openFetching(t);
  const bytes = someBytes(100);
  for (const [status, code, source, expected] of [
    [404, "CannotVerifyCopySource", 404, "declined"],
    [400, "CannotVerifyCopySource", 400, "declined"],
    [500, "CannotVerifyCopySource", 500, "declined"],
    [412, "CannotVerifyCopySource", 412, "corrupt"],
    [412, "SourceConditionNotMet", 0, "corrupt"],
    [404, "BlobNotFound", 0, "not-found"],
    [400, "InvalidHeaderValue", 0, "declined"],
    [403, "AuthorizationFailure", 0, "declined"],
    [409, "PublicAccessNotPermitted", 0, "declined"],
    [503, "ServerBusy", 0, "unavailable"],
    [503, "CannotVerifyCopySource", 503, "unavailable"],
  ] as const) {
    const s3 = await serveS3(t, bytes, { md5: md5Of(bytes) });
    azure.refusal = {
      status,
      code,
      ...(source > 0 && { headers: { "x-ms-copy-source-status-code": String(source) } }),
    };
    const copied = await store.copyFrom!(KEY, s3.remote, { ifExists: "fail" }).then(
      (result) => (result === undefined ? "declined" : result.outcome),
      (error: FeedctlError) => error.code,
    );
    assert.equal(copied, expected, `${status} ${code}`);
  }
  assert.deepEqual(await keysOf(store, ""), []);
});

test("no error contains the URL of a source", async (t) => {
  const { store, azure } = await openFetching(t);
  const bytes = someBytes(100);
  for (const [status, code] of [
    [503, "ServerBusy"],
    [400, "Md5Mismatch"],
    [500, "InternalError"],
  ] as const) {
    const s3 = await serveS3(t, bytes, { md5: md5Of(bytes) });
    const url = (await s3.remote.url())!;
    const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>cannot read ${url.replaceAll("&", "&amp;")} (X-Amz-Signature=${SECRET})</Message></Error>`;
    azure.refusal = { status, code, body, headers: { "content-type": "application/xml" } };
    await assert.rejects(store.copyFrom!(KEY, s3.remote, { ifExists: "fail" }), (error) => {
      assert.ok(error instanceof FeedctlError, inspect(error));
      const all = inspect(error, { depth: 10, showHidden: true });
      assert.ok(!all.includes(SECRET), all);
      return true;
    });
  }
});

test("Azure only gets URLs that are safe to send and that it can reach", async () => {
  const cloud = "https://account.blob.core.windows.net/container";
  const emulator = "http://127.0.0.1:10000/account/container";
  const blob: BlobInfo = { key: KEY, size: 1, modified: new Date(0), tag: "t" };
  for (const [endpoint, url, handed] of [
    [cloud, "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=1", true],
    [cloud, "http://bucket.s3.amazonaws.com/key?X-Amz-Signature=1", false],
    [cloud, "https://s3.example.org/bucket/key", true],
    [cloud, "https://10.1.2.3:9000/bucket/key", false],
    [cloud, "http://192.168.1.1:9000/bucket/key", false],
    [cloud, "https://[::1]:9000/bucket/key", false],
    [cloud, "https://minio:9000/bucket/key", false],
    [cloud, "https://minio.internal/bucket/key", false],
    [emulator, "http://127.0.0.1:9000/bucket/key", true],
    [emulator, "http://[::1]:9000/bucket/key", true],
    [emulator, "https://bucket.s3.amazonaws.com/key", true],
    [emulator, "http://bucket.s3.amazonaws.com/key", false],
    [emulator, "file:///bucket/key", false],
    [cloud, `https://s3.example.org/bucket/key?token=${"x".repeat(2100)}`, false],
    [cloud, undefined, false],
  ] as const) {
    const from: RemoteBlob = {
      blob,
      origin: { type: "s3", host: "s3", bucket: "b", name: "k", urlHasTag: true },
      url: async () => url,
    };
    assert.equal(await createSources(endpoint).urlOf(from), handed ? url : undefined, `${endpoint} ${url}`);
  }
  const sources = createSources(cloud);
  const from: RemoteBlob = {
    blob,
    origin: { type: "azure", host: "a", bucket: "c", name: "k", urlHasTag: true },
    url: async () => undefined,
  };
  assert.equal(sources.reaches(from), true);
  await sources.urlOf(from);
  assert.equal(sources.reaches(from), false, "credentials that make no URL will make none next time");
});
