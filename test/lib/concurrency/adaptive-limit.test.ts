import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createGate, type Gate, type Outcome } from "../../../src/lib/concurrency/adaptive-limit.ts";

async function enterMany(gate: Gate, count: number): Promise<((outcome: Outcome) => void)[]> {
  return Promise.all(Array.from({ length: count }, async () => gate.enter()));
}

/** Runs `count` successful tasks one after the other. */
async function succeed(gate: Gate, count: number): Promise<void> {
  for (let i = 0; i < count; i++) (await gate.enter())("done");
}

describe("a gate", () => {
  test("has no limit while nothing is overloaded", async () => {
    const gate = createGate();
    assert.equal((await enterMany(gate, 1000)).length, 1000);
    assert.equal(gate.limit, Infinity);
  });

  test("of many overloads at once only the first counts, and sets the limit to 0.65 of the running tasks", async () => {
    const gate = createGate();
    for (const leave of await enterMany(gate, 20)) leave("overloaded");
    assert.equal(gate.limit, 13);
    for (const leave of await enterMany(gate, 13)) leave("overloaded");
    assert.equal(gate.limit, 8);
  });

  test("one task may always run", async () => {
    const gate = createGate();
    for (let i = 0; i < 20; i++) (await gate.enter())("overloaded");
    assert.equal(gate.limit, 1);
    (await gate.enter())("other");
  });

  test("waiting tasks start in order of arrival when others end", async () => {
    const gate = createGate();
    for (const leave of await enterMany(gate, 4)) leave("overloaded");
    assert.equal(gate.limit, 2);
    const [first, second] = await enterMany(gate, 2);
    const admitted: string[] = [];
    const late = ["a", "b", "c"].map(async (name) => {
      const leave = await gate.enter();
      admitted.push(name);
      return leave;
    });
    await turn();
    assert.deepEqual(admitted, []);
    first?.("other");
    await turn();
    assert.deepEqual(admitted, ["a"]);
    second?.("other");
    (await late[0])?.("other");
    await turn();
    assert.deepEqual(admitted, ["a", "b", "c"]);
  });

  test("`limit` successful tasks raise the limit by one, until it is removed", async () => {
    const gate = createGate();
    for (const leave of await enterMany(gate, 10)) leave("overloaded");
    const limits: number[] = [gate.limit];
    while (gate.limit !== Infinity) {
      await succeed(gate, gate.limit - 1);
      assert.equal(gate.limit, limits.at(-1));
      await succeed(gate, 1);
      limits.push(gate.limit);
    }
    assert.deepEqual(limits, [6, 7, 8, 9, Infinity]);
  });

  test("other failures do not change the limit", async () => {
    const gate = createGate();
    for (const leave of await enterMany(gate, 10)) leave("overloaded");
    for (let i = 0; i < 100; i++) (await gate.enter())("other");
    assert.equal(gate.limit, 6);
  });

  test("a task that is aborted while waiting leaves the queue and occupies no slot", async () => {
    const gate = createGate();
    (await gate.enter())("overloaded");
    const inside = await gate.enter();
    const controller = new AbortController();
    const gone = gate.enter(controller.signal);
    let admitted = false;
    const next = gate.enter().then((leave) => {
      admitted = true;
      return leave;
    });
    controller.abort(new Error("enough"));
    await assert.rejects(gone, /enough/);
    assert.equal(admitted, false);
    inside("other");
    (await next)("other");
    await assert.rejects(gate.enter(AbortSignal.abort(new Error("before"))), /before/);
  });
});
