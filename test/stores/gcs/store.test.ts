import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { isFeedctlError, type ErrorCode } from "../../../src/errors.ts";
import type { GcsConfig } from "../../../src/stores/gcs/config.ts";
import { openGcsStore } from "../../../src/stores/gcs/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { locationName, locationOf, overlap } from "../../../src/stores/location.ts";
import type { BlobInfo, Store } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { noFakeGcs, startFakeGcs, type FakeGcs } from "../../support/fake-gcs.ts";
import { sandbox } from "../../support/feedctl.ts";
import { startPostgres } from "../../support/postgres.ts";
import { writePackages } from "../../support/package-set.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { storeContract } from "../contract/contract.ts";
import { deleteAll } from "../contract/delete.ts";

const server = await startFakeGcs();
after(() => server?.stop());

const KEY = parseKey("a/b c");

async function openBucket({ createBucket, endpoint }: FakeGcs, targetPath?: string): Promise<Store> {
  const bucket = `test-${randomUUID()}`;
  await createBucket(bucket);
  return openGcsStore({ type: "gcs", bucket, endpoint, anonymous: true, targetPath });
}

if (server === undefined) test("gcs: store contract, and through the binary", { skip: noFakeGcs }, () => {});
else {
  const patches =
    "the emulator's PATCH does not remove entries and ignores preconditions (tested below with a fake server)";
  storeContract("gcs on fake-gcs-server", {
    open: async () => ({ store: await openBucket(server), cleanup: async () => {} }),
    part: 16 * MIB,
    lacks: {
      "describe replaces content type, cache-control and metadata; bytes, hash and time stay": patches,
      "describe without cache-control removes it": patches,
    },
  });

  test("a target path is a prefix: other objects are not listed, and names that are not keys are foreign", async () => {
    const bucket = `test-${randomUUID()}`;
    await server.createBucket(bucket);
    const config = { type: "gcs", bucket, endpoint: server.endpoint, anonymous: true } as const;
    await using store = await openGcsStore({ ...config, targetPath: "/top/" });
    await using root = await openGcsStore(config);
    assert.equal(store.name, `gs://${bucket}/top at ${server.endpoint}`);
    await putBytes(store, KEY, someBytes(10));
    await putBytes(root, parseKey("topmost"), someBytes(1));
    const upload = `${server.endpoint}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=`;
    for (const name of ["top/", "top/x//y"])
      await fetch(upload + encodeURIComponent(name), { method: "POST", body: "" });
    const foreign: string[] = [];
    const keys: string[] = [];
    for await (const { key } of store.list("", { onForeign: (name) => foreign.push(name) })) keys.push(key);
    assert.deepEqual([keys, foreign], [[KEY], ["", "x//y"]]);
    const long = parseKey("x".repeat(1021));
    await assert.rejects(putBytes(store, long, someBytes(1)), hasCode("invalid"));
    assert.match(store.nameProblem?.(long) ?? "", /1024/);
  });

  test("a missing bucket is not-found for every call", async () => {
    const config = { type: "gcs", bucket: "missing", endpoint: server.endpoint, anonymous: true } as const;
    for (const call of Object.values(everyCall)) {
      await using store = await openGcsStore(config);
      await assert.rejects(call(store), hasCode("not-found"));
    }
  });

  test("through the binary: import, verify, mirror to gs://, migrate from disk and back", async () => {
    const { endpoint } = server;
    await server.createBucket("packages");
    // Opening the embedded catalog costs each command a second of CPU time.
    await using postgres = await startPostgres();
    await using place = await sandbox({ FEEDCTL_DATABASE_URL: await postgres?.createDatabase() });
    const run = async (...args: string[]) => {
      const result = await place.feedctl(args);
      assert.equal(result.code, 0, `feedctl ${args.join(" ")}: ${result.stderr}`);
      return result;
    };
    const store = ["--bucket", "packages", "--endpoint", endpoint, "--anonymous"];
    writePackages(place.path("in"), 3);
    await run("feed", "create", "internal", "--type", "npm");
    await run("store", "set", "internal", "gcs", ...store, "--target-path", "first");
    await run("import", "internal", "in");
    assert.match((await run("verify", "internal", "--read")).stdout, /3 match/);

    await mkdir(place.path("in", "sub"));
    await writeFile(place.path("in", "sub", "ü 1.bin"), someBytes(9 * MIB));
    const there = `gs://packages/mirrored`;
    await run("mirror", "in", there, "--target-endpoint", endpoint, "--target-anonymous", "--yes");
    await rm(place.path("in", "sub"), { recursive: true });
    const env = { STORAGE_EMULATOR_HOST: endpoint };
    const back = await place.feedctl(["mirror", there, "./back", "--source-anonymous"], { env });
    assert.equal(back.code, 0, back.stderr);
    assert.deepEqual(await readFile(place.path("back", "sub", "ü 1.bin")), someBytes(9 * MIB));

    await run("migrate", "run", "internal", "--to", "disk");
    await run("migrate", "run", "internal", "--to", "gcs", ...store, "--target-path", "second");
    assert.match((await run("verify", "internal", "--read")).stdout, /3 match/);
    assert.match((await run("store", "show", "internal")).stdout, /gs:\/\/packages\/second/);
    const nested = await place.feedctl([
      "mirror",
      "in",
      "gs://packages/second",
      "--target-endpoint",
      endpoint,
      "--yes",
    ]);
    assert.equal(nested.code, 8, "a mirror into the feed's own store is refused");
  });
}

const everyCall: Record<string, (store: Store) => Promise<unknown>> = {
  head: (store) => store.head(KEY),
  get: (store) => store.get(KEY),
  put: (store) => putBytes(store, KEY, someBytes(10)),
  "large put": (store) => putBytes(store, KEY, someBytes(9 * MIB)),
  replace: (store) => putBytes(store, KEY, someBytes(10), { ifExists: "replace" }),
  list: (store) => keysOf(store, ""),
  delete: (store) => store.delete(KEY),
  deleteMany: (store) => deleteAll(store, [KEY]),
};

interface Request {
  method: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json(): Record<string, unknown>;
}

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: Buffer | string | object;
  /** Sends no Content-Length and closes the connection: before the last chunk, or as the only end of the body. */
  cut?: "chunked" | "closed";
}

/** A fake server for what the emulator does not support. Returns an open store and the requests that it sends. */
async function startFake(
  t: TestContext,
  handler: (request: Request) => Answer,
  config: Partial<GcsConfig> = {},
): Promise<{ store: Store; config: GcsConfig; requests: Request[] }> {
  const requests: Request[] = [];
  const listener = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = incoming;
    const body = Buffer.concat(chunks);
    const json = () => JSON.parse(body.toString()) as Record<string, unknown>;
    const request = { method, url: new URL(url, "http://here"), headers, body, json };
    requests.push(request);
    const answer = handler(request);
    const content =
      typeof answer.body === "string" || Buffer.isBuffer(answer.body) ? answer.body : JSON.stringify(answer.body ?? {});
    if (answer.cut !== undefined)
      outgoing.shouldKeepAlive = outgoing.useChunkedEncodingByDefault = answer.cut === "chunked";
    outgoing.writeHead(answer.status ?? 200, answer.headers);
    if (answer.cut === "chunked") outgoing.write(content, () => incoming.socket.destroy());
    else outgoing.end(content);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const whole: GcsConfig = { type: "gcs", bucket: "bucket", endpoint, anonymous: true, ...config };
  const store = await openGcsStore(whole);
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    listener.closeAllConnections();
    listener.close();
  });
  return { store, config: whole, requests };
}

const refusal = (code: number, message: string, reason = "") => ({
  status: code,
  body: { error: { code, message, errors: [{ reason, message }] } },
});
const md5Of = (bytes: Buffer) => createHash("md5").update(bytes).digest("base64");

describe("error responses become error codes", () => {
  const rows: { answer: Answer; code: ErrorCode; throttled?: boolean }[] = [
    { answer: refusal(401, "Invalid Credentials", "authError"), code: "denied" },
    { answer: refusal(403, "x@y does not have storage.objects.get access", "forbidden"), code: "denied" },
    { answer: refusal(403, "Rate limit exceeded", "rateLimitExceeded"), code: "unavailable", throttled: true },
    { answer: refusal(404, "The specified bucket does not exist.", "notFound"), code: "not-found" },
    { answer: { ...refusal(429, "Slow down"), headers: { "retry-after": "7" } }, code: "unavailable", throttled: true },
    { answer: refusal(500, "Backend Error"), code: "unavailable" },
    { answer: { status: 503, body: "<html>busy</html>" }, code: "unavailable" },
  ];
  for (const { answer, code, throttled = false } of rows) {
    const what = `${answer.status} ${throttled ? "(slow down) " : ""}is ${code}`;
    test(`${what}, for every call`, async (t) => {
      const { store } = await startFake(t, () => answer);
      for (const [name, call] of Object.entries(everyCall)) {
        await assert.rejects(call(store), (error) => {
          assert.ok(isFeedctlError(error, code), `${name}: ${String(error)}`);
          assert.equal(error.throttled, throttled);
          assert.equal(error.retryAfter, answer.headers === undefined ? undefined : 7000);
          return true;
        });
      }
    });
  }

  test("an unknown refusal of one blob is its own failure; one of the listing is a usage error", async (t) => {
    const { store } = await startFake(t, () => refusal(400, "Invalid argument"));
    for (const [name, call] of Object.entries(everyCall)) {
      await assert.rejects(call(store), (error) => {
        const isListing = name === "list";
        assert.ok(isFeedctlError(error, isListing ? "usage" : "denied"), `${name}: ${String(error)}`);
        assert.equal(error.blobOnly, !isListing, name);
        return true;
      });
    }
  });

  test("an unreachable server or one that is not GCS is unavailable or corrupt, never an empty listing", async (t) => {
    const unreachable = { type: "gcs", bucket: "bucket", endpoint: "http://127.0.0.1:1", anonymous: true } as const;
    await using store = await openGcsStore(unreachable);
    await assert.rejects(keysOf(store, ""), hasCode("unavailable"));
    await assert.rejects(store.head(KEY), hasCode("unavailable"));
    const { store: page } = await startFake(t, () => ({ body: "<html>welcome</html>" }));
    await assert.rejects(keysOf(page, ""), hasCode("unavailable"));
    const { store: other } = await startFake(t, () => ({ body: { welcome: true } }));
    await assert.rejects(keysOf(other, ""), hasCode("corrupt"));
  });
});

for (const cut of ["chunked", "closed"] as const)
  test(`a body that is cut without Content-Length (${cut}) is unavailable, however it is read`, async (t) => {
    const bytes = someBytes(2000);
    const { store } = await startFake(t, ({ url, headers: { range } }) => {
      if (url.searchParams.get("alt") !== "media")
        return { body: { name: KEY, size: "2000", generation: "7", updated: "2026-01-01T00:00:00Z" } };
      const headers = { "x-goog-generation": "7", "x-goog-hash": `md5=${md5Of(bytes)}` };
      const part = { ...headers, ...(range !== undefined && { "content-range": "bytes 100-1999/2000" }) };
      return { status: range === undefined ? 200 : 206, headers: part, body: bytes.subarray(0, 1000), cut };
    });
    const known = { key: KEY, size: 2000, modified: new Date(), tag: "7" };
    for (const options of [{}, { known }, { range: { start: 100 } }])
      await assert.rejects(store.get(KEY, options).then(readAll), hasCode("unavailable"));
  });

test("settings are asked with the bucket; versions are counted and purged; without permission nothing is known", async (t) => {
  const versions = [
    { name: "top/feedctl-probe/x/a", generation: "1", size: "5", timeDeleted: "2026-01-01T00:00:00Z" },
    { name: "top/feedctl-probe/x/a", generation: "2", size: "6" },
  ];
  const { store, requests } = await startFake(
    t,
    ({ url, method }) => {
      if (method === "DELETE") return { status: 204, body: "" };
      if (!url.pathname.endsWith("/o")) return { body: { softDeletePolicy: { retentionDurationSeconds: "172800" } } };
      return { body: { items: url.searchParams.has("softDeleted") ? [{ name: "top/b", size: "7" }] : versions } };
    },
    { targetPath: "top" },
  );
  const { versioning, softDeleteDays } = await store.examine!({});
  assert.deepEqual([versioning, softDeleteDays], ["off", 2]);
  const kept: number[] = [];
  for await (const { size } of store.listKept!()) kept.push(size);
  assert.deepEqual(kept, [5, 7]);
  await store.purge!("feedctl-probe/x/");
  const purged = requests.filter(({ method }) => method === "DELETE");
  assert.deepEqual(
    purged.map(({ url }) => url.searchParams.get("generation")),
    ["1", "2"],
  );
  assert.equal((await (await startFake(t, () => refusal(403, "no"))).store.examine!({})).versioning, undefined);
});

test("a listing out of order, with a repeated page token or of another prefix is corrupt", async (t) => {
  const page = (names: string[], nextPageToken?: string) => ({
    body: { kind: "storage#objects", items: names.map((name) => ({ name, size: "1" })), nextPageToken },
  });
  for (const answer of [page(["b", "a"]), page(["a", "a"]), page(["a"], "again")]) {
    const { config } = await startFake(t, () => answer);
    await assert.rejects(keysOf(await openGcsStore(config, { known: { sortedList: true } }), ""), hasCode("corrupt"));
  }
  const { store } = await startFake(t, () => page(["other"]), { targetPath: "top" });
  await assert.rejects(keysOf(store, ""), hasCode("corrupt"));
});

test("an upload sends the properties of the object and its MD5", async (t) => {
  const bytes = someBytes(1000);
  const customerKey = Buffer.alloc(32, 7).toString("base64");
  const stored = { body: { generation: "5", size: "1000", md5Hash: md5Of(bytes) } };
  const { store, requests } = await startFake(t, () => stored, {
    storageClass: "NEARLINE",
    makePublic: true,
    customerKey,
  });
  const source = sourceOf(bytes);
  assert.equal((await store.put(KEY, source, { ifExists: "fail", sha256: sha256(bytes) })).tag, "5");
  const [{ url, headers, body } = assert.fail()] = requests;
  assert.equal(requests.length, 1, "one request stores a small blob");
  assert.equal(requests[0]?.headers["user-agent"], "feedctl", "logs show whose request it is");
  assert.equal(url.searchParams.get("ifGenerationMatch"), "0");
  assert.equal(url.searchParams.get("predefinedAcl"), "publicRead");
  assert.equal(headers["x-goog-encryption-key"], customerKey);
  assert.equal(
    headers["x-goog-encryption-key-sha256"],
    createHash("sha256").update(Buffer.alloc(32, 7)).digest("base64"),
  );
  const resource = JSON.parse(body.toString("latin1").split("\r\n")[3] ?? "") as Record<string, unknown>;
  assert.deepEqual([resource["storageClass"], resource["md5Hash"]], ["NEARLINE", md5Of(bytes)]);
  const remote = store.remote!({ key: KEY, size: 1000, modified: new Date() });
  assert.match((await remote.publicUrl?.()) ?? "", /\/bucket\/a\/b%20c$/);
  assert.equal(await remote.url(), undefined, "an anonymous store signs nothing");
});

test("when the server stored other bytes than were sent, the put is corrupt and deletes them", async (t) => {
  for (const size of [10, 9 * MIB]) {
    const stored = { generation: "5", size: String(size), md5Hash: "AAAA" };
    const { store, requests } = await startFake(t, ({ method, headers }) => {
      if (method === "GET") return refusal(404, "No such object: bucket/a/b c");
      if (method === "DELETE") return { status: 204, body: "" };
      return { body: stored, headers: { location: `http://${headers.host}/session` } };
    });
    await assert.rejects(putBytes(store, KEY, someBytes(size)), hasCode("corrupt"));
    assert.equal(requests.at(-1)?.url.searchParams.get("generation"), "5");
  }
});

test("a content type with line breaks is refused before a request is sent", async (t) => {
  const { store, requests } = await startFake(t, () => ({}));
  const contentType = "text/plain\r\n\r\nx";
  await assert.rejects(putBytes(store, KEY, someBytes(10), { contentType }), hasCode("usage"));
  assert.deepEqual(requests, []);
});

test("a replacement has the generation as precondition; when it fails, it is repeated with the new one", async (t) => {
  let current = 1;
  const { store, requests } = await startFake(t, ({ method, url }) => {
    if (method === "GET") return { body: { name: "a/b c", generation: String(current), size: "1" } };
    if (current++ === 1) return refusal(412, "conditionNotMet");
    return { body: { generation: url.searchParams.get("ifGenerationMatch"), size: "10" } };
  });
  assert.equal(await putBytes(store, KEY, someBytes(10), { ifExists: "replace" }), "replaced");
  const conditions = requests.filter(({ method }) => method === "POST").map(({ url }) => url.searchParams);
  assert.deepEqual(
    conditions.map((query) => query.get("ifGenerationMatch")),
    ["1", "2"],
  );
});

test("after a failure a resumable upload sends only what the service has not stored", async (t) => {
  const bytes = someBytes(40 * MIB + 5);
  let stored = Buffer.alloc(0);
  let count = 0;
  let hash: string | undefined;
  const state = () => ({ status: 308, headers: stored.length === 0 ? {} : { range: `bytes=0-${stored.length - 1}` } });
  const { store, requests } = await startFake(t, ({ method, url, headers, body }) => {
    if (method === "GET") return refusal(404, "No such object: bucket/a/b c");
    if (method === "POST") return { headers: { location: `http://${headers.host}/session?upload_id=1` } };
    assert.equal(url.pathname, "/session");
    const range = headers["content-range"] ?? "";
    if (range.startsWith("bytes */")) return state();
    assert.equal(
      Number(/^bytes (\d+)-/.exec(range)?.[1]),
      stored.length,
      "the part does not start after the last stored byte",
    );
    // Of the second part nothing is stored, of the third one MiB.
    if (++count === 2) return { status: 503 };
    stored = Buffer.concat([stored, count === 3 ? body.subarray(0, MIB) : body]);
    if (stored.length < bytes.length) return state();
    hash = headers["x-goog-hash"] as string;
    return { body: { generation: "9", size: String(stored.length), md5Hash: md5Of(stored) } };
  });
  assert.equal(await putBytes(store, KEY, bytes), "created");
  assert.ok(stored.equals(bytes), "other bytes arrived");
  assert.equal(hash, `md5=${md5Of(bytes)}`);
  const begun = requests.find(({ method }) => method === "POST");
  assert.equal(begun?.url.searchParams.get("ifGenerationMatch"), "0");
  assert.equal(requests.filter(({ method }) => method === "POST").length, 1, "the upload is not started again");
});

test("an upload whose source fails is cancelled", async (t) => {
  const { store, requests } = await startFake(t, ({ method, headers }) => {
    if (method === "GET") return refusal(404, "No such object: bucket/a/b c");
    if (method === "POST") return { headers: { location: `http://${headers.host}/session` } };
    return method === "PUT" ? { status: 308, headers: { range: `bytes=0-${16 * MIB - 1}` } } : { status: 499 };
  });
  const promised = { sha256: sha256(Buffer.from("other")) };
  await assert.rejects(putBytes(store, KEY, someBytes(17 * MIB), promised), hasCode("corrupt"));
  assert.equal(requests.at(-1)?.method, "DELETE");
});

test("a copy takes several requests, with the source's generation, and only creates", async (t) => {
  const { store, requests } = await startFake(t, ({ method, url }) => {
    if (method === "GET") return refusal(404, "No such object: bucket/a/b c");
    return url.searchParams.get("rewriteToken") === "two"
      ? { body: { done: true, resource: { generation: "8", size: "1000" } } }
      : { body: { done: false, rewriteToken: url.searchParams.has("rewriteToken") ? "two" : "one" } };
  });
  const blob: BlobInfo = { key: KEY, size: 1000, modified: new Date(), tag: "77" };
  const from = store.remote!(blob);
  assert.deepEqual(await store.copyFrom!(parseKey("to"), from, { ifExists: "fail" }), {
    outcome: "created",
    tag: "8",
    sha256: undefined,
  });
  const steps = requests.filter(({ method }) => method === "POST").map(({ url }) => url);
  assert.equal(steps.length, 3);
  for (const url of steps) {
    assert.equal(url.pathname, "/storage/v1/b/bucket/o/a%2Fb%20c/rewriteTo/b/bucket/o/to");
    assert.equal(url.searchParams.get("sourceGeneration"), "77");
    assert.equal(url.searchParams.get("ifGenerationMatch"), "0");
  }
});

test("after a copy is denied, the source bucket is not tried again", async (t) => {
  const { store } = await startFake(t, ({ method }) => refusal(method === "GET" ? 404 : 403, "No such object"));
  const from = store.remote!({ key: KEY, size: 1, modified: new Date(), tag: "77" });
  assert.equal(store.reaches!(from), true);
  assert.equal(await store.copyFrom!(parseKey("to"), from, { ifExists: "fail" }), undefined);
  assert.equal(store.reaches!(from), false);
});

test("describe replaces all properties, with the generation and metageneration as preconditions", async (t) => {
  const now = { generation: "7", metageneration: "3", size: "1", metadata: { old: "1", kept: "1", sha256: "x" } };
  const { store, requests } = await startFake(t, () => ({ body: now }));
  const blob: BlobInfo = { key: KEY, size: 1, modified: new Date(), tag: "7" };
  const options = { ifExists: "replace", contentType: "text/plain", metadata: { kept: "2" } } as const;
  assert.deepEqual(await store.describe!(blob, options), { tag: "7" });
  const patch = requests.at(-1);
  assert.equal(patch?.method, "PATCH");
  assert.equal(patch.url.searchParams.get("ifGenerationMatch"), "7");
  assert.equal(patch.url.searchParams.get("ifMetagenerationMatch"), "3");
  assert.deepEqual(patch.json(), {
    contentType: "text/plain",
    cacheControl: null,
    metadata: { old: null, kept: "2", sha256: null },
  });
  const { store: changed } = await startFake(t, ({ method }) =>
    method === "GET" ? { body: now } : refusal(412, "changed"),
  );
  await assert.rejects(changed.describe!(blob, options), hasCode("corrupt"));
});

test("bytes that do not match the MD5 are corrupt; compressed objects are not decompressed", async (t) => {
  const zipped = gzipSync("hello");
  const answer = (hash: string) => ({
    headers: {
      "x-goog-hash": `crc32c=AAAAAA==,md5=${hash}`,
      "content-encoding": "gzip",
      "content-length": String(zipped.length),
      "x-goog-generation": "1",
    },
    body: zipped,
  });
  const { store, requests } = await startFake(t, () => answer(md5Of(zipped)));
  assert.deepEqual(await readAll(await store.get(KEY)), zipped);
  assert.equal(requests[0]?.headers["accept-encoding"], "gzip");
  const { store: broken } = await startFake(t, () => answer(md5Of(Buffer.from("other"))));
  await assert.rejects(readAll(await broken.get(KEY)), hasCode("corrupt"));
});

describe("credentials", () => {
  const config: GcsConfig = { type: "gcs", bucket: "bucket" };

  async function keyFile(t: TestContext, content: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), "feedctl-gcs-"));
    t.after(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "key.json"), content);
    return join(directory, "key.json");
  }

  test("a service account key signs URLs without a request", async (t) => {
    const encoding = { type: "pkcs8", format: "pem" } as const;
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = { type: "service_account", client_email: "a@b.example", private_key: privateKey.export(encoding) };
    await using store = await openGcsStore({ ...config, keyFile: await keyFile(t, JSON.stringify(key)) });
    const remote = store.remote!({ key: KEY, size: 1, modified: new Date(), tag: "1" });
    const url = new URL((await remote.url(600)) ?? "");
    assert.equal(`${url.origin}${url.pathname}`, "https://storage.googleapis.com/bucket/a/b%20c");
    assert.equal(url.searchParams.get("X-Goog-Expires"), "600");
    assert.match(url.searchParams.get("X-Goog-Credential") ?? "", /^a@b\.example\//);
    await assert.rejects(remote.url(8 * 24 * 3600), hasCode("usage"));
  });
  test("an invalid key file is a usage error that names the file and does not quote it", async (t) => {
    for (const content of ["S3CRET", "null", '{"type":"external_account","S3CRET":1}', '{"type":"service_account"}']) {
      const path = await keyFile(t, content);
      await assert.rejects(openGcsStore({ ...config, keyFile: path }), (error: Error) => {
        hasCode("usage")(error);
        return error.message.includes(path) && !error.message.includes("S3CRET");
      });
    }
    await assert.rejects(openGcsStore({ ...config, keyFile: "/nowhere/key.json" }), hasCode("denied"));
  });
  test("credentials are not sent over plain http; invalid options are refused before any request", async () => {
    const wrong: Partial<GcsConfig>[] = [
      { endpoint: "http://storage.example" },
      { endpoint: "https://user:S3CRET@storage.example" },
      { endpoint: "not a url" },
      { bucket: "Bucket" },
      { anonymous: true, customerKey: "S3CRET" },
    ];
    for (const options of wrong)
      await assert.rejects(openGcsStore({ ...config, ...options }), (error: Error) => {
        hasCode("usage")(error);
        return !error.message.includes("S3CRET");
      });
  });
});

test("a bucket has the same location under all endpoints of Google, and another on any other server", () => {
  const at = (endpoint?: string, targetPath?: string): GcsConfig => ({
    type: "gcs",
    bucket: "b-1",
    endpoint,
    targetPath,
  });
  const [google, emulator] = [locationOf(at()), locationOf(at("http://127.0.0.1:4443/"))];
  assert.equal(overlap(google, locationOf(at("https://storage.googleapis.com"))), "same");
  assert.equal(overlap(google, locationOf(at("https://storage.europe-west3.rep.googleapis.com", "x"))), "contains");
  assert.equal(overlap(emulator, locationOf(at("http://localhost:4443", "/x/"))), "contains");
  assert.equal(overlap(google, emulator), undefined);
  assert.equal(locationName(locationOf(at(undefined, "x"))), "gs://b-1/x");
  assert.equal(locationName(emulator), "gs://b-1 at localhost:4443");
});
