// How long calls are retried, and when a store is given up. Only backoffs and failing calls move the clock.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { FeedctlError } from "../../../src/errors.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { retrying } from "../../../src/stores/retry/retry.ts";
import { someBytes, sourceOf } from "../../support/bytes.ts";
import { failing } from "../../support/failing-store.ts";
import { openTemporaryDisk } from "../../support/temporary-disk.ts";
import { hasCode } from "../contract/put.ts";

const key = parseKey("dir/blob");
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const down = () => new FeedctlError("unavailable", "the test took the store away", { hint: "give it back" });
const slowDown = (retryAfter?: number) => new FeedctlError("unavailable", "slow down", { throttled: true, retryAfter });

interface Trouble {
  /** The error of the call to `head` with this number. Undefined: it succeeds. */
  error: (count: number) => FeedctlError | undefined;
  /** Milliseconds that a failing call takes. */
  takes?: number;
  /** 0 to 1; default 1, the longest wait. */
  random?: () => number;
}

/** A disk store whose `head` fails. `state.waits` are the backoffs in milliseconds, `state.clock` is the time. */
async function open(t: TestContext, { error, takes = 0, random = () => 1 }: Trouble) {
  const { store: real } = await openTemporaryDisk(t);
  const state = { clock: 0, waits: [] as number[], meanwhile: async () => {} };
  const now = () => state.clock;
  const sleep = async (milliseconds: number) => {
    state.waits.push(milliseconds);
    state.clock += milliseconds;
    await state.meanwhile();
  };
  const faulty = failing(real, {
    calls: [
      {
        method: "head",
        nth(count) {
          const found = error(count);
          if (found === undefined) return false;
          state.clock += takes;
          throw found;
        },
      },
    ],
  });
  return { real, faulty, state, store: retrying(faulty, { now, sleep, random }) };
}

/** Fails blob after blob, as a mirror does before it stops. */
async function failInARow(store: { head(name: typeof key): Promise<unknown> }, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await assert.rejects(store.head(key), hasCode("unavailable"));
}

describe("waiting", () => {
  test("a store that has never responded gets five attempts, one that has gets eight", async (t) => {
    const { store, faulty, state } = await open(t, { error: (count) => (count === 6 ? undefined : down()) });
    await assert.rejects(store.head(key), hasCode("unavailable"));
    assert.deepEqual([faulty.calls.head, state.waits], [5, [200, 400, 800, 1600]]);
    await store.head(key);
    state.waits.length = 0;
    await assert.rejects(store.head(key), hasCode("unavailable"));
    assert.deepEqual([faulty.calls.head - 6, state.waits], [8, [200, 400, 800, 1600, 3200, 6400, 12_800]]);
  });

  test("a throttled call waits longer and gets ten attempts", async (t) => {
    const { store, faulty, state } = await open(t, { error: () => slowDown() });
    await assert.rejects(store.head(key), hasCode("unavailable"));
    assert.equal(faulty.calls.head, 10);
    assert.deepEqual(
      state.waits,
      [1, 2, 4, 8, 16, 30, 30, 30, 30].map((seconds) => seconds * SECOND),
    );
  });

  test("Retry-After is the minimum wait, and the jitter is added to it", async (t) => {
    const error = (count: number) => (count <= 2 ? slowDown(7 * SECOND) : undefined);
    const { store, state } = await open(t, { error, random: () => 0.5 });
    assert.equal(await store.head(key), undefined);
    assert.deepEqual(state.waits, [7500, 8000]);
  });

  test("a Retry-After of more than two minutes is reduced to that", async (t) => {
    const error = (count: number) => (count === 1 ? slowDown(24 * 60 * MINUTE) : undefined);
    const { store, state } = await open(t, { error, random: () => 0 });
    await store.head(key);
    assert.deepEqual(state.waits, [2 * MINUTE]);
  });
});

describe("giving a store up", () => {
  test("one that refuses everything fails 21 blobs in a row within a minute and a half", async (t) => {
    const { store, state } = await open(t, { error: (count) => (count === 1 ? undefined : down()) });
    await store.head(key);
    await failInARow(store, 21);
    assert.ok(state.clock < 1.5 * MINUTE, `${state.clock} ms`);
  });

  test("one that accepts connections and never responds fails 21 blobs in a row within three minutes", async (t) => {
    const { store, state } = await open(t, { error: down, takes: MINUTE });
    await failInARow(store, 21);
    assert.ok(state.clock < 3 * MINUTE, `${state.clock} ms`);
  });

  test("one that always throttles fails 21 blobs in a row within ten minutes", async (t) => {
    const { store, state } = await open(t, { error: () => slowDown() });
    await failInARow(store, 21);
    assert.ok(state.clock < 10 * MINUTE, `${state.clock} ms`);
  });

  test("the error says how long it has failed, and why", async (t) => {
    const { store } = await open(t, { error: down, takes: MINUTE });
    await assert.rejects(store.head(key), { message: "the test took the store away" });
    await assert.rejects(store.head(key), {
      code: "unavailable",
      message: `${store.name} has failed for 60 s: the test took the store away`,
      hint: "give it back",
    });
  });

  test("after a pause one call tries again, and one success restores all attempts", async (t) => {
    let ill = true;
    const { store, faulty, state } = await open(t, { error: () => (ill ? down() : undefined), takes: MINUTE });
    await failInARow(store, 2);
    const asked = faulty.calls.head;
    state.clock += 14 * SECOND;
    await failInARow(store, 1);
    assert.equal(faulty.calls.head, asked);
    state.clock += 2 * SECOND;
    await failInARow(store, 2);
    assert.equal(faulty.calls.head, asked + 1);
    ill = false;
    state.clock += 16 * SECOND;
    assert.equal(await store.head(key), undefined);
    ill = true;
    await failInARow(store, 1);
    assert.equal(faulty.calls.head, asked + 4, "it is tried again after a failure, as if it had never been away");
  });

  test("a call that keeps failing is given up although others succeed", async (t) => {
    const { store, faulty, state } = await open(t, { error: down, takes: MINUTE });
    let others = 0;
    state.meanwhile = async () => {
      await store.delete(key);
      others++;
    };
    await failInARow(store, 1);
    assert.deepEqual([faulty.calls.head, others], [2, 1]);
  });
});

test("a put whose source was given up is not retried: that would multiply the attempts", async (t) => {
  const source = await open(t, { error: () => slowDown() });
  const { store: real } = await openTemporaryDisk(t);
  const target = failing(real, {});
  const bytes = someBytes(10);
  const read = async () => {
    await source.store.head(key);
    return sourceOf(bytes).open();
  };
  const waits: number[] = [];
  const sleep = async (wait: number) => void waits.push(wait);
  const putting = retrying(target, { sleep }).put(key, { size: bytes.length, open: read }, { ifExists: "fail" });
  await assert.rejects(putting, { message: "slow down" });
  assert.deepEqual([target.calls.put, waits, source.faulty.calls.head], [1, [], 10]);
});

test("an abort while waiting for a slot is an interruption", async (t) => {
  const { store: real } = await openTemporaryDisk(t);
  const stuck = Promise.withResolvers<void>();
  const faulty = failing(real, { calls: [{ method: "head", nth: 1, error: slowDown() }] });
  const store = retrying(
    {
      ...faulty,
      async head(name, call) {
        const found = faulty.head(name, call);
        await found;
        await stuck.promise;
        return found;
      },
    },
    { sleep: async () => {} },
  );
  const first = store.head(key);
  await new Promise((resolve) => setImmediate(resolve));
  const controller = new AbortController();
  const second = store.head(key, { signal: controller.signal });
  controller.abort();
  await assert.rejects(second, hasCode("interrupted"));
  stuck.resolve();
  assert.equal(await first, undefined);
});
