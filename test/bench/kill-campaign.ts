// Kills feedctl at many random moments: node test/bench/kill-campaign.ts [kills per scenario] [seed] [database...]
// [scenario...]
import { startAzurite } from "../support/azurite.ts";
import { DATABASES, openDatabase } from "../support/databases.ts";
import { killScenarios, runKillScenario, serverEnv } from "../support/kill-scenarios.ts";
import { startS3 } from "../support/s3-server.ts";

const [kills = "40", seed = String(Date.now() % 100_000), ...wanted] = process.argv.slice(2);
const s3 = await startS3();
const azurite = await startAzurite();
await Promise.all([s3.createBucket("kill"), azurite.createContainer("kill")]);
const total = { kills: 0, struck: 0, failed: 0 };
try {
  const servers = { s3, azurite };
  const databases = Object.keys(DATABASES) as (keyof typeof DATABASES)[];
  const scenarios = wanted.filter((word) => !(databases as string[]).includes(word));
  for (const name of databases) {
    if (scenarios.length < wanted.length && !wanted.includes(name)) continue;
    await using database = await openDatabase(name);
    if (database === undefined) {
      console.log(`${name}: not on this machine`);
      continue;
    }
    for (const [key, scenario] of Object.entries(killScenarios(servers))) {
      if (scenarios.length > 0 && !scenarios.includes(key)) continue;
      await using place = await database.install(serverEnv(servers));
      const about = `${name}, ${key}, seed ${seed}`;
      try {
        const result = await runKillScenario(place, scenario, Number(kills), Number(seed));
        total.kills += result.kills;
        total.struck += result.struck;
        console.log(`${about}: ${result.struck} of ${kills} struck before the end (${Math.round(result.usual)} ms)`);
      } catch (error) {
        total.failed++;
        process.exitCode = 1;
        console.log(`${about}: FAILED`, error);
      }
    }
  }
} finally {
  await Promise.all([s3.stop(), azurite.stop()]);
}
console.log(`${total.kills} kills, ${total.struck} struck before the end; ${total.failed} scenarios failed`);
