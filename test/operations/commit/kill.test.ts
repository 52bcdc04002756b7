import { after, before, describe } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { onDatabases } from "../../support/databases.ts";
import { killScenarios, runKillScenario, serverEnv, type Servers } from "../../support/kill-scenarios.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";

/** One kill for each scenario; `npm run campaign` makes more, at other moments, and of all commands on both catalogs. */
const SEED = firstSeed(20);
/** One command of each kind: it adds, moves, replaces, deletes, or copies. */
const FEW = [
  "importS3",
  "importMove",
  "dropScan",
  "migrateAzure",
  "migrateCutover",
  "migrateRollback",
  "adoptAssets",
  "deletePackage",
  "retentionRun",
  "assetUpload",
];

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
    scenario(database, "importDisk");
  });
  onDatabases("killed", ["PostgreSQL"], (database) => {
    for (const key of attempts(1) > 1 ? Object.keys(killScenarios({})) : FEW) scenario(database, key);
  });

  function scenario(database: Parameters<Parameters<typeof onDatabases>[2]>[0], key: string): void {
    database.test(killScenarios({})[key]!.name, async (t) => {
      await using place = await database.install(serverEnv(servers));
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      const { kills, struck } = await runKillScenario(place, killScenarios(servers)[key]!, attempts(1), SEED);
      t.diagnostic(`${struck} of ${kills} kills struck before the end`);
    });
  }
});
