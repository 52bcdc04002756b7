// Server-side copies, beyond the store contract. The server is real. The proxy before it counts requests and sends the
// responses that this server cannot.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, describe, test, type TestContext } from "node:test";
import { parseKey } from "../../../src/stores/key.ts";
import { connectS3 } from "../../../src/stores/s3/client.ts";
import type { S3Config } from "../../../src/stores/s3/config.ts";
import { COPY_LIMITS, createCopier } from "../../../src/stores/s3/copy.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import type { RemoteBlob, Store } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes } from "../../support/bytes.ts";
import { s3Problem, startS3Proxy, type ProxiedRequest, type S3Proxy } from "../../support/s3-proxy.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { s3ServerKind, startS3, type S3Server } from "../../support/s3-server.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";

const kind = s3ServerKind();
const key = parseKey;
let server: S3Server;
let proxy: S3Proxy;
before(async () => {
  server = await startS3();
  proxy = await startS3Proxy(server.endpoint);
});
after(async () => {
  await proxy.stop();
  await server.stop();
});

let buckets = 0;
/** Two buckets of one server, the first with the blob `from`. */
async function openPair(t: TestContext, bytes: Buffer) {
  const open = async (): Promise<[S3Config, Store]> => {
    const bucket = `feedctl-copy-${process.pid}-${++buckets}`;
    await server.createBucket(bucket);
    const { region, accessKey, secretKey } = server;
    const place = { bucket, endpoint: proxy.endpoint, region, targetPath: "top", pathStyle: true };
    const config: S3Config = { type: "s3", ...place, accessKey, secretKey };
    const store = await openS3Store(config, { copyLimits: { whole: 10 * MIB, part: 6 * MIB } });
    t.after(() => store[Symbol.asyncDispose]());
    return [config, store];
  };
  proxy.intercept = undefined;
  const [config, source] = await open();
  const [{ bucket }, target] = await open();
  await putBytes(source, key("from"), bytes);
  const from = source.remote!((await source.head(key("from")))!);
  proxy.seen.length = 0;
  const uploads = async () => (await server.client.listMultipartUploads({ Bucket: bucket })).Uploads ?? [];
  const options = { ifExists: "fail", sha256: sha256(bytes) } as const;
  return { config, source, target, from, options, uploads };
}

const isCopy = ({ headers }: ProxiedRequest) => headers["x-amz-copy-source"] !== undefined;

describe(`s3 on ${kind}: copies inside the service`, () => {
  test("up to the limit are one request, which requires the version and replaces the description", async (t) => {
    const { target, from, options } = await openPair(t, someBytes(10 * MIB));
    const described = { contentType: "text/plain", cacheControl: "no-cache", metadata: { a: "b" } };
    const result = await target.copyFrom!(key("to"), from, { ...options, ...described });
    assert.equal(result?.outcome, "created");
    const [copy, ...more] = proxy.seen.filter(({ method }) => method !== "HEAD" && method !== "GET");
    assert.deepEqual(more, []);
    assert.equal(copy?.headers["x-amz-copy-source"], `/${from.origin!.bucket}/top/from`);
    assert.equal(copy?.headers["x-amz-copy-source-if-match"], `"${from.blob.tag}"`);
    assert.equal(copy?.headers["x-amz-metadata-directive"], "REPLACE");
    assert.equal(copy?.headers["content-type"], "text/plain");
    assert.equal(copy?.headers["cache-control"], "no-cache");
    assert.equal(copy?.headers["x-amz-meta-a"], "b");
    assert.equal(copy?.headers["x-amz-meta-sha256"], options.sha256);
  });

  test("above it are made in parts, without a byte through this process", async (t) => {
    const bytes = someBytes(20 * MIB + 3);
    const { target, from, options, uploads } = await openPair(t, bytes);
    const result = await target.copyFrom!(key("to"), from, { ...options, contentType: "text/plain" });
    assert.equal(result?.outcome, "created");
    const ranges = proxy.seen.filter(isCopy).map(({ headers }) => headers["x-amz-copy-source-range"]);
    const MAX = bytes.length - 1;
    const expected = [
      `0-${6 * MIB - 1}`,
      `${6 * MIB}-${12 * MIB - 1}`,
      `${12 * MIB}-${18 * MIB - 1}`,
      `${18 * MIB}-${MAX}`,
    ];
    assert.deepEqual(new Set(ranges), new Set(expected.map((range) => `bytes=${range}`)));
    assert.equal(ranges.length, expected.length);
    const carried = proxy.seen.reduce((sum, { headers }) => sum + Number(headers["content-length"] ?? 0), 0);
    assert.ok(carried < 10_000, `${carried} bytes were sent`);
    const blob = await target.head(key("to"));
    assert.deepEqual([blob?.tag, blob?.sha256, blob?.contentType], [result?.tag, options.sha256, "text/plain"]);
    assert.ok((await readAll(await target.get(key("to")))).equals(bytes));
    assert.deepEqual(await uploads(), []);
  });

  test("of a blob that changes between two parts are corrupt and leave nothing behind", async (t) => {
    if (skipIfS3Cannot(t, "compare the version of a copy's source")) return;
    const { source, target, from, options, uploads } = await openPair(t, someBytes(20 * MIB, 1));
    let copies = 0;
    proxy.intercept = (request) => {
      if (!isCopy(request) || ++copies < 3) return undefined;
      return s3Problem(412, "PreconditionFailed");
    };
    await assert.rejects(target.copyFrom!(key("to"), from, options), hasCode("corrupt"));
    assert.deepEqual([await uploads(), await keysOf(target, "")], [[], []]);
    proxy.intercept = undefined;
    await putBytes(source, key("from"), someBytes(20 * MIB, 2), { ifExists: "replace" });
    await assert.rejects(target.copyFrom!(key("to"), from, options), hasCode("corrupt"));
    assert.deepEqual([await uploads(), await keysOf(target, "")], [[], []]);
  });

  for (const [name, size, answer] of [
    ["whose source these credentials may not read", 1000, s3Problem(403, "AccessDenied")],
    ["that the server does not support", 1000, s3Problem(501, "NotImplemented")],
    ["whose parts these credentials may not read", 20 * MIB, s3Problem(403, "AccessDenied")],
  ] as const) {
    test(`${name} are declined, which is remembered for this bucket only`, async (t) => {
      const { target, from, options, uploads } = await openPair(t, someBytes(size));
      proxy.intercept = (request) => (isCopy(request) ? answer : undefined);
      assert.equal(target.reaches!(from), true);
      assert.equal(await target.copyFrom!(key("to"), from, options), undefined);
      assert.equal(target.reaches!(from), false);
      assert.deepEqual([await uploads(), await keysOf(target, "")], [[], []]);
      proxy.seen.length = 0;
      assert.equal(await target.copyFrom!(key("to"), from, options), undefined);
      assert.equal(proxy.seen.length, 0, "a refusal is not asked for twice");
      const elsewhere: RemoteBlob = { ...from, origin: { ...from.origin!, bucket: "another-bucket" } };
      assert.equal(target.reaches!(elsewhere), true);
    });
  }

  test("whose response starts as a success and has an error are failures", async (t) => {
    const { target, from, options } = await openPair(t, someBytes(1000));
    const bodies = [
      "<Error><Code>InternalError</Code><Message>late</Message></Error>",
      "<html>Welcome</html>",
      "",
      "<Error><Code>PreconditionFailed</Code></Error>",
    ];
    let sent = "";
    proxy.intercept = (request) => (isCopy(request) ? (answer) => void answer.writeHead(200).end(sent) : undefined);
    const codes = ["unavailable", "unavailable", "unavailable", "corrupt"] as const;
    for (const [i, body] of bodies.entries()) {
      sent = body;
      await assert.rejects(target.copyFrom!(key("to"), from, options), hasCode(codes[i]!));
    }
    let left = 1;
    const late = (answer: ServerResponse) => void answer.writeHead(200).end(bodies[0]);
    proxy.intercept = (request) => (isCopy(request) && left-- > 0 ? late : undefined);
    assert.equal((await target.copyFrom!(key("to"), from, options))?.outcome, "created");
  });

  test("onto a blob that was created meanwhile are unchanged or a conflict", async (t) => {
    const bytes = someBytes(1000);
    const { target, from, options } = await openPair(t, bytes);
    // This server ignores If-None-Match for copies.
    for (const [name, other] of [
      ["same", bytes],
      ["other", someBytes(1000, 2)],
    ] as const) {
      let headed = 0;
      proxy.intercept = (request) => {
        if (request.method === "HEAD" && ++headed === 1) return (answer) => void answer.writeHead(404).end();
        return isCopy(request) ? s3Problem(412, "PreconditionFailed") : undefined;
      };
      await putBytes(target, key(name), other, { ifExists: "replace", replaces: false });
      const copying = target.copyFrom!(key(name), from, options);
      if (name === "same") assert.equal((await copying)?.outcome, "unchanged");
      else await assert.rejects(copying, hasCode("conflict"));
      assert.ok((await readAll(await target.get(key(name)))).equals(other));
    }
  });

  test("onto a blob without a known hash are declined, and later copies are not", async (t) => {
    const { target, from } = await openPair(t, someBytes(9 * MIB));
    await putBytes(target, key("to"), someBytes(9 * MIB));
    const bare: RemoteBlob = { ...from, blob: { ...from.blob, sha256: undefined, md5: undefined } };
    assert.equal(await target.copyFrom!(key("to"), bare, { ifExists: "fail" }), undefined);
    assert.equal(target.reaches!(bare), true);
  });

  test("from another host, or without a tag, cannot be made", async (t) => {
    const { target, from } = await openPair(t, someBytes(10));
    assert.equal(target.reaches!({ ...from, origin: { ...from.origin!, host: "s3.example.com" } }), false);
    assert.equal(target.reaches!({ ...from, blob: { ...from.blob, tag: undefined } }), false);
    assert.equal(target.reaches!({ ...from, origin: { ...from.origin!, type: "azure" } }), false);
    assert.equal(proxy.seen.length, 0);
  });

  test("onto itself, to change its headers, keep its tags in one request and in parts", async (t) => {
    const { config, source } = await openPair(t, someBytes(10 * MIB));
    await putBytes(source, key("large"), someBytes(11 * MIB));
    proxy.intercept = ({ method, url }) =>
      method === "GET" && url.includes("?tagging")
        ? (answer) => void answer.end("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
        : undefined;
    for (const name of ["from", "large"]) {
      const blob = (await source.head(key(name)))!;
      proxy.seen.length = 0;
      const how = { ifExists: "replace", sha256: blob.sha256, contentType: "text/plain" } as const;
      await source.describe!(blob, how);
      const started = proxy.seen.find(({ method, url }) => method === "POST" && url.endsWith("?uploads="));
      assert.equal(started?.headers["x-amz-tagging"], name === "large" ? "a=b" : undefined);
    }

    const connection = await connectS3(config, undefined);
    t.after(() => connection.close());
    const amazon = createCopier({ ...connection, isAmazon: true }, source, COPY_LIMITS);
    const blob = (await source.head(key("from")))!;
    for (const [name, directive] of [
      ["from", undefined],
      ["to", "REPLACE"],
    ] as const) {
      proxy.seen.length = 0;
      await amazon.copyFrom(key(name), source.remote!(blob), { ifExists: "replace", sha256: blob.sha256 });
      assert.equal(proxy.seen.find(isCopy)?.headers["x-amz-tagging-directive"], directive);
    }
  });
});
