import { after, before, describe } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { onDatabases } from "../../support/databases.ts";
import { killScenarios, runKillScenario, serverEnv, type Servers } from "../../support/kill-scenarios.ts";
import { firstSeed } from "../../support/effort.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";

/** Other moments in each campaign; `npm run campaign` also makes more of them. */
const SEED = firstSeed(20);

describe("SIGKILL at any moment, and the same command again", () => {
  let s3: S3Server;
  let azurite: Azurite;
  const servers: Servers = {};
  before(async () => {
    [s3, azurite] = await Promise.all([startS3(), startAzurite()]);
    await Promise.all([s3.createBucket("kill"), azurite.createContainer("kill")]);
    Object.assign(servers, { s3, azurite });
  });
  after(() => Promise.all([s3.stop(), azurite.stop()]));

  onDatabases("killed", ["embedded"], (database) => {
    scenario(database, "importDisk", 1);
  });
  onDatabases("killed", ["PostgreSQL"], (database) => {
    const plan = {
      importDisk: 2,
      importS3: 1,
      adoptPackages: 1,
      adoptAssets: 1,
      migrateS3: 2,
      migrateAzure: 1,
      migrateStart: 1,
      migrateResume: 1,
      migrateCutover: 2,
      migrateRollback: 1,
      migrateCancel: 1,
      deletePackage: 1,
      purgeFeed: 1,
    };
    for (const [key, kills] of Object.entries(plan)) scenario(database, key, kills);
  });

  function scenario(database: Parameters<Parameters<typeof onDatabases>[2]>[0], key: string, kills: number): void {
    database.test(killScenarios({})[key]!.name, async (t) => {
      await using place = await database.install(serverEnv(servers));
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      t.diagnostic(await runKillScenario(place, killScenarios(servers)[key]!, kills, SEED));
    });
  }
});
