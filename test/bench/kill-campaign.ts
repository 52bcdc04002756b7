// Kills feedctl at many random moments: node test/bench/kill-campaign.ts [kills per scenario] [seed] [scenario...]
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
  for (const name of Object.keys(DATABASES) as (keyof typeof DATABASES)[]) {
    await using database = await openDatabase(name);
    if (database === undefined) {
      console.log(`${name}: not on this machine`);
      continue;
    }
    for (const [key, scenario] of Object.entries(killScenarios(servers))) {
      if (wanted.length > 0 && !wanted.includes(key)) continue;
      await using place = await database.install(serverEnv(servers));
      const struck = await runKillScenario(place, scenario, Number(kills), Number(seed));
      console.log(`${name}, ${key}: ${struck}, seed ${seed}`);
    }
  }
} finally {
  await Promise.all([s3.stop(), azurite.stop()]);
}
