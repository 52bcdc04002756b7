import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import type { Azurite } from "./azurite.ts";
import type { Installation } from "./databases.ts";
import { assetsState, contentScenarios } from "./kill-content-scenarios.ts";
import { duration, killAfter, killPoints } from "./kill.ts";
import { writePackages } from "./package-set.ts";
import type { S3Server } from "./s3-server.ts";
import { isBlobName } from "./store-files.ts";

/** A command that is killed, and the end state that running it again must reach. */
export interface KillScenario {
  name: string;
  /** Prepares a new feed for the command. `round` gives it a place of its own in the store. */
  prepare(place: Installation, round: string): Promise<void>;
  command(place: Installation, round: string): string[];
  /** Exit status of the command when there is nothing left to do. */
  thirdExit?: number | undefined;
  /** The end state of an uninterrupted run, read through feedctl. */
  state(place: Installation, round: string): Promise<unknown>;
}

export interface Servers {
  s3?: S3Server | undefined;
  azurite?: Azurite | undefined;
}

const count = 60;
const packages = (place: Installation): string => place.path("packages");
/** Inside the bucket or container, which all scenarios share. */
const below = (place: Installation, round: string): string => `${place.directory.slice(-6)}/${round}`;
const keys = ["--path-style", "--access-key", "env:TEST_ACCESS_KEY", "--secret-key", "env:TEST_SECRET_KEY"];
const connection = ["--connection-string", "env:TEST_CONNECTION"];
const stores = (servers: Servers, round: string, place: Installation): Record<"disk" | "s3" | "azure", string[]> => {
  const path = ["--target-path", below(place, round)];
  return {
    disk: ["disk", "--path", place.path("stores", round)],
    s3: ["s3", "--bucket", "kill", ...path, "--endpoint", servers.s3?.endpoint ?? "", ...keys],
    azure: ["azure", "--container", "kill", ...path, ...connection],
  };
};

/** Environment variables with the servers' secrets. */
export function serverEnv({ s3, azurite }: Servers): Record<string, string> {
  return {
    TEST_ACCESS_KEY: s3?.accessKey ?? "",
    TEST_SECRET_KEY: s3?.secretKey ?? "",
    TEST_CONNECTION: azurite?.connectionString ?? "",
  };
}

export function killScenarios(servers: Servers): Record<string, KillScenario> {
  const feed = (round: string) => `feed-${round}`;
  const create = async (place: Installation, round: string, type: "disk" | "s3") => {
    writePackages(packages(place), count, { size: 8_000 });
    await place.run("feed", "create", feed(round), "--type", "npm");
    await place.run("store", "set", feed(round), ...stores(servers, `${round}-from`, place)[type]);
  };
  const filled = (type: "disk" | "s3") => async (place: Installation, round: string) => {
    await create(place, round, type);
    await place.run("import", feed(round), packages(place));
  };
  /** Rows and blobs; a deleted feed has neither. */
  const state = async (place: Installation, round: string) => {
    const listed = (await place.run("package", "list", feed(round), "--json")).json() as Record<string, unknown>[];
    const verified = await place.run("verify", feed(round), "--read", "--json");
    const { match, differ, missingBlob, missingRow, unchecked } = verified.summary() as Record<string, number>;
    const rows = listed.map(({ group, name, version, files }) => ({ group, name, version, files }));
    return { rows, counts: { match, differ, missingBlob, missingRow, unchecked } };
  };
  const importing = (type: "disk" | "s3"): KillScenario => ({
    name: `import into ${type}`,
    prepare: (place, round) => create(place, round, type),
    command: (place, round) => ["import", feed(round), packages(place)],
    state,
  });
  const migrating = (from: "disk" | "s3", to: "disk" | "s3" | "azure"): KillScenario => ({
    name: `migrate run from ${from} to ${to}`,
    prepare: filled(from),
    command: (place, round) => ["migrate", "run", feed(round), "--to", ...stores(servers, `${round}-to`, place)[to]],
    state,
  });
  const toS3 = (place: Installation, round: string) => ["--to", ...stores(servers, `${round}-to`, place).s3];
  const more = async (place: Installation, round: string) => {
    writePackages(place.path("more"), 15, { prefix: "more", size: 8_000 });
    await place.run("import", feed(round), place.path("more"));
  };
  /** Everything is copied except packages imported afterwards. */
  const ready = async (place: Installation, round: string) => {
    await filled("disk")(place, round);
    await place.run("migrate", "start", feed(round), ...toS3(place, round));
    await more(place, round);
  };
  const stateAndStore = async (place: Installation, round: string) => {
    const [newest] = (await place.run("migrate", "history", feed(round), "--json")).json() as Record<string, unknown>[];
    const { type } = (await place.run("store", "show", feed(round), "--json")).json() as { type: string };
    return { ...(await state(place, round)), migration: newest?.["state"], type };
  };
  return {
    importDisk: importing("disk"),
    importS3: importing("s3"),
    migrateS3: migrating("disk", "s3"),
    migrateAzure: migrating("s3", "azure"),
    migrateDisk: migrating("s3", "disk"),
    migrateStart: {
      name: "migrate start",
      prepare: filled("disk"),
      command: (place, round) => ["migrate", "start", feed(round), ...toS3(place, round)],
      state: stateAndStore,
    },
    migrateResume: {
      name: "migrate resume",
      async prepare(place, round) {
        await ready(place, round);
        await place.run("migrate", "pause", feed(round));
      },
      command: (_place, round) => ["migrate", "resume", feed(round), "--cutover", "auto"],
      state: stateAndStore,
      thirdExit: 4,
    },
    migrateCutover: {
      name: "migrate cutover",
      prepare: ready,
      command: (_place, round) => ["migrate", "cutover", feed(round)],
      state: stateAndStore,
      thirdExit: 4,
    },
    migrateRollback: {
      name: "migrate rollback",
      async prepare(place, round) {
        await filled("disk")(place, round);
        await place.run("migrate", "run", feed(round), ...toS3(place, round));
        await more(place, round);
        for (const name of ["pack-000", "pack-001"])
          await place.run("package", "delete", feed(round), `${name}@1.0.0`, "--yes");
      },
      command: (_place, round) => ["migrate", "rollback", feed(round)],
      state: stateAndStore,
    },
    migrateCancel: {
      name: "migrate cancel",
      prepare: ready,
      command: (_place, round) => ["migrate", "cancel", feed(round)],
      async state(place, round) {
        const Prefix = `${below(place, `${round}-to`)}/`;
        const listed = await servers.s3?.client.listObjectsV2({ Bucket: "kill", Prefix });
        return { ...(await stateAndStore(place, round)), left: listed?.KeyCount };
      },
      thirdExit: 4,
    },
    adoptPackages: {
      name: "adopt",
      async prepare(place, round) {
        await place.run("feed", "create", feed(round), "--type", "npm");
        await place.run("store", "set", feed(round), ...stores(servers, round, place).disk);
        writePackages(place.path("stores", round), 200, { size: 8_000 });
      },
      command: (_place, round) => ["adopt", feed(round)],
      state,
    },
    adoptAssets: {
      name: "adopt into an asset directory",
      async prepare(place, round) {
        await place.run("feed", "create", feed(round), "--type", "asset");
        await place.run("store", "set", feed(round), ...stores(servers, round, place).disk);
        for (const folder of ["a", "a/b", "c"]) writePackages(place.path("stores", round, folder), 70);
      },
      command: (_place, round) => ["adopt", feed(round)],
      state: (place, round) => assetsState(place, feed(round)),
    },
    deletePackage: {
      name: "package delete",
      async prepare(place, round) {
        await create(place, round, "disk");
        for (let minor = 0; minor < 30; minor++) {
          const folder = place.path("versions");
          writePackages(folder, 1, { version: `1.${minor}.0`, prefix: "gone", seed: minor });
        }
        await place.run("import", feed(round), packages(place), place.path("versions"));
      },
      command: (_place, round) => ["package", "delete", feed(round), "gone-000", "--all-versions", "--yes"],
      // Its blobs may still be pending deletes, which the next run of the feed carries out.
      async state(place, round) {
        await place.run("verify", feed(round), "--repair");
        return state(place, round);
      },
      thirdExit: 4,
    },
    purgeFeed: {
      name: "feed delete --purge-files",
      prepare: filled("disk"),
      command: (_place, round) => ["feed", "delete", feed(round), "--purge-files", "--yes"],
      async state(place, round) {
        await place.exits(4, "feed", "show", feed(round));
        return filesBelow(place.path("stores", `${round}-from`));
      },
      thirdExit: 4,
    },
    ...contentScenarios({ feed, create, state, packages }),
  };
}

/** How often a kill is tried: a run may end first, if the machine was busier when the usual duration was measured. */
const TRIES = 4;

export interface KillResult {
  kills: number;
  /** How many struck before the end of the command. */
  struck: number;
  /** Milliseconds of an undisturbed run. */
  usual: number;
}

/**
 * Kills the scenario's command at `kills` points and checks, each time, the invariant right after the kill and the end
 * state after the second run.
 */
export async function runKillScenario(
  place: Installation,
  scenario: KillScenario,
  kills: number,
  seed: number,
): Promise<KillResult> {
  const reference = "reference";
  await scenario.prepare(place, reference);
  let usual = await duration(place, scenario.command(place, reference));
  const wanted = await scenario.state(place, reference);
  let struck = 0;
  // The first part is Node starting up.
  for (const [index, part] of killPoints(kills, 0.4, 1, seed).entries()) {
    for (let tries = 1, killed = false; !killed && tries <= TRIES; tries++) {
      const round = `r${index}-${tries}`;
      const point = Math.round(usual * part);
      const when = `${scenario.name}, killed after ${point} of ${Math.round(usual)} ms (seed ${seed}, point ${index})`;
      await scenario.prepare(place, round);
      const kill = await killAfter(place, point, scenario.command(place, round));
      killed = kill.killed;
      if (killed) struck++;
      else usual = Math.min(usual, kill.elapsed);
      await assertRecovers(place, scenario, { round, when, wanted });
    }
  }
  return { kills, struck, usual };
}

/** Asserts the invariant, that a second run reaches the end state, and that a third run finds nothing to do. */
async function assertRecovers(
  place: Installation,
  scenario: KillScenario,
  { round, when, wanted }: { round: string; when: string; wanted: unknown },
): Promise<void> {
  const { thirdExit = 0 } = scenario;
  const command = scenario.command(place, round);
  await assertInvariant(place, `feed-${round}`, when);
  const again = await place.any(...command);
  assert.ok(again.code === 0 || again.code === thirdExit, `${when}: ${again.stdout}${again.stderr}`);
  assert.deepEqual(await scenario.state(place, round), wanted, when);
  const third = await place.any(...command, "--json");
  assert.equal(third.code, thirdExit, `${when}: ${third.stdout}${third.stderr}`);
  if (thirdExit === 0) assertNothingDone(third.events().at(-1), when);
}

/** Asserts that every row has a blob with the right bytes in the store that the catalog names. */
async function assertInvariant(place: Installation, feed: string, when: string): Promise<void> {
  const verified = await place.any("verify", feed, "--read", "--json");
  if (verified.code === 4) return; // a deleted feed has no rows
  assert.ok(verified.code === 0 || verified.code === 3, `${when}: ${verified.stdout}${verified.stderr}`);
  const { missingBlob, unchecked } = verified.summary() as Record<string, number>;
  // an overwrite announces its row first, and the second run must finish it
  const isUnfinished = ({ reason }: Record<string, unknown>) =>
    /an interrupted import was replacing it/.test(String(reason));
  const differ = verified.events().filter((event) => event["finding"] === "differ" && !isUnfinished(event));
  assert.deepEqual(
    { differ: differ.length, missingBlob, unchecked },
    { differ: 0, missingBlob: 0, unchecked: 0 },
    `${when}: ${verified.stdout}`,
  );
}

function assertNothingDone(summary: Record<string, unknown> | undefined, when: string): void {
  const did = [
    "imported",
    "adopted",
    "uploaded",
    "deleted",
    "conflicts",
    "invalid",
    "failed",
    "copied",
    "overwritten",
  ].filter((name) => (summary?.[name] ?? 0) !== 0);
  assert.deepEqual(did, [], `${when}: the third run did something: ${JSON.stringify(summary)}`);
}

/** Files only: an empty folder that a kill leaves behind is harmless. */
function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && isBlobName(entry.name)).map((entry) => entry.name);
}
