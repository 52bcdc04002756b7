// A script whose FEEDCTL_DATABASE_URL is lost must not succeed on a catalog that is new and empty.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { onEachDatabase } from "../support/databases.ts";

const commands = [
  ["feed", "list"],
  ["settings", "list"],
  ["settings", "set", "FeedRetentionDryRun", "true"],
  ["verify", "internal"],
  ["import", "internal", "."],
  ["drop", "scan"],
  ["retention", "run", "--all", "--yes"],
];

onEachDatabase(
  "a catalog that does not exist",
  (database) => {
    database.test("is created by no command but init and feed create", async (_t, place) => {
      const isEmbedded = database.name === "embedded";
      for (const args of [
        ...commands,
        ...(isEmbedded
          ? [
              ["db", "status"],
              ["db", "migrate"],
            ]
          : []),
      ]) {
        const { stderr } = await place.exits(7, ...args);
        assert.match(stderr, /^error: there is no catalog at .*\nhint: create it with: feedctl init; /, args.join(" "));
      }
      assert.equal((await place.any("__complete", "feeds")).stdout, "");
      if (isEmbedded) assert.ok(!existsSync(place.data), "no data directory");
      else assert.deepEqual(await place.rows("select 1 from pg_namespace where nspname = 'feedctl'"), []);

      const created = await place.run("feed", "create", "internal", "--type", "npm");
      assert.match(created.stderr, /^created a new catalog: .+\n$/);
      assert.equal((await place.run("feed", "create", "other", "--type", "npm")).stderr, "");
      assert.match((await place.run("feed", "list")).stdout, /internal/);
    });

    database.test("is created by init, which is safe to run again", async (_t, place) => {
      for (const _time of [1, 2]) assert.match((await place.run("init")).stdout, /^the catalog is ready: /);
      assert.equal((await place.run("feed", "create", "internal", "--type", "npm")).stderr, "");
    });
  },
  { empty: true },
);
