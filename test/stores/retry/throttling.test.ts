// The adapters against a server that throttles. No provider's emulator does, so the test has its own server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { FeedctlError } from "../../../src/errors.ts";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { retrying } from "../../../src/stores/retry/retry.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import type { Store } from "../../../src/stores/store.ts";
import { concurrently, readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { failing } from "../../support/failing-store.ts";
import { openTemporaryDisk } from "../../support/temporary-disk.ts";
import { startThrottlingServer } from "../../support/throttling-server.ts";
import { putBytes } from "../contract/put.ts";
import { PATIENCE } from "../../support/wait.ts";

const CALLERS = 64;
const LIMIT = 3;
/** Short backoffs: long ones would end the overload by themselves and hide whether the gate lowers its limit. */
const noWait = { sleep: async () => {} };

const clouds = {
  s3: (endpoint: string) =>
    openS3Store({
      type: "s3",
      bucket: "packages",
      endpoint,
      accessKey: "AKIATEST",
      secretKey: "secret",
      pathStyle: true,
    }),
  azure: (endpoint: string) => {
    const key = Buffer.from("a test's own key").toString("base64");
    const connectionString = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${key};BlobEndpoint=${endpoint}/a`;
    return openAzureStore({ type: "azure", container: "packages", connectionString });
  },
};

for (const kind of ["s3", "azure"] as const) {
  test(`${kind}: many puts to a throttling server succeed, and fewer are sent at once until it recovers`, async (t) => {
    const server = await startThrottlingServer(kind, LIMIT);
    t.after(() => server.stop());
    await using store = retrying(await clouds[kind](server.endpoint), noWait);
    const bytes = someBytes(100);
    let next = 0;
    const storm = async (count: number): Promise<number[]> => {
      const before = server.crowds.length;
      const keys = Array.from({ length: count }, () => parseKey(`blob-${next++}`));
      const options = { ifExists: "replace", replaces: false, sha256: sha256(bytes) } as const;
      await concurrently(CALLERS, keys, (key) => store.put(key, sourceOf(bytes), options));
      return server.crowds.slice(before);
    };

    await storm(300);
    assert.equal(server.stored.size, 300);
    assert.ok(server.refused() > 0);
    server.limit = Infinity;
    const refused = server.refused();
    const first = Math.max(...(await storm(100)));
    assert.ok(first < CALLERS / 2, `at first carefully: ${first} at once`);
    let last = first;
    for (let round = 0; round < 20 && last < 0.6 * CALLERS; round++) last = Math.max(...(await storm(300)));
    assert.ok(last >= 0.6 * CALLERS, `never more than ${last} at once`);
    assert.equal(server.stored.size, next);
    assert.equal(server.refused(), refused);
  });
}

describe("a store that is copied into itself", () => {
  // A large put opens its source several times while it holds a slot: with one slot it must not wait for itself.
  test("never waits for itself although only one call may run at a time", { timeout: PATIENCE }, async (t) => {
    const { store: real } = await openTemporaryDisk(t);
    const error = new FeedctlError("unavailable", "slow down", { throttled: true });
    const refused = (method: "get" | "put") => ({ method, nth: (count: number) => count <= 50, error });
    const faulty = failing(real, { calls: [refused("get"), refused("put")] });
    const store: Store = retrying(faulty, { ...noWait, attempts: 100 });
    const blobs = Array.from({ length: 8 }, (_, i) => ({ key: parseKey(`from/${i}`), bytes: someBytes(3_000_000, i) }));
    await Promise.all(blobs.map(({ key, bytes }) => putBytes(real, key, bytes)));
    await Promise.all(
      blobs.map(async ({ key, bytes }, i) => {
        // Opened before the put, as a copy does, and not read until the put holds its slot.
        const first = await store.get(key);
        const open = async () => {
          first.destroy();
          return store.get(key);
        };
        await store.put(parseKey(`to/${i}`), { size: bytes.length, open }, { ifExists: "fail", sha256: sha256(bytes) });
      }),
    );
    for (const [i, { bytes }] of blobs.entries())
      assert.ok((await readAll(await real.get(parseKey(`to/${i}`)))).equals(bytes));
  });
});

describe("throttling responses", () => {
  const answers = [
    { kind: "s3", name: "503 SlowDown", status: 503, code: "SlowDown", throttled: true },
    { kind: "s3", name: "429 without a code", status: 429, code: "", throttled: true },
    { kind: "s3", name: "400 ThrottlingException", status: 400, code: "ThrottlingException", throttled: true },
    { kind: "s3", name: "503 with Retry-After", status: 503, code: "", after: "7", throttled: true, retryAfter: 7000 },
    { kind: "s3", name: "503 of a proxy", status: 503, code: "", throttled: false },
    { kind: "s3", name: "500 InternalError", status: 500, code: "InternalError", throttled: false },
    { kind: "azure", name: "503 ServerBusy", status: 503, code: "ServerBusy", throttled: true },
    { kind: "azure", name: "429 of a gateway", status: 429, code: "", throttled: true },
    {
      kind: "azure",
      name: "503 with Retry-After",
      status: 503,
      code: "",
      after: "7",
      throttled: true,
      retryAfter: 7000,
    },
    { kind: "azure", name: "500 InternalError", status: 500, code: "InternalError", throttled: false },
  ] as const;

  for (const { kind, name, status, code, throttled, ...more } of answers) {
    test(`${kind}: ${name}: ${throttled ? "throttled" : "not throttled"}`, async (t) => {
      const after = "after" in more ? { "retry-after": more.after } : {};
      const endpoint = await serve(
        t,
        status,
        { "x-ms-error-code": code, ...after },
        `<Error><Code>${code}</Code></Error>`,
      );
      await using store = await clouds[kind](endpoint);
      const expected = {
        code: "unavailable",
        throttled,
        retryAfter: "retryAfter" in more ? more.retryAfter : undefined,
      };
      await assert.rejects(store.delete(parseKey("a")), expected);
    });
  }
});

async function serve(t: TestContext, status: number, headers: Record<string, string>, body: string): Promise<string> {
  const server = createServer((_, response) => void response.writeHead(status, headers).end(body));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
