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
      const struck = await runKillScenario(place, scenario, Number(kills), Number(seed));
      console.log(`${name}, ${key}: ${struck}, seed ${seed}`);
    }
  }
} finally {
  await Promise.all([s3.stop(), azurite.stop()]);
}
