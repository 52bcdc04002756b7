// Simulates many schedules and prints what they found:
//   node test/bench/simulation.ts [how many, 1000] [first seed, 1] [--trace] [--first] [--twice N]
//   node test/bench/simulation.ts [how many, 1000] [first seed, 1] [--break RULE]... [--near]
// --first: ends with the first finding. --twice: whether the last N schedules make the same moves again.
// --break: breaks these rules of the commit protocol, one after the other, and looks for the first finding of each.
// --near: begins each search at the seed that has found it before.
import { parseArgs } from "node:util";
import { breakRule, brokenRules, makeBreakable } from "../simulation/broken-rules.ts";
import type { Finding, Simulation } from "../simulation/simulate.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    trace: { type: "boolean" },
    break: { type: "string", multiple: true },
    first: { type: "boolean" },
    twice: { type: "string" },
    near: { type: "boolean" },
  },
});
const [count = 1000, first = 1] = positionals.map(Number);
if (values.break !== undefined) makeBreakable();
const { kinds } = await import("../simulation/scenario.ts");
type Kind = (typeof kinds)[number];
const { openSimulations } = await import("../simulation/simulate.ts");
/** How many schedules run at a time: two keep two processors busy, and more save this process the waiting. */
const LANES = 4;
await using simulations = await openSimulations(LANES);
if (simulations === undefined) throw new Error("no PostgreSQL on this machine");
const { lanes } = simulations;
const used = process.cpuUsage();
if (values.break === undefined) await search();
else for (const rule of values.break) await searchBroken(rule);
const { user, system } = process.cpuUsage(used);
console.log(`${((user + system) / 1e6).toFixed(1)} s of processor time`);

/** Runs the seeds, and calls `each` with what one found, until that returns false. Returns how many schedules ran. */
async function runAll(from: number, each: (finding: Finding | undefined) => boolean): Promise<number> {
  let next = from;
  let goOn = true;
  const worker = async (lane: Simulation) => {
    while (goOn && next < from + count) {
      const seed = next++;
      const finding = await lane.run(seed);
      if (!each(finding)) goOn = false;
    }
  };
  await Promise.all(lanes.map(worker));
  return next - from;
}

async function search(): Promise<void> {
  let found = 0;
  const done = await runAll(first, (finding) => {
    if (finding !== undefined) found++;
    report(finding);
    return finding === undefined || values.first !== true;
  });
  for (let seed = Math.max(first, first + done - Number(values.twice ?? 0)); seed < first + done; seed++)
    if (!(await isRepeated(seed))) {
      found++;
      console.log(`seed ${seed} made other moves the second time`);
    }
  console.log(`${done} schedules, ${found} found something`);
  const times = (kind: Kind) => lanes.reduce((sum, { succeeded }) => sum + (succeeded[kind] ?? 0), 0);
  console.log(`succeeded: ${kinds.map((kind) => `${times(kind)} ${kind}`).join(", ")}`);
  if (found > 0) process.exitCode = 1;
}

/** Whether two lanes make the same moves of a seed. The ids of feeds, runs, sessions and locks differ. */
async function isRepeated(seed: number): Promise<boolean> {
  const movesOf = async (lane: Simulation) => {
    await lane.run(seed);
    return lane.trace.map((move) => move.replaceAll(/[\da-f]+-[\da-f-]{27}|\d+/g, "N")).join("\n");
  };
  const [one, other] = await Promise.all(lanes.slice(0, 2).map(movesOf));
  return one === other;
}

async function searchBroken(name: string): Promise<void> {
  breakRule(name);
  const findings: Finding[] = [];
  const from = values.near === true ? (brokenRules[name]?.from ?? first) : first;
  const done = await runAll(from, (finding) => {
    if (finding !== undefined) findings.push(finding);
    return finding === undefined;
  });
  console.log(`${name}: ${findings.length === 0 ? "not found" : "found"} in ${done} schedules`);
  report(findings[0]);
  if (findings.length === 0) process.exitCode = 1;
}

function report(finding: Finding | undefined): void {
  if (finding === undefined) return;
  const { seed, error, deeds, trace } = finding;
  console.log(`seed ${seed}: ${error.message} [${deeds.join(" | ")}]`);
  if (error.cause !== undefined) console.log(error.cause);
  if (values.trace) console.log(trace.map((line) => `  ${line}`).join("\n"));
}
