import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { FeedctlError, type ErrorCode } from "../../../src/errors.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { partSizeFor } from "../../../src/stores/s3/parts.ts";
import type { S3Config } from "../../../src/stores/s3/config.ts";
import { sorting } from "../../../src/stores/sorting/sorting.ts";
import type { BlobInfo, Store } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { s3Cannot, s3Lacks, skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { s3ServerKind, startS3, type S3Server } from "../../support/s3-server.ts";
import { storeContract } from "../contract/contract.ts";
import { keysOf, MIB, putBytes } from "../contract/put.ts";
import { deleteAll } from "../contract/delete.ts";

const kind = s3ServerKind();
let server: S3Server;
const warnings: Error[] = [];
process.on("warning", (warning) => warnings.push(warning));
before(async () => {
  server = await startS3();
});
after(async () => {
  await server.stop();
  assert.deepEqual(warnings, [], "neither Node nor the SDK may warn on stderr");
});

let buckets = 0;
async function freshBucket(): Promise<string> {
  const name = `feedctl-test-${process.pid}-${++buckets}`;
  await server.createBucket(name);
  return name;
}

function configFor(bucket: string, more: Partial<S3Config> = {}): S3Config {
  const { endpoint, region, accessKey, secretKey } = server;
  return { type: "s3", bucket, endpoint, region, accessKey, secretKey, pathStyle: true, ...more };
}

const key = parseKey;

/** Every kind of request, with the same credentials and bucket. */
function everyCall(store: Store): Record<string, () => Promise<unknown>> {
  return {
    head: () => store.head(key("a")),
    get: () => store.get(key("a")),
    list: () => keysOf(store, ""),
    put: () => putBytes(store, key("a"), someBytes(10)),
    "replacing put": () => putBytes(store, key("a"), someBytes(10), { ifExists: "replace" }),
    "large put": () => putBytes(store, key("a"), someBytes(9 * MIB), { ifExists: "replace" }),
    delete: () => store.delete(key("a")),
    deleteMany: () => deleteAll(store, [key("a"), key("b")]),
  };
}

async function everyCallFails(config: S3Config, code: ErrorCode, says: RegExp, secrets: string[]): Promise<void> {
  await using store = await openS3Store(config);
  for (const [name, run] of Object.entries(everyCall(store))) {
    const error: unknown = await run().then(
      () => assert.fail(`${name} succeeded`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof FeedctlError, `${name}: ${inspect(error)}`);
    assert.equal(error.code, code, `${name}: ${error.message}`);
    assert.match(`${error.message} ${error.hint}`, says, name);
    assert.ok(error.cause instanceof Error, `${name} has no cause`);
    const whole = inspect(error, { depth: 20, showHidden: true });
    for (const secret of secrets) assert.ok(!whole.includes(secret), `${name} shows a secret: ${whole}`);
  }
}

async function blobsOf(listing: AsyncIterable<BlobInfo>): Promise<BlobInfo[]> {
  const blobs: BlobInfo[] = [];
  for await (const blob of listing) blobs.push(blob);
  return blobs;
}

storeContract(`s3 on ${kind}`, {
  lacks: s3Lacks[kind],
  open: async () => {
    const store = await openS3Store(configFor(await freshBucket()));
    return { store: sorting(store, { folder: tmpdir() }), cleanup: async () => {} };
  },
});

describe(`s3 on ${kind}: credentials and buckets`, () => {
  const skip = s3Cannot("check credentials");

  test("a wrong secret key is denied, and the message says so without the key", { skip }, async () => {
    const secretKey = "wrong-secret-value-1234567890";
    const config = configFor(await freshBucket(), { secretKey });
    await everyCallFails(config, "denied", /secret key does not match/, [
      secretKey,
      server.secretKey,
      server.accessKey,
    ]);
  });

  test("an unknown access key is denied, and the message says so", { skip }, async () => {
    const accessKey = "unknown-access-key-1234567890";
    const config = configFor(await freshBucket(), { accessKey });
    await everyCallFails(config, "denied", /does not know the access key/, [accessKey, server.secretKey]);
  });

  test("a missing bucket is not-found with the hint to create it, for every call", async () => {
    const config = configFor("feedctl-no-such-bucket");
    await everyCallFails(config, "not-found", /"feedctl-no-such-bucket" does not exist.*create it/, [server.secretKey]);
  });

  test("the name has bucket, path and endpoint", async () => {
    await using store = await openS3Store(configFor("bucket", { targetPath: "/feeds//npm/" }));
    assert.equal(store.name, `s3://bucket/feeds/npm at ${new URL(server.endpoint).origin}`);
  });
});

describe(`s3 on ${kind}: objects`, () => {
  test("target paths with and without slashes name the same objects, and their neighbours are not listed", async () => {
    const bucket = await freshBucket();
    for (const Key of ["feeds/F10/a", "feeds/F1x", "F1/a"])
      await server.client.putObject({ Bucket: bucket, Key, Body: "x" });
    for (const targetPath of ["feeds/F1", "/feeds/F1", "feeds//F1/", "/feeds/F1/"]) {
      await using store = await openS3Store(configFor(bucket, { targetPath }));
      assert.match(await putBytes(store, key("a b/c+d.tgz"), someBytes(3)), /created|unchanged/);
      assert.deepEqual(await keysOf(store, ""), ["a b/c+d.tgz"]);
      assert.deepEqual(await keysOf(store, "a b"), ["a b/c+d.tgz"]);
    }
    const { Contents = [] } = await server.client.listObjectsV2({ Bucket: bucket, Prefix: "feeds/F1/" });
    assert.deepEqual(
      Contents.map((object) => object.Key),
      ["feeds/F1/a b/c+d.tgz"],
    );
  });

  test("folder markers are reported as foreign and left out", async () => {
    const bucket = await freshBucket();
    await using store = await openS3Store(configFor(bucket, { targetPath: "feeds" }));
    for (const Key of ["feeds/", "feeds/dir/"]) await server.client.putObject({ Bucket: bucket, Key, Body: "" });
    await putBytes(store, key("dir/a"), someBytes(1));
    const foreign: string[] = [];
    const blobs = await blobsOf(store.list("", { onForeign: (name) => foreign.push(name) }));
    assert.deepEqual(
      blobs.map((blob) => blob.key),
      ["dir/a"],
    );
    assert.deepEqual(foreign, ["", "dir/"]);
  });

  test("the ETag of one request is the MD5, that of a multipart upload is not", async () => {
    await using store = await openS3Store(configFor(await freshBucket()));
    await putBytes(store, key("large"), someBytes(9 * MIB));
    await putBytes(store, key("small"), Buffer.from("hello"));
    const md5 = "5d41402abc4b2a76b9719d911017c592";
    assert.equal((await store.head(key("small")))?.md5, md5);
    assert.equal((await store.head(key("large")))?.md5, undefined);
    const listed = await blobsOf(store.list(""));
    assert.deepEqual(
      listed.map((blob) => [blob.key, blob.md5]),
      [
        ["large", undefined],
        ["small", md5],
      ],
    );
  });

  test("an object of another tool is compared by its bytes", async () => {
    const bucket = await freshBucket();
    await using store = await openS3Store(configFor(bucket));
    const bytes = someBytes(1000);
    const Metadata = { note: "100% theirs %41" };
    await server.client.putObject({ Bucket: bucket, Key: "theirs", Body: bytes, Metadata });
    assert.equal(await putBytes(store, key("theirs"), bytes), "unchanged");
    await assert.rejects(putBytes(store, key("theirs"), someBytes(1000, 2)), { code: "conflict" });
    const blob = await store.head(key("theirs"));
    assert.deepEqual([blob?.sha256, blob?.metadata], [undefined, Metadata]);
  });

  test("a body that differs from its MD5 is refused by the server and nothing is visible", async (t) => {
    if (skipIfS3Cannot(t, "check checksums")) return;
    await using store = await openS3Store(configFor(await freshBucket()));
    const md5 = "00000000000000000000000000000000";
    await assert.rejects(putBytes(store, key("a"), someBytes(10), { md5 }), { code: "corrupt" });
    assert.equal(await store.head(key("a")), undefined);
  });

  test("failed and interrupted multipart uploads leave nothing behind", async () => {
    const bucket = await freshBucket();
    await using store = await openS3Store(configFor(bucket));
    const bytes = someBytes(40 * MIB);
    const controller = new AbortController();
    const sources = {
      corrupt: sourceOf(bytes),
      denied: sourceOf(bytes, { fault: { at: 30 * MIB, error: new FeedctlError("denied", "no further") } }),
      unavailable: sourceOf(bytes, { fault: { at: 30 * MIB, error: new Error("disk failure") } }),
      interrupted: sourceOf(bytes, { fault: { at: 30 * MIB, reached: () => controller.abort() } }),
    };
    for (const [code, source] of Object.entries(sources)) {
      const promised = code === "corrupt" ? sha256(Buffer.from("other")) : sha256(bytes);
      const options = { ifExists: "fail", sha256: promised, signal: controller.signal } as const;
      await assert.rejects(store.put(key("a"), source, options), { code });
      await source.settled();
      assert.deepEqual(await openUploads(bucket), [], code);
      assert.equal(await store.head(key("a")), undefined);
    }
  });

  async function openUploads(Bucket: string): Promise<unknown[]> {
    return (await server.client.listMultipartUploads({ Bucket })).Uploads ?? [];
  }

  test("40 MiB are stored in parts, with one read of the source", async () => {
    await using store = await openS3Store(configFor(await freshBucket()));
    const bytes = someBytes(40 * MIB + 1);
    const source = sourceOf(bytes);
    assert.equal((await store.put(key("a"), source, { ifExists: "fail", sha256: sha256(bytes) })).outcome, "created");
    assert.equal(source.opened(), 1);
    assert.ok((await readAll(await store.get(key("a")))).equals(bytes));
  });
});

test("parts are whole MiB, at least 8, and never more than 10,000", () => {
  const TIB = 1024 ** 2 * MIB;
  for (const [size, expected] of [
    [1, 8],
    [80_000 * MIB, 8],
    [80_000 * MIB + 1, 9],
    [5 * TIB, 525],
  ] as const) {
    assert.equal(partSizeFor(size), expected * MIB);
    assert.ok(Math.ceil(size / partSizeFor(size)) <= 10_000);
  }
});
