import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { attempts, firstSeed } from "../support/effort.ts";
import { type TestPostgres, startPostgres } from "../support/postgres.ts";
import { brokenRules } from "./broken-rules.ts";
import { kinds } from "./scenario.ts";

/** Schedules of a test run. */
const SCHEDULES = 1000;
/** How many of them are run twice more, to compare their moves. */
const TWICE = 10;
/** A campaign takes hours. */
const TIMEOUT = 24 * 3600_000;

const program = fileURLToPath(new URL("../bench/simulation.ts", import.meta.url));

describe("simulated schedules of the commit protocol", () => {
  let postgres: TestPostgres | undefined;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres?.stop());

  /** Runs the simulation in a process of its own, because it changes the process's timers and modules. */
  async function simulate(...args: string[]): Promise<{ code: number | null; output: string }> {
    const env = { ...process.env, FEEDCTL_TEST_DATABASE_URL: postgres?.url };
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, output };
  }

  test(
    `no rule is broken in ${SCHEDULES} schedules, and a seed makes the same moves again`,
    { timeout: TIMEOUT },
    async (t) => {
      if (postgres === undefined) return t.skip("no PostgreSQL on this machine");
      const count = attempts(SCHEDULES);
      const twice = String(TWICE);
      const { code, output } = await simulate(
        String(count),
        String(firstSeed(1)),
        "--first",
        "--trace",
        "--twice",
        twice,
      );
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`^${count} schedules, 0 found something`, "m"));
      // schedules in which nothing gets through prove nothing
      for (const kind of kinds) assert.match(output, new RegExp(`^succeeded: .*[1-9]\\d* ${kind}\\b`, "m"));
      t.diagnostic(output.trim().replaceAll("\n", "; "));
    },
  );

  const searched = Object.keys(brokenRules);
  // a campaign searches from its first seed
  const near = attempts(1) > 1 ? [] : ["--near"];

  test("a thousand schedules find every rule that is broken", { timeout: TIMEOUT }, async (t) => {
    if (postgres === undefined) return t.skip("no PostgreSQL on this machine");
    const { output } = await simulate(
      "1000",
      String(firstSeed(1)),
      ...near,
      ...searched.flatMap((rule) => ["--break", rule]),
    );
    const lines = output.split("\n");
    for (const rule of searched)
      await t.test(rule, () => {
        const at = lines.findIndex((line) => line.startsWith(`${rule}: found in `));
        assert.notEqual(at, -1, output);
        assert.match(lines[at + 1] ?? "", /^seed \d+: (rule \d|.* is lost)/, output);
      });
  });
});
