import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { errorCodes, FeedctlError } from "../../../src/errors.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import { compareKeys } from "../../../src/lib/key.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { retrying } from "../../../src/stores/retry/retry.ts";
import type { RetryOptions } from "../../../src/stores/retry/retry.ts";
import type { BlobInfo, Store } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { failing } from "../../support/failing-store.ts";
import type { Failures } from "../../support/failing-store.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { storeContract } from "../contract/contract.ts";

const key = parseKey("dir/blob");
const noWait: RetryOptions = { sleep: async () => {} };

async function diskStore(): Promise<{ store: Store; cleanup(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "feedctl-retry-"));
  return { store: await openDiskStore({ type: "disk", path }), cleanup: () => rm(path, { recursive: true }) };
}

/** A disk store, and the same store with faults and retries. */
async function open(t: TestContext, failures: Failures, options: RetryOptions = {}) {
  const { store: real, cleanup } = await diskStore();
  t.after(cleanup);
  const faulty = failing(real, failures);
  return { real, faulty, store: retrying(faulty, { ...noWait, ...options }) };
}

storeContract("retries over a store that fails every third call", {
  async open() {
    const { store, cleanup } = await diskStore();
    const methods = ["head", "get", "put", "list", "delete"] as const;
    const calls = methods.map((method) => ({ method, nth: (count: number) => count % 3 === 1 }));
    const faults = { calls, cut: { after: 1_500_000, times: Infinity }, listAfter: { entries: 2, times: 20 } };
    return { store: retrying(failing(store, faults), { ...noWait, attempts: 50 }), cleanup };
  },
  lacks: {
    "a key of 1,024 bytes in two segments": "file systems allow at most 255 bytes in one segment",
  },
});

describe("retries", () => {
  const all = () => true;

  test("unavailable is retried as often as allowed, then thrown", async (t) => {
    const { store, faulty } = await open(t, { calls: [{ method: "head", nth: all }] }, { attempts: 4 });
    await assert.rejects(store.head(key), hasCode("unavailable"));
    assert.equal(faulty.calls.head, 4);
  });

  const others = (Object.keys(errorCodes) as ErrorCode[]).filter((code) => code !== "unavailable");
  for (const code of others) {
    test(`${code} is never retried`, async (t) => {
      const error = new FeedctlError(code, "no");
      const calls = (["head", "get", "put", "delete", "list"] as const).map((method) => ({ method, nth: all, error }));
      const { store, faulty } = await open(t, { calls }, { resume: false });
      await assert.rejects(store.head(key), error);
      await assert.rejects(store.get(key), error);
      await assert.rejects(putBytes(store, key, someBytes(1)), error);
      await assert.rejects(store.delete(key), error);
      await assert.rejects(keysOf(store, ""), error);
      assert.deepEqual(faulty.calls, { head: 1, get: 1, put: 1, delete: 1, list: 1, deleteMany: 0 });
    });
  }

  test("a bug is never retried", async (t) => {
    const { store, faulty } = await open(t, { calls: [{ method: "head", nth: all, error: new TypeError("bug") }] });
    await assert.rejects(store.head(key), TypeError);
    assert.equal(faulty.calls.head, 1);
  });

  test("backoffs double up to the bound, with full jitter", async (t) => {
    const waits: number[] = [];
    const sleep = async (milliseconds: number) => void waits.push(milliseconds);
    const randoms = [1, 0.5, 1, 0, 1];
    const options = { attempts: 6, delay: 100, maxDelay: 500, sleep, random: () => randoms.shift()! };
    const { store } = await open(t, { calls: [{ method: "head", nth: all }] }, options);
    await assert.rejects(store.head(key), hasCode("unavailable"));
    assert.deepEqual(waits, [100, 100, 400, 0, 500]);
  });

  test("an abort ends the wait at once", async (t) => {
    const controller = new AbortController();
    const { store } = await diskStore().then(({ store: real, cleanup }) => {
      t.after(cleanup);
      const faulty = failing(real, { calls: [{ method: "head", nth: all }] });
      return {
        store: retrying(faulty, {
          delay: 3_600_000,
          random: () => 1,
          onRetry: () => setImmediate(() => controller.abort()),
        }),
      };
    });
    await assert.rejects(store.head(key, { signal: controller.signal }), hasCode("interrupted"));
  });

  test("a put opens its source again for every attempt", async (t) => {
    const { store, real } = await open(t, {});
    const bytes = someBytes(1000);
    let fail = true;
    const good = sourceOf(bytes);
    const source = {
      size: bytes.length,
      open: async () => {
        if (!fail) return good.open();
        fail = false;
        const fault = { at: 500, error: new FeedctlError("unavailable", "the source went away") };
        return sourceOf(bytes, { fault }).open();
      },
    };
    const { outcome } = await store.put(key, source, { ifExists: "fail", sha256: sha256(bytes) });
    assert.equal(outcome, "created");
    assert.equal(good.opened(), 1);
    assert.deepEqual(await readAll(await real.get(key)), bytes);
  });

  test("a put whose response was lost succeeds", async (t) => {
    const { store, real } = await open(t, { lostAnswers: 1 });
    assert.equal(await putBytes(store, key, someBytes(1000)), "unchanged");
    assert.deepEqual(await readAll(await real.get(key)), someBytes(1000));
  });
});

describe("retries of a broken read", () => {
  const bytes = someBytes(3 * MIB + 7);

  for (const after of [0, 1, MIB, 2 * MIB + 5, bytes.length]) {
    test(`it resumes after ${after} bytes`, async (t) => {
      const { store, real, faulty } = await open(t, { cut: { after } });
      await putBytes(real, key, bytes);
      assert.ok((await readAll(await store.get(key))).equals(bytes));
      assert.equal(faulty.calls.get, after === bytes.length ? 1 : 2);
    });
  }

  test("a range is resumed inside the range", async (t) => {
    const { store, real } = await open(t, { cut: { after: 1000, times: 3 } });
    await putBytes(real, key, bytes);
    const range = { start: 100, end: 2 * MIB };
    assert.ok((await readAll(await store.get(key, { range }))).equals(bytes.subarray(100, 2 * MIB)));
  });

  test("any number of failures is retried as long as bytes arrive between them", async (t) => {
    const { store, real } = await open(t, { cut: { after: 64 * 1024, times: Infinity } }, { attempts: 2 });
    await putBytes(real, key, bytes);
    assert.ok((await readAll(await store.get(key))).equals(bytes));
  });

  test("failures without a byte between them end as unavailable", async (t) => {
    const { store, real, faulty } = await open(t, { cut: { after: 0, times: Infinity } }, { attempts: 3 });
    await putBytes(real, key, bytes);
    await assert.rejects(readAll(await store.get(key)), hasCode("unavailable"));
    assert.equal(faulty.calls.get, 3);
  });

  test("an error other than unavailable is thrown", async (t) => {
    const { store, real, faulty } = await open(t, { cut: { after: 9, error: new FeedctlError("corrupt", "short") } });
    await putBytes(real, key, bytes);
    await assert.rejects(readAll(await store.get(key)), hasCode("corrupt"));
    assert.equal(faulty.calls.get, 1);
  });

  for (const [name, replacement] of Object.entries({ replaced: someBytes(bytes.length, 2), deleted: undefined })) {
    test(`a blob ${name} meanwhile never mixes two versions`, async (t) => {
      const { real, store } = await open(
        t,
        { cut: { after: MIB } },
        {
          sleep: async () => {
            if (replacement === undefined) await real.delete(key);
            else await putBytes(real, key, replacement, { ifExists: "replace" });
          },
        },
      );
      await putBytes(real, key, bytes);
      await assert.rejects(readAll(await store.get(key)), hasCode(replacement === undefined ? "not-found" : "corrupt"));
    });
  }

  test("no extra request is sent: the first response identifies the version", async (t) => {
    const { store, real, faulty } = await open(t, { cut: { after: 1000, times: 3 } });
    await putBytes(real, key, bytes);
    const reported: BlobInfo[] = [];
    assert.ok((await readAll(await store.get(key, { onInfo: (info) => reported.push(info) }))).equals(bytes));
    assert.deepEqual([faulty.calls.head, faulty.calls.get], [0, 4]);
    assert.deepEqual(reported, [await real.head(key)]);
  });

  test("without resume a failure is thrown to the caller", async (t) => {
    const { store, real, faulty } = await open(t, { cut: { after: 10 } }, { resume: false });
    await putBytes(real, key, bytes);
    await assert.rejects(readAll(await store.get(key)), hasCode("unavailable"));
    assert.equal(faulty.calls.get, 1);
  });
});

describe("retries of a broken listing", () => {
  const keys = ["a", "b/1", "b/2", "b-", "c", "\uff5e", "😀"].map(parseKey).sort(compareKeys);

  for (const entries of [0, 1, 3, keys.length]) {
    test(`it resumes after ${entries} entries and yields each once`, async (t) => {
      const { store, real, faulty } = await open(t, { listAfter: { entries } });
      for (const each of keys) await putBytes(real, each, someBytes(1));
      assert.deepEqual(await keysOf(store, ""), keys);
      assert.equal(faulty.calls.list, 2);
    });
  }

  test("an unordered listing is not resumed, because a key could be missed", async (t) => {
    const { store, real, faulty } = await open(t, { listAfter: { entries: 3 }, unordered: true });
    for (const each of keys) await putBytes(real, each, someBytes(1));
    await assert.rejects(keysOf(store, ""), hasCode("unavailable"));
    assert.equal(faulty.calls.list, 1);
  });

  test("a listing that never completes throws", async (t) => {
    const { store, real } = await open(t, { listAfter: { entries: 3, times: Infinity } }, { attempts: 3 });
    for (const each of keys) await putBytes(real, each, someBytes(1));
    await assert.rejects(keysOf(store, ""), hasCode("unavailable"));
  });
});
