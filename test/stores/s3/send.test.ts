// Our own S3 requests: retries, clock differences, broken connections, proxies.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createCalls } from "../../../src/stores/s3/calls.ts";
import { translateS3Error } from "../../../src/stores/s3/errors/translate.ts";
import { wholeBody } from "../../../src/stores/s3/read.ts";
import { openHttp } from "../../../src/stores/shared/http.ts";
import { createSender } from "../../../src/stores/s3/send.ts";
import { createSigner, encodePath } from "../../../src/stores/s3/sign.ts";
import { readAll, sha256, someBytes } from "../../support/bytes.ts";
import { PATIENCE } from "../../support/wait.ts";

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

const place = { name: "s3://bucket", bucket: "bucket", region: "us-east-1", host: "host" };
const attempt = { action: "read", permission: "s3:GetObject" };
const keys = { accessKeyId: "AKIATEST", secretAccessKey: "secret" };

async function listen(t: TestContext, answer: Answer) {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response, seen.length);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function callsTo(t: TestContext, host: string, more: { silence?: number; now?: () => number; token?: string } = {}) {
  const http = openHttp(more.silence);
  t.after(() => http.close());
  const at = { origin: `http://${host}`, host, path: "/bucket/", region: "us-east-1", service: "s3" };
  const credentials = async () => ({ ...keys, sessionToken: more.token });
  return createCalls(createSender({ http, endpoint: async () => at, credentials, now: more.now }).send);
}

const refuse = (response: ServerResponse, status: number, code: string, date = new Date()) => {
  response.sendDate = false;
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no &amp; no</Message></Error>`;
  response.writeHead(status, { "content-type": "application/xml", date: date.toUTCString() }).end(xml);
};

describe("retries", () => {
  for (const [status, code, requests] of [
    [503, "SlowDown", 3],
    [500, "InternalError", 3],
    [429, "TooManyRequests", 3],
    [400, "RequestTimeout", 3],
    [400, "InvalidRequest", 1],
    [403, "AccessDenied", 1],
    [404, "NoSuchKey", 1],
    [501, "NotImplemented", 1],
  ] as const) {
    test(`${status} ${code}: ${requests} requests in all`, async (t) => {
      const { seen, host } = await listen(t, (_, response) => refuse(response, status, code));
      await assert.rejects(callsTo(t, host).delete("a", undefined), { name: code, message: "no & no" });
      assert.equal(seen.length, requests);
    });
  }

  test("a reset connection, and a truncated page", async (t) => {
    const whole = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    const { seen, host } = await listen(t, (request, response, count) => {
      if (count === 1) return request.socket.resetAndDestroy();
      response.end(count === 2 ? whole.slice(0, -5) : whole);
    });
    assert.equal((await callsTo(t, host).list("", undefined, undefined))?.truncated, false);
    assert.equal(seen.length, 3);
  });

  test("none after the signal is aborted", async (t) => {
    const controller = new AbortController();
    const { seen, host } = await listen(t, (_, response) => {
      refuse(response, 503, "SlowDown");
      setTimeout(() => controller.abort(), 5);
    });
    await assert.rejects(callsTo(t, host).delete("a", controller.signal));
    await sleep(600);
    assert.ok(seen.length < 3, `${seen.length} requests`);
  });

  test("none for a request that the HTTP library refuses to send", async (t) => {
    const { seen, host } = await listen(t, (_, response) => response.end());
    const put = callsTo(t, host).put(
      "a",
      { bytes: Buffer.from("x"), sha256: "x" },
      { "content-type": "a\nb" },
      undefined,
    );
    await assert.rejects(put, /content-type/);
    assert.equal(seen.length, 0);
  });
});

describe("the server's clock", () => {
  const HOUR = 3_600_000;
  const timeOf = ({ headers }: IncomingMessage) =>
    Date.parse(String(headers["x-amz-date"]).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));

  for (const [name, method] of [
    ["of a request whose response has a body", "get"],
    ["of a HEAD, whose response has none", "head"],
  ] as const) {
    test(`is used after the refusal ${name}, and from then on`, async (t) => {
      const { seen, host } = await listen(t, (request, response) => {
        const now = Date.now() + HOUR;
        if (Math.abs(timeOf(request) - now) > 15 * 60_000)
          return refuse(response, 403, "RequestTimeTooSkewed", new Date(now));
        response.setHeader("date", new Date(now).toUTCString());
        response.end();
      });
      const calls = callsTo(t, host);
      for (let i = 0; i < 3; i++) {
        if (method === "head") await calls.head("a", undefined);
        else await (await calls.get("a", {}, undefined)).discard();
      }
      assert.equal(seen.length, 4);
    });
  }

  test("does not change a refusal if it agrees with ours", async (t) => {
    const { seen, host } = await listen(t, (_, response) => refuse(response, 403, "RequestTimeTooSkewed"));
    const error: unknown = await callsTo(t, host)
      .delete("a", undefined)
      .catch((reason: unknown) => reason);
    const translated = translateS3Error(error, place, attempt);
    assert.deepEqual([translated.code, seen.length], ["denied", 1]);
    assert.match(translated.hint!, /clock/);
  });
});

describe("bodies", () => {
  for (const length of [0, 1, 256 * 1024, 256 * 1024 + 1, 3_000_000]) {
    test(`${length} bytes arrive whole, as announced and as signed`, async (t) => {
      const { host } = await listen(t, (request, response) => {
        const hash = createHash("sha256");
        let received = 0;
        request.on("data", (chunk: Buffer) => void (hash.update(chunk), (received += chunk.length)));
        request.on("end", () => {
          const same = hash.digest("hex") === request.headers["x-amz-content-sha256"];
          const announced = request.headers["content-length"] === String(received);
          const plain = request.headers["transfer-encoding"] === undefined;
          response.writeHead(same && announced && plain ? 200 : 400, { etag: `"${received}"` }).end();
        });
      });
      const bytes = someBytes(length);
      const calls = callsTo(t, host);
      assert.equal(await calls.put("a", { bytes, sha256: sha256(bytes) }, {}, undefined), `"${length}"`);
      assert.equal(await calls.putPart("a", { uploadId: "u", partNumber: 1, bytes }, undefined), `"${length}"`);
    });
  }

  test(
    "a reader that stops early closes the connection, and so does one that never reads",
    { timeout: PATIENCE },
    async (t) => {
      const closed: Promise<unknown>[] = [];
      const { host } = await listen(t, (_, response) => {
        closed.push(once(response, "close"));
        response.writeHead(200, { "content-length": String(1e9) });
        response.write(someBytes(1_000_000));
      });
      const calls = callsTo(t, host);
      for (const chunks of [1, 0]) {
        const { body } = await calls.get("a", {}, undefined);
        const stream = wholeBody(body, 1e9, place, attempt);
        if (chunks === 0) stream.destroy();
        else for await (const _ of stream) break;
      }
      assert.equal(closed.length, 2);
      await Promise.all(closed);
    },
  );

  test("a signal ends a running read", async (t) => {
    const { host } = await listen(t, (_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write(someBytes(500));
    });
    const controller = new AbortController();
    const { body } = await callsTo(t, host).get("a", {}, controller.signal);
    const stream = wholeBody(body, 1000, place, { ...attempt, signal: controller.signal });
    stream.once("data", () => controller.abort());
    await assert.rejects(readAll(stream), { code: "interrupted" });
  });

  test("a server that falls silent is unavailable, a reader that pauses is not", async (t) => {
    const { host } = await listen(t, (request, response) => {
      const bytes = someBytes(4_000_000);
      response.writeHead(200, { "content-length": String(bytes.length) });
      if (request.url!.endsWith("silent")) response.write(bytes.subarray(0, 1000));
      else response.end(bytes);
    });
    const calls = callsTo(t, host, { silence: 1000 });
    const read = async (key: string) =>
      wholeBody((await calls.get(key, {}, undefined)).body, 4_000_000, place, attempt);
    const [silent, paused] = [await read("silent"), await read("paused")];
    paused.once("readable", () => {});
    await assert.rejects(readAll(silent), { code: "unavailable" });
    await sleep(1500);
    assert.equal((await readAll(paused)).length, 4_000_000);
  });
});

describe("a proxy from the environment", () => {
  const NAMES = ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"];
  const withEnvironment = (t: TestContext, values: Record<string, string>) => {
    const before = NAMES.map((name) => [name, process.env[name]] as const);
    for (const name of NAMES) delete process.env[name];
    Object.assign(process.env, values);
    t.after(() => {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });
  };

  test("gets the request, signed for the server behind it", async (t) => {
    const { seen, host } = await listen(t, (_, response) => response.end());
    withEnvironment(t, { HTTP_PROXY: `http://${host}` });
    await callsTo(t, "s3.example.test:9000").head("a", undefined);
    assert.equal(seen[0]?.url, "http://s3.example.test:9000/bucket/a");
    assert.equal(seen[0]?.headers.host, "s3.example.test:9000");
  });

  test("is not used for hosts in NO_PROXY", async (t) => {
    const { seen, host } = await listen(t, (_, response) => response.end());
    withEnvironment(t, { HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" });
    await callsTo(t, host).head("a", undefined);
    assert.equal(seen[0]?.url, "/bucket/a");
  });

  test("that is not a URL is a usage error, which does not contain its password", (t) => {
    withEnvironment(t, { HTTP_PROXY: "http://me:hidden@host:port" });
    assert.throws(
      () => openHttp(),
      (error: Error & { code?: string }) =>
        error.code === "usage" && !JSON.stringify([error.message, error.cause]).includes("hidden"),
    );
  });
});

test("a session token is sent with the request", async (t) => {
  const { seen, host } = await listen(t, (_, response) => response.end());
  await callsTo(t, host, { token: "token" }).head("a", undefined);
  assert.equal(seen[0]?.headers["x-amz-security-token"], "token");
  assert.match(String(seen[0]?.headers.authorization), /x-amz-security-token/);
});

describe("servers that read requests in their own way", () => {
  /** Accepts only requests whose signature matches the path as `read` reads it. */
  async function reads(t: TestContext, read: (path: string) => string, changes: Record<string, string> = {}) {
    const { seen, host } = await listen(t, (request, response) => {
      const { authorization = "", "x-amz-date": date, "x-amz-content-sha256": payload, ...headers } = request.headers;
      const names = /SignedHeaders=([^,]*)/.exec(authorization)![1]!.split(";");
      const time = String(date).replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
      const signed = Object.entries({ ...headers, ...changes }).filter(
        ([name]) => names.includes(name) && name !== "host",
      );
      const [path = "", query = ""] = request.url!.split("?");
      const whole = {
        method: request.method!,
        host,
        path: read(path),
        query,
        headers: Object.fromEntries(signed) as Record<string, string>,
        payload: String(payload),
      };
      const expected = createSigner("us-east-1", "s3")(whole, keys, new Date(time));
      if (expected["authorization"] !== authorization) return refuse(response, 403, "SignatureDoesNotMatch");
      response.writeHead(200, { etag: '"x"' }).end();
    });
    const { calls, presign } = senderTo(t, host);
    return { seen, calls, presign };
  }

  function senderTo(t: TestContext, host: string) {
    const http = openHttp();
    t.after(() => http.close());
    const at = { origin: `http://${host}`, host, path: "/bucket/", region: "us-east-1", service: "s3" };
    const sender = createSender({ http, endpoint: async () => at, credentials: async () => keys });
    return { calls: createCalls(sender.send), presign: sender.presign };
  }

  /** Characters that servers and proxies escape differently, one name each, and all of them. */
  const names = ["a b/é+~!'()*@=&:,;$", ..."+ ~ ! ' ( ) * @ = & : , ; $ é % # ?".split(" "), " "].map(
    (one) => `x${one}x`,
  );
  const bytes = { bytes: Buffer.from("bytes"), sha256: sha256(Buffer.from("bytes")) };

  const cases: { name: string; read: (path: string) => string }[] = [
    { name: "as S3 does", read: (path) => path },
    { name: "escaped by Java", read: (path) => path.replace(/%(21|24|26|27|28|29|2A|2B|2C|3A|3B|3D|40)/g, unescape) },
    { name: "escaped by Go", read: (path) => path.replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, unescape) },
    { name: "escaped like a form", read: (path) => path.replaceAll("~", "%7E") },
    { name: "escaped twice", read: (path) => path.replaceAll("%", "%25") },
    { name: "not escaped", read: (path) => decodeURIComponent(path) },
  ];
  for (const { name, read } of cases) {
    test(`every name is written and read where the path is signed ${name}; the path itself is always sent alike`, async (t) => {
      const { seen, calls } = await reads(t, read);
      for (const each of names) await calls.put(each, bytes, { "content-type": "text/plain" }, undefined);
      const first = seen.length;
      for (const each of names) await calls.delete(each, undefined);
      assert.equal(seen.length - first, names.length, "what was found is not remembered");
      assert.ok(first <= names.length + 8, `${first} requests for ${names.length} names`);
      assert.deepEqual(
        [...new Set(seen.map(({ url }) => url))],
        names.map((each) => `/bucket/${encodePath(each)}`),
      );
    });
  }

  test("a proxy that spells the content type in another way", async (t) => {
    const { calls, seen } = await reads(t, (path) => path, { "content-type": "text/plain;charset=UTF-8" });
    for (const each of ["a", "b"])
      await calls.put(each, bytes, { "content-type": "text/plain; charset=utf-8" }, undefined);
    assert.deepEqual([seen.length, seen.at(-1)?.headers["content-type"]], [3, "text/plain; charset=utf-8"]);
  });

  test("a name that no reading explains is refused as the proxy's fault, wrong keys as wrong keys", async (t) => {
    const { host } = await listen(t, (request, response) => {
      if (request.url!.includes("%28")) return refuse(response, 403, "SignatureDoesNotMatch");
      response.writeHead(200, { etag: '"x"' }).end();
    });
    const messages: string[] = [];
    const fails = async (name: string, calls: ReturnType<typeof createCalls>) => {
      const error: unknown = await calls.put(name, bytes, {}, undefined).catch((reason: unknown) => reason);
      messages.push(translateS3Error(error, place, attempt).message);
    };
    const { calls } = senderTo(t, host);
    await fails("a(b", calls);
    await calls.put("plain", bytes, {}, undefined);
    await fails("a(b", calls);
    assert.match(messages[0]!, /secret key does not match/);
    assert.match(messages[1]!, /keys are right: a proxy before the server changes the path or a header/);
  });
});
