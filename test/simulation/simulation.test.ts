import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { attempts, firstSeed } from "../support/effort.ts";
import { type TestPostgres, startPostgres } from "../support/postgres.ts";
import { brokenRules } from "./broken-rules.ts";
import { kinds } from "./scenario.ts";

/** Schedules of a test run, in parts that show the progress. A thousand of them take four minutes: the campaign's share. */
const [PARTS, SCHEDULES] = [2, 60];
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

  for (let part = 0; part < PARTS; part++) {
    test(`no rule is broken in ${SCHEDULES} schedules, part ${part + 1}`, { timeout: TIMEOUT }, async (t) => {
      if (postgres === undefined) return t.skip("no PostgreSQL on this machine");
      const count = attempts(SCHEDULES);
      const first = firstSeed(1) + part * count;
      const { code, output } = await simulate(String(count), String(first), "--first", "--trace");
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`^${count} schedules, 0 found something`, "m"));
      // schedules in which nothing gets through prove nothing
      for (const kind of kinds) assert.match(output, new RegExp(`^succeeded: .*[1-9]\\d* ${kind}\\b`, "m"));
    });
  }

  test("a seed makes the same moves again", { timeout: TIMEOUT }, async (t) => {
    if (postgres === undefined) return t.skip("no PostgreSQL on this machine");
    const { code, output } = await simulate("10", "16", "--twice", "--trace");
    assert.equal(code, 0, output);
  });

  for (const [rule, { rare }] of Object.entries(brokenRules)) {
    // a test run looks only for those that a few dozen schedules find
    if (rare && attempts(1) === 1) continue;
    test(`a thousand schedules find out that ${rule}`, { timeout: TIMEOUT }, async (t) => {
      if (postgres === undefined) return t.skip("no PostgreSQL on this machine");
      const { code, output } = await simulate("1000", "1", "--first", "--break", rule);
      assert.equal(code, 1, output);
      assert.match(output, /^seed \d+: (rule \d|.* is lost)/m);
    });
  }
});
