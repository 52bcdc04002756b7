import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createThreadPool } from "../../../src/lib/threads/thread-pool.ts";
import type { Thread } from "../../../src/lib/threads/thread.ts";

/** Fake threads that answer when the test triggers it. */
function fakeThreads() {
  const messages: { jobs: number[]; answer(results: number[]): void; die(error: Error): void }[] = [];
  let started = 0;
  let ended = 0;
  return {
    messages,
    counts: () => ({ started, ended }),
    start(): Thread<number[], number[]> {
      started++;
      let current: PromiseWithResolvers<number[]>;
      return {
        send(jobs) {
          current = Promise.withResolvers();
          messages.push({ jobs, answer: current.resolve, die: current.reject });
        },
        answer: () => current.promise,
        async end() {
          ended++;
          current?.reject(new Error("ended"));
        },
      };
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a pool of threads", () => {
  test("distributes waiting jobs equally, starts no more threads than allowed, and resolves each job", async () => {
    const fake = fakeThreads();
    const pool = createThreadPool({ threads: 2, batch: 3, start: fake.start });
    const results = [1, 2, 3, 4, 5, 6, 7].map((job) => pool.run(job));
    await turn();
    assert.deepEqual(
      fake.messages.map(({ jobs }) => jobs),
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    );
    for (let at = 0; at < fake.messages.length; at++) {
      fake.messages[at]!.answer(fake.messages[at]!.jobs.map((job) => job * 10));
      await turn();
      await turn();
    }
    assert.deepEqual(await Promise.all(results), [10, 20, 30, 40, 50, 60, 70]);
    await pool.close();
    assert.deepEqual(fake.counts(), { started: 2, ended: 2 });
  });

  test("a dead thread fails only its own jobs; the next jobs get another thread", async () => {
    const fake = fakeThreads();
    const pool = createThreadPool({ threads: 1, batch: 1, start: fake.start });
    const first = assert.rejects(pool.run(1), /broken/);
    const second = pool.run(2);
    await turn();
    fake.messages[0]!.die(new Error("broken"));
    await first;
    await turn();
    await turn();
    fake.messages[1]!.answer([2]);
    assert.equal(await second, 2);
    assert.equal(fake.counts().started, 2);
    await pool.close();
  });

  test("abort rejects waiting and running jobs", async () => {
    const fake = fakeThreads();
    const pool = createThreadPool({ threads: 1, batch: 1, start: fake.start });
    const both = [assert.rejects(pool.run(1)), assert.rejects(pool.run(2))];
    await turn();
    await pool.abort();
    await Promise.all(both);
    assert.equal(fake.messages.length, 1);
  });
});
