// What no server that the tests can start has: lifecycle rules, archive classes, answers that refuse a question, and
// servers that ignore conditions or only pretend to delete in bulk. A small server plays them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { copyBlob } from "../../../src/operations/transfer/copy-blob.ts";
import type { Context } from "../../../src/operations/context.ts";
import { refuseArchived } from "../../../src/operations/migrate/refuse-archived.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import type { Store } from "../../../src/stores/store.ts";
import { blobsOf, hasCode } from "../contract/put.ts";

type Answer = { status?: number; body?: string; headers?: Record<string, string> };

const missing = (status: number, code: string): Answer => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
});

/** A server that keeps the objects that it is sent, and answers `answers` to queries such as `versioning`. */
async function play(
  t: TestContext,
  answers: Record<string, Answer>,
  quirks: { unconditional?: boolean; fakeBulk?: boolean; putTag?: string } = {},
) {
  const objects = new Map<string, string>();
  const seen: string[] = [];
  const answer = (method: string, url: URL, headers: Record<string, unknown>, body: string): Answer => {
    const key = decodeURIComponent(url.pathname.slice("/bucket/".length));
    const asked = [...url.searchParams.keys()].find((name) => name in answers);
    if (asked !== undefined) return answers[asked]!;
    if (url.searchParams.has("list-type")) {
      const listed = [...objects.keys()].filter((name) => name.startsWith(url.searchParams.get("prefix")!)).sort();
      const contents = listed.map((name) => `<Contents><Key>${name}</Key><Size>1</Size><ETag>"x"</ETag></Contents>`);
      return { body: `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>` };
    }
    if (method === "POST") {
      if (quirks.fakeBulk !== true) for (const [, name] of body.matchAll(/<Key>(.*?)<\/Key>/g)) objects.delete(name!);
      return { body: "<DeleteResult/>" };
    }
    if (method === "PUT") {
      if (headers["if-none-match"] !== undefined && objects.has(key) && quirks.unconditional !== true)
        return missing(412, "PreconditionFailed");
      objects.set(key, body);
      return { headers: { etag: `"${quirks.putTag ?? "x"}"` } };
    }
    if (method === "DELETE") return { status: objects.delete(key) ? 204 : 204 };
    return objects.has(key) ? { headers: { etag: '"x"' } } : missing(404, "NoSuchKey");
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", () => {
        seen.push(`${request.method} ${request.url}`);
        const url = new URL(request.url!, "http://here");
        const {
          status = 200,
          body = "",
          headers = {},
        } = answer(request.method!, url, request.headers, Buffer.concat(chunks).toString());
        response
          .writeHead(status, { "content-type": "application/xml", ...headers })
          .end(request.method === "HEAD" ? undefined : body);
      });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = await openS3Store({
    type: "s3",
    bucket: "bucket",
    targetPath: "top",
    endpoint,
    pathStyle: true,
    accessKey: "k",
    secretKey: "s",
  });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });
  return { store, objects, seen };
}

const folder = "feedctl-probe/x/";
const none = {
  versioning: { body: "<VersioningConfiguration/>" },
  "object-lock": missing(404, "ObjectLockConfigurationNotFoundError"),
  lifecycle: missing(404, "NoSuchLifecycleConfiguration"),
};

test("a plain server: everything is tried, and no probe stays", async (t) => {
  const { store, objects } = await play(t, none);
  assert.partialDeepStrictEqual(await store.examine!({ folder }), {
    versioning: "off",
    lock: { mode: "off" },
    lifecycle: [],
    conditionalCreate: true,
    bulkDelete: true,
  });
  assert.deepEqual([...objects.keys()], []);
});

test("a server that ignores conditions and only pretends to delete in bulk", async (t) => {
  const { store, objects } = await play(t, none, { unconditional: true, fakeBulk: true });
  assert.equal(store.features.atomicCreate, true);
  assert.partialDeepStrictEqual(await store.examine!({ folder }), { conditionalCreate: false, bulkDelete: false });
  assert.equal(store.features.atomicCreate, false);
  assert.deepEqual([...objects.keys()], []);
});

test("a server or proxy that answers a put with another tag than the blob has is refused", async (t) => {
  const { store, objects } = await play(t, none, { unconditional: true, putTag: "0123456789abcdef0123456789abcdef" });
  await assert.rejects(store.examine!({ folder }), hasCode("corrupt"));
  assert.deepEqual([...objects.keys()], []);
});

test("credentials that may not ask: nothing is known, and nothing fails", async (t) => {
  const denied = missing(403, "AccessDenied");
  const { store, seen } = await play(t, { versioning: denied, "object-lock": denied, lifecycle: denied });
  const { versioning, lock, lifecycle } = await store.examine!({});
  assert.deepEqual([versioning, lock, lifecycle], [undefined, undefined, undefined]);
  assert.deepEqual(
    seen.filter((each) => !each.startsWith("GET")),
    [],
    "asking writes nothing",
  );
  const { store: gone } = await play(t, { versioning: missing(404, "NoSuchBucket") });
  await assert.rejects(gone.examine!({}), hasCode("not-found"));
});

test("lifecycle rules: those of the store, without those that depend on tags or newer versions", async (t) => {
  const rule = (more: string, status = "Enabled") => `<Rule><ID>x</ID><Status>${status}</Status>${more}</Rule>`;
  const days = (element: string, inner: string) => `<${element}>${inner}</${element}>`;
  const rules = [
    rule(
      `<Filter><Prefix></Prefix></Filter>${days("NoncurrentVersionExpiration", "<NoncurrentDays>30</NoncurrentDays>")}`,
    ),
    rule(`<Filter><Prefix>top/a/</Prefix></Filter>${days("Expiration", "<Days>9</Days>")}`),
    rule(`<Prefix>to</Prefix>${days("Transition", "<Days>60</Days><StorageClass>GLACIER</StorageClass>")}`),
    rule(`<Filter><Prefix>other/</Prefix></Filter>${days("Expiration", "<Days>1</Days>")}`),
    rule(
      `<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>${days("NoncurrentVersionExpiration", "<NoncurrentDays>1</NoncurrentDays>")}`,
    ),
    rule(`<Filter><Prefix></Prefix></Filter>${days("Expiration", "<Days>2</Days>")}`, "Disabled"),
  ];
  const { store } = await play(t, {
    ...none,
    lifecycle: { body: `<LifecycleConfiguration>${rules.join("")}</LifecycleConfiguration>` },
  });
  assert.deepEqual((await store.examine!({})).lifecycle, [
    { does: "delete earlier versions", days: 30 },
    { does: "delete", days: 9, prefix: "a/" },
    { does: "move", days: 60, to: "GLACIER" },
  ]);
});

test("archived blobs are known by the listing, and are not requested; restored ones are", async (t) => {
  const listed = ["cold", "thawed", "warm"].map(
    (name) =>
      `<Contents><Key>top/${name}</Key><Size>1</Size><ETag>"x"</ETag><StorageClass>${name === "warm" ? "STANDARD" : "GLACIER"}</StorageClass></Contents>`,
  );
  const list = { body: `<ListBucketResult><IsTruncated>false</IsTruncated>${listed.join("")}</ListBucketResult>` };
  const { store, seen } = await play(t, { "list-type": list });
  const heads: Record<string, Record<string, string>> = {
    cold: { "x-amz-storage-class": "DEEP_ARCHIVE" },
    thawed: { "x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="false", expiry-date="x"' },
  };
  const source: Store = {
    ...store,
    head: async (key) => ({
      key,
      size: 1,
      modified: new Date(0),
      ...(heads[key]?.["x-amz-restore"] === undefined && { archived: "GLACIER" }),
    }),
  };
  assert.deepEqual(
    (await blobsOf(store, "")).map(({ key, archived }) => [key, archived]),
    [
      ["cold", "GLACIER"],
      ["thawed", "GLACIER"],
      ["warm", undefined],
    ],
  );
  const signal = new AbortController().signal;
  await assert.rejects(refuseArchived(source, signal), { code: "refused", message: /1 blob of .*archived: "cold"/ });
  const before = seen.length;
  const blob = (await blobsOf(store, ""))[0]!;
  await assert.rejects(
    copyBlob({ signal } as Context, { source, target: source, blob, ifExists: "fail" }),
    hasCode("denied"),
  );
  assert.equal(seen.length - before, 1, "only the listing was requested");
});
