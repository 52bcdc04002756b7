// For every command that changes something: what it reports is the difference of catalog and store before and after.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { declaredResults } from "../../src/cli/results/schemas/index.ts";
import { type Installation, onDatabases } from "../support/databases.ts";
import { noFakeGcs } from "../support/fake-gcs.ts";
import { assetSteps } from "../support/truth/asset-steps.ts";
import { catalogSteps, lastSteps } from "../support/truth/catalog-steps.ts";
import { migrateSteps } from "../support/truth/migrate-steps.ts";
import { packageSteps } from "../support/truth/package-steps.ts";
import type { State } from "../support/truth/state.ts";
import { kinds, type TruthStores, truthStores } from "../support/truth/stores.ts";
import { diskPlace, runStep, type World, worldOf } from "../support/truth/world.ts";

/** Commands that change nothing. */
const reading = new Set([
  ...["feed list", "feed show", "drop status", "package list", "package show", "package protected"],
  ...["asset list", "asset show", "asset url", "retention rule list", "retention rule show", "retention plan"],
  ...["retention quarantine", "store types", "store show", "store usage", "migrate status", "migrate history"],
  ...["worker list", "db status", "settings list", "settings get", "schema", "error"],
]);
/** Commands that run until they are interrupted, and the test that compares what they report. */
const elsewhere: Readonly<Record<string, string>> = {
  "drop watch": "each round is a drop scan",
  worker: "test/operations/migrate/workers.test.ts",
};

test("every command that changes something is among the steps", () => {
  const tested = new Set(
    [...packageSteps, ...assetSteps, ...migrateSteps, ...catalogSteps, ...lastSteps].map((step) => step.command),
  );
  const missing = Object.keys(declaredResults).filter(
    (command) => !tested.has(command) && !reading.has(command) && !(command in elsewhere),
  );
  assert.deepEqual(missing, [], "add a step for the command, or name it in `reading`");
});

async function prepare(
  place: Installation,
  stores: TruthStores,
  kind: (typeof kinds)[number],
): Promise<World | undefined> {
  const pk = stores.place(place, kind, "pk");
  const site = stores.place(place, kind, "site");
  if (pk === undefined || site === undefined) return undefined;
  const disks = Object.fromEntries(["second", "third"].map((name) => [name, diskPlace(place.path("stores", name))]));
  const world = worldOf(place, { pk, site, ...disks });
  await place.run("feed", "create", "pk", "--type", "npm");
  await place.run("feed", "create", "site", "--type", "asset");
  await place.run("store", "set", "pk", ...pk.options);
  await place.run("store", "set", "site", ...site.options);
  return world;
}

onDatabases("what is reported is what changed", ["PostgreSQL"], (database) => {
  let stores: TruthStores;
  before(async () => {
    stores = await truthStores();
  });
  after(() => stores[Symbol.asyncDispose]());
  for (const kind of kinds)
    database.test(`in a store of ${kind}`, async (t) => {
      await using installed = await database.install(stores.env);
      const world = installed && (await prepare(installed, stores, kind));
      if (world === undefined) return t.skip(kind === "gcs" ? noFakeGcs : `no server for ${kind} on this machine`);
      const onDisk = [...packageSteps, ...assetSteps, ...catalogSteps, ...migrateSteps, ...lastSteps];
      const inCloud = [...packageSteps, ...assetSteps, ...migrateSteps, ...lastSteps].filter((step) => !step.diskOnly);
      // all of them: one wrong number must not hide another
      const failures: string[] = [];
      let state: State | undefined;
      for (const step of kind === "disk" ? onDisk : inCloud) {
        state = await runStep(world, step, state).catch((error: Error) => {
          failures.push(error.message);
          return undefined;
        });
      }
      assert.equal(failures.join("\n\n"), "");
    });
});
