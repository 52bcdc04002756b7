import assert from "node:assert/strict";
import { cpSync, symlinkSync, mkdirSync, writeFileSync } from "node:fs";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { holdLock } from "../../support/hold-lock.ts";
import { writePackages } from "../../support/package-set.ts";

const root = "Storage.PackagesRootPath";

onEachDatabase("settings", (database) => {
  database.test("the catalog wins over the configuration file, that over the default", async (_t, place) => {
    await place.run("init");
    const get = async () => {
      const { value, origin } = (await place.run("settings", "get", root, "--json")).json() as Record<string, string>;
      return [value, origin];
    };
    assert.deepEqual(await get(), [place.path("data", "packages"), "default"]);
    const configured = { [`ProGetConfig.${root}`]: "/configured" };
    writeFileSync(place.path(".feedctlrc.json"), JSON.stringify(configured));
    assert.deepEqual(await get(), ["/configured", "config"]);
    await place.run("settings", "set", root.toLowerCase(), "/saved");
    assert.deepEqual(await get(), ["/saved", "catalog"]);
    await place.run("settings", "set", root, "");
    assert.deepEqual(await get(), ["/configured", "config"], "an empty value does not count");
    await place.run("settings", "set", root, "/saved");
    await place.run("settings", "reset", root);
    assert.deepEqual(await get(), ["/configured", "config"]);
  });

  database.testOnServer(
    "invalid values are refused, and a new default reports which feeds it moves",
    async (_t, place) => {
      await place.run("feed", "create", "web", "--type", "npm");
      assert.match((await place.exits(2, "settings", "set", root, "relative")).stderr, /absolute/);
      assert.match((await place.exits(2, "settings", "set", "FeedRetentionDryRun", "perhaps")).stderr, /true or false/);
      assert.match(
        (await place.exits(4, "settings", "get", "PackagesRoot")).stderr,
        /did you mean Storage.PackagesRootPath/,
      );
      const changed = await place.run("settings", "set", root, place.path("elsewhere"));
      assert.match(changed.stderr, /warning: feed web now looks for its files in .*elsewhere/);
      const { store } = (await place.run("feed", "show", "web", "--json")).json() as { store: Record<string, string> };
      assert.match(
        store["because"]!,
        /root .*elsewhere \(catalog\), type path .* \(Storage\.\w+, default\), then F\d+/,
      );
    },
  );

  database.testOnServer("a default must not lead a feed into another feed's store", async (_t, place) => {
    const { id } = (await place.run("feed", "create", "web", "--type", "npm", "--json")).json() as { id: number };
    await place.run("feed", "create", "other", "--type", "npm");
    mkdirSync(place.path("real"));
    symlinkSync(place.path("real"), place.path("link"));
    const at = (await place.run("feed", "show", "web", "--json")).json() as { store: { location: string } };
    const below = at.store.location.slice(place.path("data", "packages").length);
    assert.match(below, new RegExp(`F${id}$`));
    await place.run("store", "set", "other", "disk", "--path", place.path("real") + below);
    const refused = await place.exits(5, "settings", "set", root, place.path("link"));
    assert.match(refused.stderr, /feed "web" is feed "other"'s store/);
    assert.deepEqual((await place.run("feed", "show", "web", "--json")).json(), at);
  });

  database.testOnServer("files are left behind only with --yes, and reset leads back to them", async (_t, place) => {
    await prepare(place);
    const at = await locationOf(place);
    const { stderr } = await place.exits(8, "settings", "set", root, place.path("new"));
    assert.match(stderr, /feed web would look for its files in .*new.*; 2 files \(.*\) stay in .*data.packages/);
    assert.match(stderr, /--yes is required/);
    assert.equal(await locationOf(place), at, "nothing was changed");
    const change = (await place.run("settings", "set", root, place.path("new"), "--yes", "--json")).json();
    assert.partialDeepStrictEqual(change, { moved: [{ feed: "web", from: at, kept: false, files: 2 }] });
    const refused = await place.exits(7, "import", "web", place.path("in"));
    assert.match(refused.stderr, /feed "web" looks for its files in .*new.*, but they are in .*data.packages/);
    await place.exits(7, "verify", "web");
    const back = (await place.run("settings", "reset", root, "--json")).json();
    assert.partialDeepStrictEqual(back, { moved: [{ feed: "web", to: at, kept: false, files: 0 }] });
    await place.run("verify", "web", "--read");
  });

  database.testOnServer(
    "--migrate moves the files from where they are, and reset --migrate back",
    async (_t, place) => {
      await prepare(place);
      const at = await locationOf(place);
      await place.run("settings", "set", root, place.path("wrong"), "--yes");
      await place.run("settings", "set", root, place.path("right"), "--migrate");
      await place.run("verify", "web", "--read");
      assert.match(await locationOf(place), /right/);
      await place.exits(8, "settings", "reset", root);
      await place.run("settings", "reset", root, "--migrate");
      assert.equal(await locationOf(place), at);
      await place.run("verify", "web", "--read");
    },
  );

  database.testOnServer("--migrate into the directory that holds the files is refused", async (_t, place) => {
    await prepare(place);
    const at = await locationOf(place);
    const { stderr } = await place.exits(5, "settings", "set", root, at, "--migrate");
    assert.match(stderr, /feed "web" lies inside its own store/);
    const { because } = (await place.run("store", "show", "web", "--json")).json() as { because: string };
    assert.match(because, /^root .* \(default\)/, "nothing was changed");
    await place.run("verify", "web", "--read");
  });

  database.testOnServer("reset undoes a --migrate that could not begin", async (_t, place) => {
    await prepare(place);
    const before = (await place.run("feed", "show", "web", "--json")).json() as { store: object };
    writeFileSync(place.path("file"), "not a directory");
    const failed = await place.any("settings", "set", root, place.path("file"), "--migrate");
    assert.notEqual(failed.code, 0);
    await place.run("verify", "web", "--read");
    await place.run("settings", "reset", root);
    const after = (await place.run("feed", "show", "web", "--json")).json() as { store: object };
    assert.deepEqual(after.store, before.store);
  });

  database.testOnServer("a root in the configuration file moves no feed away from its files", async (_t, place) => {
    await prepare(place);
    const configured = { [`ProGetConfig.${root}`]: place.path("configured") };
    writeFileSync(place.path(".feedctlrc.json"), JSON.stringify(configured));
    const { stderr } = await place.exits(7, "import", "web", place.path("in"));
    assert.match(stderr, /looks for its files in .*configured.*, but they are in .*data.packages/);
    assert.match(stderr, /settings set .* --migrate/);
    await place.run("settings", "set", root, place.path("configured"), "--migrate");
    await place.run("verify", "web", "--read");
    assert.match(await locationOf(place), /configured/);
  });

  database.testOnServer("files that were moved with their marker are where they are now", async (_t, place) => {
    await prepare(place);
    const at = await locationOf(place);
    await place.run("settings", "set", root, place.path("new"), "--yes");
    const moved = await locationOf(place);
    // a copy: the files at the former place are no longer the feed's
    cpSync(at, moved, { recursive: true });
    await place.run("import", "web", ...writePackages(place.path("more"), 3));
    const { stderr } = await place.exits(8, "settings", "reset", root);
    assert.match(stderr, /3 files .* stay in .*new/);
    await place.run("settings", "set", root, place.path("newer"), "--migrate");
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), { match: 3, missingBlob: 0 });
  });

  database.testOnServer("renaming a feed moves nothing", async (_t, place) => {
    await prepare(place);
    const at = await locationOf(place);
    await place.run("feed", "rename", "web", "site");
    assert.equal(await locationOf(place, "site"), at);
    await place.run("verify", "site", "--read");
  });
});

/** A feed `web` with two packages in its default directory. */
async function prepare(place: Installation): Promise<void> {
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("import", "web", ...writePackages(place.path("in"), 2));
}

async function locationOf(place: Installation, feed = "web"): Promise<string> {
  const shown = (await place.run("store", "show", feed, "--json")).json() as { location: string };
  return shown.location;
}
onDatabases("a setting that moves a feed's default directory", ["PostgreSQL"], (database) => {
  database.test("waits for imports into that feed, and is refused while it is migrated", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    const set = ["settings", "set", root, place.path("elsewhere")];
    const url = place.env["FEEDCTL_DATABASE_URL"];
    const env = { ...place.env, FEEDCTL_LOCK_WAIT: "0" };
    {
      await using _import = await holdLock(url, { kind: "write", id: 1 }, "shared");
      const { code, stderr } = await place.feedctl(set, { env });
      assert.equal(code, 75, stderr);
      assert.match(stderr, /feed "web" is being written to/);
    }
    {
      await using _migration = await holdLock(url, { kind: "migrate", id: 1 });
      assert.equal((await place.feedctl(set, { env })).code, 75);
    }
    const { value } = (await place.run("settings", "get", root, "--json")).json() as { value: string };
    assert.notEqual(value, place.path("elsewhere"));
    await place.run(...set);
  });
});
