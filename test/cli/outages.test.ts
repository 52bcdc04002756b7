// Commands that run until they are interrupted survive an outage of the catalog.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openPglite } from "../../src/catalog/connection/open-pglite.ts";
import { repository } from "../support/build.ts";
import { openDatabase } from "../support/databases.ts";
import { makeDrop } from "../support/drops.ts";
import type { RunningFeedctl } from "../support/feedctl.ts";
import { startPostgres } from "../support/postgres.ts";
import { PATIENCE, until } from "../support/wait.ts";

/** Ends all of them, as a service manager does, and returns their exit statuses. */
async function interrupt(running: readonly RunningFeedctl[]): Promise<(number | null)[]> {
  for (const { child } of running) child.kill("SIGTERM");
  return Promise.all(running.map(async ({ finished }) => (await finished).code));
}

/** The end of what each of them said. */
function saidBy(running: readonly RunningFeedctl[]): string {
  return running.map((each) => each.said().slice(-1000)).join("\n");
}

test(
  "PostgreSQL restarts: drop watch, mirror --watch, migrate status --watch and worker report it and go on",
  { timeout: 2 * PATIENCE },
  async (t) => {
    await using server = await startPostgres({ own: true });
    if (server?.stopDuring === undefined) return t.skip("the PostgreSQL here is not ours to restart");
    await using database = await openDatabase("embedded"); // its URL makes it one on the server
    assert.ok(database !== undefined);
    await using place = await database.install({ FEEDCTL_DATABASE_URL: await server.createCatalog() });
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "first", version: "1.0.0" });
    await place.run("drop", "scan");
    await place.run("feed", "create", "moving", "--type", "npm");
    await place.run("migrate", "start", "moving", "--to", "disk", "--path", place.path("moved"));

    const dropping = await place.start(["drop", "watch", "--interval", "500ms", "--settle", "0s"]);
    const mirroring = await place.start(["mirror", "web", "./copy", "--yes", "--watch", "500ms"]);
    const showing = await place.start(["migrate", "status", "moving", "--watch", "500ms", "--json"]);
    const working = await place.start(["worker"]);
    const all = [dropping, mirroring, showing, working];
    try {
      await dropping.shows("watching drop paths");
      await mirroring.shows("0 extra files");
      await showing.shows('"state":"ready"');
      await working.shows("waiting for migrations");
      await until("the worker is registered", async () => (await workers()).length === 1, working);
      const states = () => showing.said().split('"state"').length;
      let before = 0;
      await server.stopDuring(async () => {
        for (const each of all) await each.shows("the catalog ");
        before = states();
        // begun during the outage
        all.push(await place.start(["drop", "watch", "--interval", "500ms", "--settle", "0s"]));
        all.push(await place.start(["mirror", "web", "./second", "--yes", "--watch", "500ms"]));
        all.push(await place.start(["worker"]));
        for (const each of all.slice(4)) await each.shows("the catalog cannot be reached");
        const once = await place.feedctl(["worker", "--once"]);
        assert.equal(once.code, 7, "with --once a worker does not wait");
      });
      const back = new Date();
      drop.npm({ name: "arrived", version: "1.0.0" });
      await until("a watch imports it", () => drop.all().length === 0, dropping);
      await dropping.shows("drop paths are scanned again");
      for (const [each, copy] of [
        [mirroring, "copy"],
        [all[5]!, "second"],
      ] as const)
        await until("a round copies it", () => existsSync(place.path(copy, "arrived")), each);
      await until("the status is shown again", () => states() > before + 1, showing);
      const seen = async () => (await workers()).filter((worker) => new Date(String(worker["seenAt"])) > back);
      await until("both workers send heartbeats", async () => (await seen()).length === 2, working);
      await working.shows("the catalog can be reached again");
      for (const each of all) assert.doesNotMatch(each.said(), /bug in feedctl/);
    } finally {
      assert.deepEqual(await interrupt(all), [0, 0, 0, 0, 0, 0, 0], all.map((each) => each.said()).join("\n"));
    }

    async function workers(): Promise<Record<string, unknown>[]> {
      return (await place.run("worker", "list", "--json")).json() as Record<string, unknown>[];
    }
  },
);

test(
  "another process has the embedded catalog: drop watch and mirror --watch report it and go on",
  { timeout: 2 * PATIENCE },
  async () => {
    await using database = await openDatabase("embedded");
    await using place = await database!.install({ FEEDCTL_LOCK_WAIT: "0" });
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "waiting", version: "1.0.0" });
    const snapshot = join(repository, "dist", "catalog-snapshot.tar.gz");
    const all = [];
    try {
      {
        await using _held = await openPglite({ dataDir: place.data, snapshot, wait: 0 });
        all.push(await place.start(["drop", "watch", "--interval", "1s", "--settle", "0s"]));
        all.push(await place.start(["mirror", "web", "./copy", "--yes", "--watch", "1s"]));
        for (const each of all) await each.shows("the embedded catalog is in use by");
        const once = await place.start(["feed", "list"], { env: { ...place.env, FEEDCTL_LOCK_WAIT: "600" } });
        await once.shows("waiting for the embedded catalog");
        assert.deepEqual(await interrupt([once]), [143], "a command that would have ended by itself");
      }
      await until("the watch imports it", () => drop.all().length === 0, all[0]);
      await until("a round copies it", () => existsSync(place.path("copy", "waiting")), all[1]);
    } finally {
      assert.deepEqual(await interrupt(all), [0, 0], saidBy(all));
    }
  },
);
