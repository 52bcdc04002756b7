import { storeContract } from "../stores/contract/contract.ts";
import { randomOf } from "../support/random.ts";
import { MemoryPlace } from "./memory-store.ts";
import type { Actor } from "./actor.ts";
import { Schedule } from "./schedule.ts";
import { scheduledStore } from "./scheduled-store.ts";

storeContract("the simulated store, undisturbed", {
  async open() {
    const schedule = new Schedule(randomOf(1), { budget: 0, chance: 0 });
    schedule.active = false;
    const actor: Actor = {
      name: "a test",
      schedule,
      state: "running",
      async start() {},
      async disconnect() {},
      sessions: () => [],
    };
    return { store: scheduledStore({ name: "memory", blobs: new MemoryPlace() }, actor), async cleanup() {} };
  },
  lacks: { "without a time of modification it is the time of storing": "its clock is virtual" },
});
