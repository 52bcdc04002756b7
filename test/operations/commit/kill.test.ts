import { after, before, describe } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { onDatabases } from "../../support/databases.ts";
import { killScenarios, runKillScenario, serverEnv, type Servers } from "../../support/kill-scenarios.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";

/** More of it: `node test/bench/kill-campaign.ts`. */
const SEED = 20;

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
    for (const [key, kills] of [["importDisk", 2]] as const) scenario(database, key, kills);
  });
  onDatabases("killed", ["PostgreSQL"], (database) => {
    const plan = {
      importDisk: 4,
      importS3: 4,
      adoptPackages: 2,
      adoptAssets: 2,
      migrateS3: 4,
      migrateAzure: 2,
      migrateStart: 3,
      migrateResume: 3,
      migrateCutover: 4,
      migrateRollback: 3,
      migrateCancel: 3,
      deletePackage: 3,
      purgeFeed: 3,
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
