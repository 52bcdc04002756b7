import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createKeyedLock } from "../../../src/lib/concurrency/keyed-lock.ts";

/** Work that logs its start and ends on demand. */
function createWork(log: string[]) {
  const ends = new Map<string, PromiseWithResolvers<void>>();
  return {
    run(name: string): Promise<string> {
      log.push(name);
      const end = Promise.withResolvers<void>();
      ends.set(name, end);
      return end.promise.then(() => name);
    },
    end: (name: string) => ends.get(name)?.resolve(),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  };
}

test("work that shares a key waits for the earlier one, other work does not", async () => {
  const lock = createKeyedLock();
  const log: string[] = [];
  const work = createWork(log);
  const first = lock.hold(["a", "b"], () => work.run("first"));
  const second = lock.hold(["b", "c"], () => work.run("second"));
  const third = lock.hold(["c"], () => work.run("third"));
  const other = lock.hold(["d"], () => work.run("other"));
  await turn();
  assert.deepEqual(log, ["first", "other"]);
  work.end("first");
  assert.equal(await first, "first");
  await turn();
  assert.deepEqual(log, ["first", "other", "second"]);
  work.end("second");
  await second;
  await turn();
  assert.deepEqual(log, ["first", "other", "second", "third"]);
  for (const name of ["third", "other"]) work.end(name);
  assert.deepEqual(await Promise.all([third, other]), ["third", "other"]);
});

test("work that fails releases its keys", async () => {
  const lock = createKeyedLock();
  const log: string[] = [];
  const work = createWork(log);
  const first = lock.hold(["a"], () => work.run("first"));
  const second = lock.hold(["a"], () => work.run("second"));
  await turn();
  work.fail("first");
  await assert.rejects(first, /first/);
  await turn();
  work.end("second");
  assert.equal(await second, "second");
});
