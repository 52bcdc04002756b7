// Runs the random tests longer than a test run does, with new seeds: npm run campaign [effort, 10]
// [kills|fuzz|models|simulation...].
// A test run has effort 1. Exits 1 when a part finds a failure.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../support/build.ts";

const [first = "10", ...rest] = process.argv.slice(2);
const [effort, wanted] = Number(first) > 0 ? [Number(first), rest] : [10, process.argv.slice(2)];
const seed = 1 + (Math.floor(Date.now() / 1000) % 1_000_000);

/** The test files whose number of attempts comes from `test/support/effort.ts`. */
function randomTests(): string[] {
  return globSync("test/**/*.test.ts", { cwd: repository })
    .filter((file) => readFileSync(join(repository, file), "utf8").includes("support/effort.ts"))
    .toSorted();
}

const parts: Record<string, () => string[]> = {
  /** A test run makes one kill per scenario. The usual effort makes more than a thousand. */
  kills: () => ["test/bench/kill-campaign.ts", String(Math.ceil(3 * effort)), String(seed)],
  /** A test run spends 6 seconds on it. */
  fuzz: () => ["test/bench/fuzz-formats.ts", String(seed), String(Math.ceil(6 * effort))],
  /** A test run simulates a thousand schedules. The usual effort simulates a hundred thousand. */
  simulation: () => ["test/bench/simulation.ts", String(Math.ceil(10_000 * effort)), String(seed * 1_000_000)],
  models: () => ["--test", "--test-concurrency=2", "--test-reporter=spec", ...randomTests()],
};

const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0)
  throw new Error(`no such part: ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);

const env = { ...process.env, FEEDCTL_TEST_EFFORT: String(effort), FEEDCTL_TEST_SEED: String(seed) };
const results: string[] = [];
for (const [name, argumentsOf] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const since = performance.now();
  const { status } = spawnSync(process.execPath, argumentsOf(), { cwd: repository, env, stdio: "inherit" });
  const minutes = ((performance.now() - since) / 60_000).toFixed(1);
  results.push(`${name}: ${status === 0 ? "nothing found" : "FAILED"} in ${minutes} min`);
  if (status !== 0) process.exitCode = 1;
}
console.log(`\neffort ${effort}, seed ${seed} (again: FEEDCTL_TEST_EFFORT=${effort} FEEDCTL_TEST_SEED=${seed})`);
for (const result of results) console.log(result);
