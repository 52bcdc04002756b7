// Simulates many schedules and prints what they found:
//   node test/bench/simulation.ts [how many, 1000] [first seed, 1] [--trace] [--break RULE] [--first] [--twice]
import { parseArgs } from "node:util";
import { breakRule } from "../simulation/broken-rules.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    trace: { type: "boolean" },
    break: { type: "string" },
    first: { type: "boolean" },
    twice: { type: "boolean" },
  },
});
/** So many schedules have run every kind of actor, each to its end. */
const WARM_UP = 15;
const [count = 1000, first = 1] = positionals.map(Number);
if (values.break !== undefined) breakRule(values.break);
const { openSimulation } = await import("../simulation/simulate.ts");
await using simulation = await openSimulation();
if (simulation === undefined) throw new Error("no PostgreSQL on this machine");
let found = 0;
let done = 0;
// Modules that are loaded on first use are a move more, so the moves are compared once all are loaded.
if (values.twice) for (let seed = 1; seed <= WARM_UP; seed++) await simulation.run(seed);
const used = process.cpuUsage();
for (let seed = first; seed < first + count && !(values.first && found > 0); seed++, done++) {
  const finding = await simulation.run(seed);
  if (values.twice && !(await isRepeated(seed))) {
    found++;
    console.log(`seed ${seed} made other moves the second time`);
  }
  if (finding === undefined) continue;
  found++;
  console.log(`seed ${seed}: ${finding.error.message} [${finding.deeds.join(" | ")}]`);
  if (finding.error.cause !== undefined) console.log(finding.error.cause);
  if (values.trace) console.log(finding.trace.map((line) => `  ${line}`).join("\n"));
}
const { user, system } = process.cpuUsage(used);
console.log(`${done} schedules, ${found} found something, ${((user + system) / 1e6).toFixed(1)} s of processor time`);
console.log(
  `succeeded: ${Object.entries(simulation.succeeded)
    .map(([kind, times]) => `${times} ${kind}`)
    .join(", ")}`,
);
if (found > 0) process.exitCode = 1;

/** Whether the seed makes the same moves again. The ids of feeds, runs, sessions and locks differ. */
async function isRepeated(seed: number): Promise<boolean> {
  const movesOf = (trace: readonly string[]) =>
    trace.map((move) => move.replaceAll(/[\da-f]+-[\da-f-]{27}|\d+/g, "N")).join("\n");
  const before = movesOf(simulation!.trace);
  await simulation!.run(seed);
  return movesOf(simulation!.trace) === before;
}
