import assert from "node:assert/strict";
import { listQueries, cutLock } from "../../support/cut-lock.ts";
import { cutScenarios, type CutScenario } from "../../support/cut-scenarios.ts";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { killPoints } from "../../support/kill.ts";

/** How many of a command's queries are tried; `npm run campaign` tries all of them. */
const FEW = 1;
const SEED = firstSeed(7);

onDatabases("a lock connection that is cut between two queries, while others go on", ["PostgreSQL"], (database) => {
  for (const [name, scenario] of Object.entries(cutScenarios))
    database.test(`${name}: no row without its blob, and the next run finishes`, async (t, place) => {
      await scenario.prepare(place, "all");
      const queries = await listQueries(() => place.any(...scenario.command(place, "all")));
      const tried = points(queries);
      let struck = 0;
      for (const at of tried) if (await tryCut(place, scenario, at)) struck++;
      t.diagnostic(`${struck} of ${tried.length} cuts struck, of ${queries.length} queries (seed ${SEED})`);
      assert.ok(struck > 0);
    });
});

/**
 * Numbers of the queries to try, from 1: half of them begin a transaction, after everything that the run has asked
 * before, the others are any.
 */
function points(queries: readonly string[]): number[] {
  const numbers = queries.map((_, index) => index + 1);
  if (attempts(FEW) >= Math.min(numbers.length, 10 * FEW)) return numbers;
  const begins = numbers.filter((number) => queries[number - 1] === "begin");
  const half = Math.ceil(attempts(FEW) / 2);
  return [...new Set([...choose(begins, half), ...choose(numbers, attempts(FEW) - half)])];
}

function choose(numbers: readonly number[], count: number): number[] {
  return killPoints(Math.min(count, numbers.length), 0, numbers.length, SEED).map((at) => numbers[Math.floor(at)]!);
}

/** Statuses of a run that lost its locks, or found them taken. */
const expected = [0, 3, 4, 5, 7, 8, 75];

async function tryCut(place: Installation, scenario: CutScenario, at: number): Promise<boolean> {
  const feed = `feed-${at}`;
  await scenario.prepare(place, feed);
  const command = scenario.command(place, feed);
  const said: string[] = [];
  const run = async (args: string[]) => {
    const result = await place.any(...args);
    const text = `feedctl ${args.join(" ")}: ${result.code}\n${result.stdout}${result.stderr}`;
    said.push(text);
    assert.ok(expected.includes(result.code ?? 1), `query ${at}: ${text}`);
    return result;
  };
  const { result, struck } = await cutLock(
    place.env["FEEDCTL_DATABASE_URL"]!,
    at,
    () => run(command),
    async () => {
      for (const args of scenario.others(place, feed)) await run(args);
    },
  );
  const when = (text: string) => `cut before query ${at}: ${said.join("")}${text}`;
  if (scenario.leavesFiles?.(result.stdout + result.stderr)) return struck;
  await assertSound(place, feed, when);
  const again = await run(command);
  assert.notEqual(again.code, 7, when(""));
  if (scenario.leavesFiles?.(again.stdout + again.stderr)) return struck;
  const repaired = await place.any("verify", feed, "--repair", "--read", "--json");
  if (repaired.code === 4) return struck; // the feed was deleted
  assert.equal(repaired.code, 0, when(repaired.stdout + repaired.stderr));
  if (scenario.holds !== undefined) {
    const listed = (await place.run("package", "list", feed, "--json")).json() as { name: string }[];
    for (const name of scenario.holds)
      assert.ok(
        listed.some((each) => each.name === name),
        when(name),
      );
  }
  return struck;
}

/** Every row has its blob; a file that was to be moved is still there or in the feed. */
async function assertSound(place: Installation, feed: string, when: (text: string) => string): Promise<void> {
  const verified = await place.any("verify", feed, "--read", "--json");
  if (verified.code === 4) return; // the feed was deleted
  const { differ, missingBlob, unchecked } = verified.summary() as Record<string, number>;
  const wrong = { differ, missingBlob, unchecked };
  assert.deepEqual(wrong, { differ: 0, missingBlob: 0, unchecked: 0 }, when(verified.stdout));
}
