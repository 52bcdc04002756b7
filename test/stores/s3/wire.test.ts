// Responses that a correct server never sends, and requests that it cannot be asked about. A small HTTP server plays
// S3, so that its responses can be wrong and the requests can be inspected. Everything else is tested on a real server.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { describe, test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { FeedctlError, type ErrorCode } from "../../../src/errors.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { sorting } from "../../../src/stores/sorting/sorting.ts";
import type { S3Config } from "../../../src/stores/s3/config.ts";
import type { BlobInfo, Store } from "../../../src/stores/store.ts";
import { readAll, someBytes } from "../../support/bytes.ts";
import { keysOf, MIB, putBytes } from "../contract/put.ts";
import { s3 } from "../../../src/stores/s3/descriptor.ts";

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Close the connection in the middle of the body. Without Content-Length: of a chunked body, or as its only end. */
  cut?: boolean | "chunked" | "closed";
}

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
}

const key = parseKey;
const keys = { accessKey: "AKIATESTACCESSKEY", secretKey: "very-secret-value-of-the-test" };

/** A store on a server with these responses. `seen` has the requests. */
async function play(t: TestContext, answer: (request: Seen, count: number) => Answer, more: Partial<S3Config> = {}) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      const one = { method: request.method!, url: request.url!, headers: request.headers };
      seen.push(one);
      const { status = 200, headers = {}, body = "", cut = false } = answer(one, seen.length);
      if (!cut) return response.writeHead(status, headers).end(body);
      response.useChunkedEncodingByDefault = cut === "chunked";
      response.shouldKeepAlive = cut === "chunked";
      if (cut === "closed") return response.writeHead(status, headers).end(body);
      response.writeHead(status, cut === true ? { ...headers, "content-length": body.length * 2 } : headers);
      response.write(body, () => request.socket.destroy());
      return undefined;
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = await openS3Store({ type: "s3", bucket: "bucket", endpoint, pathStyle: true, ...keys, ...more });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });
  return { store, seen };
}

const problem = (status: number, code: string, more = "", headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { "content-type": "application/xml", "x-amz-request-id": "REQ123", ...headers },
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code === "AccessDenied" ? "Access Denied" : "words of the server"}</Message>${more}</Error>`,
});

const page = (names: readonly string[], more = "<IsTruncated>false</IsTruncated>"): Answer => ({
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType>${more}${names
    .map(
      (name) =>
        `<Contents><Key>${name}</Key><Size>1</Size><ETag>"x-1"</ETag><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>`,
    )
    .join("")}</ListBucketResult>`,
});

async function failure(promise: Promise<unknown>): Promise<FeedctlError> {
  const error: unknown = await promise.then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FeedctlError, inspect(error));
  const whole = inspect(error, { depth: 20, showHidden: true });
  for (const secret of Object.values(keys)) assert.ok(!whole.includes(secret), `a secret is shown: ${whole}`);
  return error;
}

async function blobsOf(listing: AsyncIterable<BlobInfo>): Promise<BlobInfo[]> {
  const blobs: BlobInfo[] = [];
  for await (const blob of listing) blobs.push(blob);
  return blobs;
}

describe("what is sent", () => {
  test("with --request-payer every request and every signed URL says who pays, and without none does", async (t) => {
    for (const requestPayer of [true, undefined]) {
      const { store, seen } = await play(t, acceptEverything, { requestPayer });
      await putBytes(store, key("large"), someBytes(9 * MIB));
      await store.head(key("a"));
      await store.delete(key("a"));
      await Array.fromAsync(store.unfinished!.list());
      const wanted = requestPayer ? "requester" : undefined;
      assert.ok(seen.length >= 6, String(seen.length));
      for (const { method, url, headers } of seen) {
        assert.equal(headers["x-amz-request-payer"], wanted, `${method} ${url}`);
        if (wanted) assert.match(String(headers["authorization"]), /x-amz-request-payer/);
      }
      const url = new URL((await store.remote!({ key: key("a"), size: 1, modified: new Date() }).url())!);
      assert.equal(url.searchParams.get("x-amz-request-payer") ?? undefined, wanted);
    }
  });

  const CREATION = [
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
  ];
  const kmsKey = "arn:aws:kms:us-east-1:1:key/2";
  const cases: { name: string; config: Partial<S3Config>; headers: (string | undefined)[] }[] = [
    { name: "nothing by default", config: {}, headers: [undefined, undefined, undefined, undefined] },
    { name: "make public", config: { makePublic: true }, headers: ["public-read", undefined, undefined, undefined] },
    { name: "encrypted", config: { encrypted: true }, headers: [undefined, "AES256", undefined, undefined] },
    { name: "KMS key", config: { kmsKey }, headers: [undefined, "aws:kms", kmsKey, undefined] },
    {
      name: "reduced redundancy",
      config: { reducedRedundancy: true },
      headers: [undefined, undefined, undefined, "REDUCED_REDUNDANCY"],
    },
    {
      name: "storage class",
      config: { storageClass: "STANDARD_IA" },
      headers: [undefined, undefined, undefined, "STANDARD_IA"],
    },
  ];
  for (const { name, config, headers } of cases) {
    test(`creation options, with PutObject and CreateMultipartUpload only: ${name}`, async (t) => {
      const { store, seen } = await play(t, acceptEverything, config);
      await putBytes(store, key("small"), someBytes(10));
      await putBytes(store, key("large"), someBytes(9 * MIB));
      for (const { method, url, headers: sent } of seen) {
        const creates =
          (method === "PUT" && !url.includes("partNumber")) || (method === "POST" && url.includes("?uploads"));
        assert.deepEqual(
          CREATION.map((each) => sent[each]),
          creates ? headers : CREATION.map(() => undefined),
          `${method} ${url}`,
        );
      }
      assert.equal(seen.filter(({ url }) => url.includes("partNumber")).length, 2);
    });
  }

  /** An empty bucket that accepts every put. */
  function acceptEverything({ method, url }: Seen): Answer {
    if (method === "HEAD") return { status: url.startsWith("/bucket/") && url.length > "/bucket/".length ? 404 : 200 };
    if (url.includes("?uploads"))
      return { body: "<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>" };
    if (method === "POST")
      return { body: `<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>` };
    return { headers: { etag: `"e"` } };
  }

  test("length, MD5, condition, content type, cache-control and metadata are sent with the blob; a CRC is not", async (t) => {
    const { store, seen } = await play(t, acceptEverything);
    const modified = new Date("2024-05-06T07:08:09.250Z");
    const described = {
      contentType: "text/plain",
      cacheControl: "no-cache",
      metadata: { colour: "blue", "X Y": "é" },
      modified,
    };
    await putBytes(store, key("a"), Buffer.from("hello"), described);
    const sent = seen.find(({ method }) => method === "PUT")!.headers;
    assert.equal(sent["content-length"], "5");
    assert.equal(sent["content-md5"], "XUFAKrxLKna5cZ2REBfFkg==");
    assert.equal(sent["if-none-match"], "*");
    assert.equal(sent["content-type"], "text/plain");
    assert.equal(sent["cache-control"], "no-cache");
    assert.equal(sent["x-amz-meta-sha256"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert.equal(sent["x-amz-meta-mtime"], "1714979289.25");
    assert.equal(sent["x-amz-meta-colour"], "blue");
    assert.deepEqual(JSON.parse(decodeURIComponent(String(sent["x-amz-meta-feedctl"]))), { "X Y": "é" });
    assert.deepEqual(
      Object.keys(sent).filter((name) => /crc|expect|trailer/.test(name)),
      [],
    );
  });

  test("without bulk deletes each blob is deleted by a request of its own, and the bulk is tried once", async (t) => {
    for (const refusal of [problem(501, "NotImplemented"), problem(400, "InvalidArgument"), { status: 405 }]) {
      const { store, seen } = await play(t, ({ method, url }) => {
        if (method === "POST") return refusal;
        return url.endsWith("/held") ? problem(403, "AccessDenied") : { status: 204 };
      });
      for (let i = 0; i < 2; i++) {
        const failures = await store.deleteMany!([key("a"), key("held"), key("b c")]);
        assert.deepEqual(
          failures.map((failed) => [failed.key, failed.error.code]),
          [["held", "denied"]],
        );
      }
      const sent = seen.map(({ method, url }) => `${method} ${url.replace("/bucket/", "")}`);
      assert.equal(sent.filter((each) => each.startsWith("POST")).length, 1);
      assert.deepEqual(sent.filter((each) => each.startsWith("DELETE")).sort(), [
        ...Array.from({ length: 2 }, () => "DELETE a"),
        ...Array.from({ length: 2 }, () => "DELETE b%20c"),
        ...Array.from({ length: 2 }, () => "DELETE held"),
      ]);
    }
  });

  test("a bulk delete whose blobs cannot be deleted one by one either is refused as a whole", async (t) => {
    const { store } = await play(t, ({ method }) =>
      method === "POST" ? problem(400, "InvalidRequest") : problem(403, "AccessDenied"),
    );
    assert.equal((await failure(store.deleteMany!([key("a")]))).code, "usage");
  });

  /** A server that answers a put of `new` with a tag, and has these bytes under `has` afterwards. */
  async function tagging(t: TestContext, told: string, has: string, bytes: Buffer) {
    let stored = false;
    return play(t, ({ method, url }) => {
      if (url.includes("list-type")) return { body: String(page(["a"]).body).replace("x-1", told) };
      if (!url.includes("/new")) return { headers: { etag: `"${told}"` } };
      if (method === "PUT") stored = true;
      if (method === "PUT") return { headers: { etag: `"${told}"` } };
      const headers = { etag: `"${has}"`, "content-length": `${bytes.length}` };
      return stored ? { headers, body: method === "HEAD" ? "" : bytes } : { status: 404 };
    });
  }
  const other = "0123456789abcdef0123456789abcdef";

  test("an upload that is answered without a tag was not stored", async (t) => {
    const { store } = await play(t, ({ method, url }) =>
      method === "PUT"
        ? { headers: { "content-type": "text/html" }, body: "<html>log in</html>" }
        : { status: url.endsWith("/new") ? 404 : 200 },
    );
    const refused = await failure(putBytes(store, key("new"), someBytes(10)));
    assert.equal(refused.code, "unavailable");
    assert.match(refused.message, /no ETag: it is not from S3/);
  });

  test("a tag that is neither the MD5 that was sent nor the blob's is refused, as are other bytes", async (t) => {
    const bytes = someBytes(10);
    const changed = await tagging(t, other, hash("md5", bytes), bytes);
    assert.equal((await failure(putBytes(changed.store, key("new"), bytes))).code, "corrupt");
    const damaged = await tagging(t, other, other, someBytes(11).subarray(1));
    assert.equal((await failure(putBytes(damaged.store, key("new"), bytes))).code, "corrupt");
  });

  test("tags of 32 digits are no MD5s on a server that answers a put with another one", async (t) => {
    const { store } = await tagging(t, other, other, someBytes(10));
    assert.equal((await store.head(key("a")))?.md5, other);
    await putBytes(store, key("new"), someBytes(10));
    assert.equal((await store.head(key("a")))?.md5, undefined);
    assert.equal((await blobsOf(store.list("")))[0]?.md5, undefined);
  });

  test("deleteMany sends 1,000 keys per request, with an MD5, tries all and returns the failures", async (t) => {
    const { store, seen } = await play(t, (_, count) => ({
      body:
        count === 1
          ? "<DeleteResult><Error><Key>k/7</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>"
          : "<DeleteResult/>",
    }));
    const failures = await store.deleteMany!(Array.from({ length: 2001 }, (_, i) => key(`k/${i}`)));
    assert.deepEqual(
      failures.map((each) => each.key),
      ["k/7"],
    );
    const { error } = failures[0]!;
    assert.equal(error.code, "denied");
    assert.match(error.message, /"k\/7"/);
    assert.match(error.hint!, /s3:DeleteObject/);
    assert.equal(seen.length, 3);
    for (const { headers } of seen) assert.match(String(headers["content-md5"]), /^[\w+/]{22}==$/);
  });

  test("a server that does not support If-None-Match gets the request again without it", async (t) => {
    const { store, seen } = await play(t, (request) => {
      if (request.headers["if-none-match"] === undefined) return acceptEverything(request);
      return problem(501, "NotImplemented");
    });
    assert.equal(await putBytes(store, key("a"), someBytes(10)), "created");
    assert.equal(seen.at(-1)?.headers["if-none-match"], undefined);
  });

  test("a conflict with a write in progress is retried", async (t) => {
    let conflicts = 2;
    const { store } = await play(t, (request) => {
      if (request.method === "PUT" && conflicts-- > 0) return problem(409, "ConditionalRequestConflict");
      return acceptEverything(request);
    });
    assert.equal(await putBytes(store, key("a"), someBytes(10)), "created");
    assert.equal(conflicts, -1);
  });

  test("the hint mentions an upload that cannot be aborted", async (t) => {
    const { store } = await play(t, (request) => {
      if (request.url.includes("partNumber")) return problem(403, "AccessDenied");
      return request.method === "DELETE" ? problem(403, "AccessDenied") : acceptEverything(request);
    });
    const error = await failure(putBytes(store, key("a"), someBytes(9 * MIB)));
    assert.equal(error.code, "denied");
    assert.match(error.hint!, /s3:PutObject.*unfinished multipart upload is left/);
  });
});

describe("listings that are incomplete or wrong", () => {
  const sortedServer = (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, server: "MinIO" } });
  const truncated = (token: string) =>
    `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;
  const bad: { name: string; answers: Answer[]; says: RegExp }[] = [
    { name: "keys out of order", answers: [page(["b", "a"])], says: /out of order: "a" came after "b"/ },
    { name: "the order of UTF-16", answers: [page(["%F0%9F%98%80", "%EF%BD%9E"])], says: /out of order/ },
    { name: "one key twice", answers: [page(["a", "a"])], says: /out of order/ },
    {
      name: "a second page that starts over",
      answers: [page(["a", "b"], truncated("t")), page(["b", "c"])],
      says: /out of order/,
    },
    {
      name: "truncated, without a token",
      answers: [page(["a"], "<IsTruncated>true</IsTruncated>")],
      says: /no continuation token/,
    },
    {
      name: "the same token again",
      answers: [page(["a"], truncated("t")), page([], truncated("t"))],
      says: /same continuation token/,
    },
    {
      name: "fewer keys than announced",
      answers: [page(["a"], "<IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>")],
      says: /fewer keys/,
    },
    { name: "a key without the requested prefix", answers: [page(["other/a"])], says: /asked for/ },
    {
      name: "a web page",
      answers: [{ headers: { "content-type": "text/html" }, body: "<html><body>Welcome</body></html>" }],
      says: /not a listing/,
    },
    { name: "an empty answer", answers: [{ body: "" }], says: /not a listing/ },
  ];
  for (const { name, answers, says } of bad) {
    test(name, async (t) => {
      const { store } = await play(
        t,
        (_, count) => sortedServer(answers[count - 1] ?? {}),
        name === "a key without the requested prefix" ? { targetPath: "mine" } : {},
      );
      const error = await failure(keysOf(store, ""));
      assert.equal(error.code, "corrupt");
      assert.match(error.message, says);
    });
  }

  test("a server that is not known to sort may list in any order, but no key twice", async (t) => {
    const answers = [
      page(["b", "a/x"], truncated("t")),
      page(["a-b", "%F0%9F%98%80", "%EF%BD%9E"]),
      page(["a", "b", "a"]),
    ];
    const { store } = await play(t, (_, count) => answers[count - 1]!);
    const sorted = sorting(store, { folder: tmpdir() });
    assert.equal(store.features.sortedList, false);
    assert.deepEqual(await keysOf(sorted, ""), ["a-b", "a/x", "b", "\uff5e", "😀"]);
    const error = await failure(keysOf(sorted, ""));
    assert.deepEqual([error.code, /"a" twice/.test(error.message)], ["corrupt", true], error.message);
  });

  test("a listing whose connection is cut is unavailable", async (t) => {
    const { store } = await play(t, () => ({ ...page(["a", "b"]), cut: true }));
    assert.equal((await failure(keysOf(store, ""))).code, "unavailable");
  });

  test("URL-encoded names are decoded, others are left unchanged", async (t) => {
    const encoded = ["a+b%2Bc%2541", "%C3%A9", "%EF%BD%9E", "%F0%9F%98%80"];
    const { store } = await play(t, (_, count) => {
      const answer = page(count === 1 ? encoded : ["a+b%41"]);
      return count === 1
        ? answer
        : { ...answer, body: String(answer.body).replace("<EncodingType>url</EncodingType>", "") };
    });
    assert.deepEqual(await keysOf(store, ""), ["a b+c%41", "é", "\uff5e", "😀"]);
    assert.deepEqual(await keysOf(store, ""), ["a+b%41"]);
  });
});

describe("reading", () => {
  test("a body that is cut errors the stream as unavailable, after the bytes before", async (t) => {
    const { store } = await play(t, () => ({ body: someBytes(1000), cut: true }));
    const stream = await store.get(key("a"));
    let received = 0;
    const reading = (async () => {
      for await (const chunk of stream) received += (chunk as Buffer).length;
    })();
    assert.equal((await failure(reading)).code, "unavailable");
    assert.equal(received, 1000);
  });

  for (const cut of ["chunked", "closed"] as const)
    test(`a body that is cut without Content-Length (${cut}) is unavailable, however it is read`, async (t) => {
      const { store } = await play(t, ({ method, headers: { range } }) => {
        const headers = { etag: '"t"', ...(range !== undefined && { "content-range": "bytes 100-1999/2000" }) };
        if (method === "HEAD") return { headers: { ...headers, "content-length": "2000" } };
        return { status: range === undefined ? 200 : 206, headers, body: someBytes(1000), cut };
      });
      const known = { key: key("a"), size: 2000, modified: new Date(), tag: "t" };
      for (const options of [{}, { known }, { range: { start: 100 } }]) {
        let size: number | undefined;
        const onInfo = (info: BlobInfo) => void (size = info.size);
        assert.equal((await failure(store.get(key("a"), { ...options, onInfo }).then(readAll))).code, "unavailable");
        assert.equal(size, 2000, "a read that resumes must know where the blob ends");
      }
      assert.equal((await failure(store.read!(known))).code, "unavailable");
    });

  test("a whole body without Content-Length is read", async (t) => {
    const { store } = await play(t, ({ method }) => {
      const headers = { etag: '"t"' };
      return method === "HEAD"
        ? { headers: { ...headers, "content-length": "1000" } }
        : { headers, body: someBytes(1000), cut: "closed" };
    });
    assert.equal((await readAll(await store.get(key("a")))).length, 1000);
  });

  test("a server that ignores the range is detected", async (t) => {
    const { store } = await play(t, () => ({ body: "0123456789" }));
    assert.match((await failure(store.get(key("a"), { range: { start: 5 } }))).message, /does not know ranges/);
    assert.equal(String(await readAll(await store.get(key("a")))), "0123456789");
  });

  test("the ETag under SSE-KMS is not an MD5, neither in head nor in list", async (t) => {
    const etag = `"9dd4e461268c8034f5c8564e155c67a6"`;
    const kms = { etag, "x-amz-server-side-encryption": "aws:kms", "content-length": "1" };
    const { store } = await play(t, ({ method }) =>
      method === "HEAD" ? { headers: kms } : { body: String(page(["a"]).body).replace(`"x-1"`, etag) },
    );
    assert.deepEqual(
      (await blobsOf(store.list(""))).map((blob) => blob.md5),
      [undefined],
    );
    assert.equal((await store.head(key("a")))?.md5, undefined);
    assert.equal((await store.head(key("a")))?.tag, "9dd4e461268c8034f5c8564e155c67a6");
  });
});

describe("errors of the server", () => {
  const hour = new Date(Date.now() + 3_600_000).toISOString();
  const cases: { name: string; answer: Answer; code: ErrorCode; says: RegExp; requests?: number }[] = [
    {
      name: "AccessDenied",
      answer: problem(403, "AccessDenied"),
      code: "denied",
      says: /s3:GetObject.*AccessDenied|AccessDenied.*s3:GetObject/,
    },
    { name: "ExpiredToken", answer: problem(400, "ExpiredToken"), code: "denied", says: /expired/ },
    { name: "AllAccessDisabled", answer: problem(403, "AllAccessDisabled"), code: "denied", says: /billing/ },
    {
      name: "a secret quoted by the server",
      answer: problem(
        403,
        "SignatureDoesNotMatch",
        `<StringToSign>${keys.secretKey}</StringToSign><AWSAccessKeyId>${keys.accessKey}</AWSAccessKeyId>`,
      ),
      code: "denied",
      says: /secret key does not match/,
    },
    {
      name: "a wrong clock",
      answer: problem(403, "RequestTimeTooSkewed", `<ServerTime>${hour}</ServerTime>`),
      code: "denied",
      says: /behind.*clock/,
    },
    {
      name: "another region, in a header",
      answer: problem(301, "PermanentRedirect", "", { "x-amz-bucket-region": "eu-west-3" }),
      code: "usage",
      says: /--region eu-west-3/,
    },
    {
      name: "another region, in the response",
      answer: problem(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"),
      code: "usage",
      says: /--region eu-west-3/,
    },
    {
      name: "SlowDown, after three tries",
      answer: problem(503, "SlowDown"),
      code: "unavailable",
      says: /127\.0\.0\.1:\d+ asks for fewer requests/,
      requests: 3,
    },
    {
      name: "an unknown error with status 5xx",
      answer: problem(500, "Whatever"),
      code: "unavailable",
      says: /Whatever, request REQ123/,
      requests: 3,
    },
    {
      name: "an unknown error with status 4xx",
      answer: problem(400, "Whatever"),
      code: "denied",
      says: /words of the server.*Whatever/,
    },
    { name: "QuotaExceeded", answer: problem(403, "QuotaExceeded"), code: "full", says: /quota/ },
    { name: "status 507", answer: problem(507, "Whatever"), code: "full", says: /no space/ },
    { name: "EntityTooLarge", answer: problem(400, "EntityTooLarge"), code: "invalid", says: /larger/ },
    { name: "BadDigest", answer: problem(400, "BadDigest"), code: "corrupt", says: /other bytes than were sent/ },
    { name: "NotImplemented", answer: problem(501, "NotImplemented"), code: "usage", says: /--storage-class/ },
    { name: "an archived object", answer: problem(403, "InvalidObjectState"), code: "denied", says: /restore/ },
    { name: "no blob", answer: problem(404, "NoSuchKey"), code: "not-found", says: /no such blob/ },
  ];
  for (const { name, answer, code, says, requests } of cases) {
    test(name, async (t) => {
      const { store, seen } = await play(t, () => answer);
      const error = await failure(store.get(key("a")));
      assert.equal(error.code, code);
      assert.match(`${error.message} ${error.hint}`, says);
      if (requests !== undefined) assert.equal(seen.length, requests);
    });
  }

  const words = (status: number, code: string, text: string): Answer => ({
    status,
    headers: { "content-type": "application/xml" },
    body: `<Error><Code>${code}</Code><Message>${text}</Message></Error>`,
  });
  const user = "User: arn:aws:iam::123456789012:user/feeds is not authorized to perform:";

  for (const { name, answer, says } of [
    {
      name: "a key of KMS",
      answer: words(403, "AccessDenied", `${user} kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/k`),
      says: /kms:Decrypt on resource.*hint: the credentials need kms:Decrypt on the KMS key/,
    },
    {
      name: "a bucket policy",
      answer: words(403, "AccessDenied", `${user} s3:GetObject with an explicit deny in a resource-based policy`),
      says: /explicit deny in a resource-based policy.*hint: a policy forbids it/,
    },
    {
      name: "nothing",
      answer: words(403, "AccessDenied", "Access Denied"),
      says: /denied \(.*hint: the credentials need s3:G/,
    },
  ]) {
    test(`a refusal is reported with the server's own reason: ${name}`, async (t) => {
      const { store } = await play(t, () => answer);
      for (const call of [() => store.get(key("a")), () => store.head(key("a"))]) {
        const error = await failure(call());
        assert.equal(error.code, "denied");
        assert.match(`${error.message} hint: ${error.hint}`, says);
      }
    });
  }

  const ssec = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided.";
  for (const { name, answer, says } of [
    { name: "SSE-C", answer: words(400, "InvalidRequest", ssec), says: /SSE-C.*correct parameters/ },
    {
      name: "status 405",
      answer: words(405, "MethodNotAllowed", "Method Not Allowed"),
      says: /refused it with status 405/,
    },
    { name: "its KMS key", answer: problem(400, "KMS.DisabledException"), says: /KMS key of the object is disabled/ },
  ]) {
    test(`a refusal of one blob is its own failure: ${name}`, async (t) => {
      const { store } = await play(t, () => answer);
      for (const call of [() => store.get(key("a")), () => store.head(key("a"))]) {
        const error = await failure(call());
        assert.deepEqual([error.code, error.blobOnly, error.archived], ["denied", true, false]);
        assert.match(error.message, says);
      }
      const listing = await failure(keysOf(store, ""));
      assert.equal(listing.blobOnly, false, "a refused listing is about the bucket");
    });
  }

  test("an error of one key in a bulk delete is no failed connection", async (t) => {
    const { store } = await play(t, () => ({
      body: "<DeleteResult><Error><Key>a</Key><Code>InternalError</Code><Message>try again</Message></Error></DeleteResult>",
    }));
    const [failed] = await store.deleteMany!([key("a")]);
    assert.equal(failed?.error.code, "unavailable");
    assert.match(failed?.error.message ?? "", /the server could not: try again \(InternalError\)/);
  });

  test("the region of a refused HEAD, whose response has no body, is found in its header", async (t) => {
    const { store } = await play(t, () => ({ status: 301, headers: { "x-amz-bucket-region": "eu-west-3" } }));
    const error = await failure(store.head(key("a")));
    assert.equal(error.code, "usage");
    assert.match(error.hint!, /--region eu-west-3/);
  });

  const unreachable = {
    "a closed port": ["http://127.0.0.1:9", /refuses connections/],
    "no such host": ["http://s3.feedctl-test.invalid", /does not resolve/],
  } as const;
  for (const [name, [endpoint, says]] of Object.entries(unreachable)) {
    test(`${name} is unavailable, and the message names the host`, async () => {
      await using store = await openS3Store({ type: "s3", bucket: "bucket", endpoint, pathStyle: true, ...keys });
      const calls: ((store: Store) => Promise<unknown>)[] = [(each) => each.head(key("a")), (each) => keysOf(each, "")];
      for (const run of calls) {
        const error = await failure(run(store));
        assert.equal(error.code, "unavailable");
        assert.match(error.message, says);
        assert.ok(error.message.includes(new URL(endpoint).host));
      }
    });
  }
});

const ARN = "arn:aws:s3:eu-west-1:123456789012:accesspoint";

test("an access point is addressed by its own host, and signed for its own region", async () => {
  for (const bucket of [`${ARN}/web`, `${ARN}:web`]) {
    await using store = await openS3Store({ type: "s3", bucket, region: "us-east-1", ...keys });
    const url = new URL((await store.remote!({ key: key("a"), size: 1, modified: new Date() }).url())!);
    assert.equal(url.host, "web-123456789012.s3-accesspoint.eu-west-1.amazonaws.com");
    assert.equal(url.pathname, "/a");
    assert.match(url.searchParams.get("X-Amz-Credential")!, /\/eu-west-1\/s3\//);
    assert.equal(s3.locationName(s3.locate({ type: "s3", bucket })), `s3://${ARN}:web`);
  }
});

describe("configurations that cannot work are usage errors, and nothing is sent", () => {
  const cases: [string, Partial<S3Config>, RegExp][] = [
    ["an access key alone", { secretKey: undefined }, /--secret-key/],
    ["a secret key alone", { accessKey: undefined }, /--access-key/],
    ["a secret with a line end", { secretKey: "very-secret-value-of-the-test\n" }, /line end/],
    ["two storage classes", { reducedRedundancy: true, storageClass: "STANDARD_IA" }, /--storage-class/],
    ["two encryptions", { encrypted: true, kmsKey: "k" }, /--kms-key/],
    ["an endpoint that is not a URL", { endpoint: "localhost" }, /URL/],
    ["an endpoint with credentials", { endpoint: "http://me:secret@localhost" }, /credentials/],
    ["a path in the bucket name", { bucket: "bucket/path" }, /--target-path/],
    ["no bucket", { bucket: "" }, /--bucket/],
    ["a multi-region access point", { bucket: "arn:aws:s3::123456789012:accesspoint/abc.mrap" }, /SigV4a.*one region/],
    ["an ARN of a bucket", { bucket: "arn:aws:s3:::bucket" }, /no access point/],
    ["an ARN in the path", { bucket: `${ARN}/web`, pathStyle: true }, /--path-style/],
    ["a directory bucket", { bucket: "b--use1-az4--x-s3" }, /general purpose/],
  ];
  for (const [name, more, says] of cases) {
    test(name, async () => {
      const error = await failure(openS3Store({ type: "s3", bucket: "bucket", region: "us-east-1", ...keys, ...more }));
      assert.equal(error.code, "usage");
      assert.match(`${error.message} ${error.hint}`, says);
    });
  }

  test("no region without an endpoint", async (t) => {
    const names = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_PROFILE"];
    const before = names.map((name) => process.env[name]);
    t.after(() =>
      names.forEach((name, i) =>
        before[i] === undefined ? delete process.env[name] : (process.env[name] = before[i]),
      ),
    );
    for (const name of names) delete process.env[name];
    process.env["AWS_CONFIG_FILE"] = "no-such-file";
    const error = await failure(openS3Store({ type: "s3", bucket: "bucket", ...keys }));
    assert.equal(error.code, "usage");
    assert.match(error.hint!, /--region/);
  });
});
