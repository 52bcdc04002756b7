// A place counts as a feed's store by its marker, not by its name: an unmounted disk is an empty directory.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";
import { filesBelow } from "../../support/migrations.ts";

const MARKER = ".feedctl-store";

/** A feed `web` with three packages in the directory `mnt/web`. Returns their files. */
async function prepare(place: Installation): Promise<string[]> {
  const files = writePackages(place.path("in"), 4);
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("mnt/web"));
  await place.run("import", "web", ...files.slice(0, 3));
  return files;
}

const markerIn = (place: Installation, directory: string) =>
  JSON.parse(readFileSync(place.path(directory, MARKER), "utf8")) as Record<string, unknown>;

/** As if the store were older than markers. */
async function makeOld(place: Installation, directory: string): Promise<void> {
  await place.rows(
    "update feedctl.stores set marked_at = null, marked_host = null, marked_location = null, probe = true",
  );
  rmSync(place.path(directory, MARKER));
}

onEachDatabase("the marker of a store", (database) => {
  database.test("an unmounted disk is refused by all that write, delete or list", async (_t, place) => {
    const files = await prepare(place);
    renameSync(place.path("mnt"), place.path("mounted"));
    mkdirSync(place.path("mnt/web"), { recursive: true });
    for (const args of [
      ["import", "web", files[3]!],
      ["package", "delete", "web", "--all", "--yes"],
      ["verify", "web"],
      ["verify", "web", "--repair"],
      ["store", "test", "web"],
      ["store", "usage", "web"],
      ["mirror", "web", place.path("backup")],
      ["migrate", "run", "web", "--to", "disk", "--path", place.path("next")],
      ["feed", "delete", "web", "--purge-files", "--yes"],
    ]) {
      if (args[0] === "package") args.splice(3, 1, await nameOf(place));
      const { stderr } = await place.exits(7, ...args);
      assert.match(stderr, /the store of feed "web" is not there: .*mnt.web has no marker/, args.join(" "));
      assert.match(stderr, /feedctl store mark web/);
    }
    // and a blob that cannot be read is not reported as missing
    const download = ["package", "download", "web", await nameOf(place), "-o", place.path("got")];
    const { stderr } = await place.exits(7, ...download);
    assert.match(stderr, /the store of feed "web" is not there: .*mnt.web has no marker/);
    assert.deepEqual(filesBelow(place.path("mnt")), []);
    rmSync(place.path("mnt"), { recursive: true });
    renameSync(place.path("mounted"), place.path("mnt"));
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), { match: 3, missingRow: 0 });
    await place.run("import", "web", files[3]!);
  });
});

onEachDatabase("a migration that is older than markers", (database) => {
  database.test("can be cancelled: its copies are deleted, and nothing else", async (_t, place) => {
    await prepare(place);
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("next"), "--cutover", "manual");
    writeFileSync(place.path("next/other"), "not of the feed");
    await makeOld(place, "mnt/web");
    rmSync(place.path("next", MARKER));
    await place.run("migrate", "cancel", "web");
    assert.deepEqual(
      filesBelow(place.path("next")).filter((file) => !file.endsWith(MARKER)),
      [place.path("next/other")],
    );
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), { match: 3 });
  });
});

async function nameOf(place: Installation): Promise<string> {
  const [row] = (await place.run("package", "list", "web", "--json")).json() as { name: string; version: string }[];
  return `${row!.name}@${row!.version}`;
}

onDatabases("the marker of a store", ["PostgreSQL"], (database) => {
  database.test("is hidden from listings, mirrors and uploads, and is no key", async (_t, place) => {
    await prepare(place);
    assert.deepEqual(Object.keys(markerIn(place, "mnt/web")), ["about", "installation", "feed", "store", "since"]);
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), { match: 3, foreign: 0 });
    assert.partialDeepStrictEqual((await place.run("store", "usage", "web", "--json")).json(), { foreign: 0 });
    await place.run("mirror", place.path("mnt/web"), place.path("copy"), "--yes");
    assert.ok(!existsSync(place.path("copy", MARKER)), "copied");
    cpSync(place.path("mnt/web", MARKER), place.path("copy/below", MARKER));
    await place.run("mirror", place.path("in"), place.path("copy"), "--yes", "--max-delete", "100%");
    assert.ok(existsSync(place.path("copy/below", MARKER)), "deleted");
    await place.run("feed", "create", "files", "--type", "asset");
    await place.run("asset", "upload", "files", place.path("copy/below/"), "--recursive");
    assert.deepEqual((await place.run("asset", "list", "files", "--json")).json(), []);
    writeFileSync(place.path(MARKER), "x");
    await place.exits(3, "asset", "upload", "files", place.path(MARKER));
  });

  database.test(
    "retire refuses an absent disk and works when it is back; the marker goes with the files",
    async (_t, place) => {
      await prepare(place);
      await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("next"), "--cutover", "auto");
      renameSync(place.path("mnt"), place.path("mounted"));
      const { stderr } = await place.exits(7, "migrate", "retire", "web", "--yes");
      assert.match(stderr, /feedctl store mark web --earlier/);
      renameSync(place.path("mounted"), place.path("mnt"));
      const retired = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
      assert.partialDeepStrictEqual(retired, { deleted: 3, kept: 0 });
      assert.ok(!existsSync(place.path("mnt/web", MARKER)));
      await place.run("verify", "web");
    },
  );

  database.test(
    "a store that is older than markers is marked on its first write if a recorded file is there",
    async (_t, place) => {
      const files = await prepare(place);
      await makeOld(place, "mnt/web");
      await place.run("verify", "web");
      assert.ok(!existsSync(place.path("mnt/web", MARKER)), "reading writes nothing");
      renameSync(place.path("mnt"), place.path("mounted"));
      mkdirSync(place.path("mnt"));
      await place.exits(7, "import", "web", files[3]!);
      assert.deepEqual(filesBelow(place.path("mnt")), []);
      rmSync(place.path("mnt"), { recursive: true });
      renameSync(place.path("mounted"), place.path("mnt"));
      const { stderr } = await place.run("import", "web", files[3]!, "--quiet");
      assert.equal(stderr, "", "silently");
      const [row] = await place.rows("select id, feed_id from feedctl.stores where marked_at is not null");
      const [{ id } = {}] = await place.rows("select id from feedctl.installation");
      assert.partialDeepStrictEqual(markerIn(place, "mnt/web"), {
        installation: id,
        feed: row!["feed_id"],
        store: row!["id"],
      });
    },
  );

  database.test("two first users at once write one marker", async (_t, place) => {
    const files = writePackages(place.path("in"), 6);
    await place.run("feed", "create", "web", "--type", "npm");
    await Promise.all(files.map((file) => place.run("import", "web", file)));
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), { match: 6 });
    await place.run("package", "delete", "web", await nameOf(place), "--yes");
  });

  database.test(
    "the place of another installation, or of a store that has its own marker, is refused",
    async (t, place) => {
      await using other = await database.install();
      if (other === undefined) return t.skip("no PostgreSQL on this machine");
      const files = await prepare(place);
      await other.run("feed", "create", "theirs", "--type", "npm");
      const set = await other.exits(5, "store", "set", "theirs", "disk", "--path", place.path("mnt/web"));
      assert.match(set.stderr, /holds the files of another feedctl installation/);
      const mirrored = await other.exits(8, "mirror", place.path("in"), place.path("mnt/web"), "--yes");
      assert.match(mirrored.stderr, /holds the live files of feed #\d+ of another feedctl installation/);
      // a disk with another store of this installation is mounted in its place
      await place.run("feed", "create", "mine", "--type", "npm");
      await place.run("store", "set", "mine", "disk", "--path", place.path("mnt/mine"));
      renameSync(place.path("mnt/web"), place.path("mnt/old"));
      renameSync(place.path("mnt/mine"), place.path("mnt/web"));
      const imported = await place.exits(5, "import", "web", files[3]!);
      assert.match(imported.stderr, /is the store of feed "mine"/);
      await place.exits(5, "verify", "web");
      assert.deepEqual(filesBelow(place.path("mnt/web")), []);
      // a mirror onto a live store by a name that no catalog knows
      await place.exits(8, "mirror", place.path("in"), place.path("mnt/old"), "--yes");
    },
  );

  database.test(
    "store mark adopts files that were moved by hand, and an empty place only with --yes",
    async (_t, place) => {
      const files = await prepare(place);
      rmSync(place.path("mnt/web", MARKER));
      await place.exits(7, "import", "web", files[3]!);
      assert.partialDeepStrictEqual((await place.run("store", "mark", "web", "--json")).json(), { found: 3, of: 3 });
      await place.run("import", "web", files[3]!);
      rmSync(place.path("mnt/web"), { recursive: true });
      const { stderr } = await place.exits(8, "store", "mark", "web");
      assert.match(stderr, /has none of 4 files of feed "web"/);
      await place.run("store", "mark", "web", "--yes");
      assert.partialDeepStrictEqual((await place.exits(3, "verify", "web", "--json")).summary(), { missingBlob: 4 });
    },
  );

  database.test(
    "the default root is the installation's for every user; another machine's disk is named",
    async (t, alice) => {
      const files = writePackages(alice.path("in"), 2);
      await using service = await database.install({ FEEDCTL_DATABASE_URL: alice.env["FEEDCTL_DATABASE_URL"]! });
      if (service === undefined) return t.skip("no PostgreSQL on this machine");
      await alice.run("feed", "create", "web", "--type", "npm");
      const root = (await service.run("settings", "get", "Storage.PackagesRootPath")).stdout.trim();
      assert.equal(root, alice.path("data", "packages"));
      await service.run("import", "web", files[0]!);
      await alice.run("import", "web", files[1]!);
      assert.partialDeepStrictEqual((await service.run("verify", "web", "--json")).summary(), { match: 2 });
      assert.equal(filesBelow(alice.path("data", "packages")).length, 2);

      await alice.rows("update feedctl.stores set marked_host = 'buildbox'");
      renameSync(alice.path("data", "packages"), alice.path("away"));
      const { stderr } = await service.exits(7, "verify", "web");
      assert.match(stderr, /the store of feed "web" is a directory of the machine buildbox/);
    },
  );

  database.test("two catalogs of one data directory have a root each", async (t, first) => {
    const [file = ""] = writePackages(first.path("in"), 1);
    await using second = await database.install({ FEEDCTL_DATA_DIR: first.data });
    if (second === undefined) return t.skip("no PostgreSQL on this machine");
    for (const place of [first, second]) {
      await place.run("feed", "create", "web", "--type", "npm");
      await place.run("import", "web", file);
    }
    const roots = await Promise.all(
      [first, second].map(async (place) =>
        (await place.run("settings", "get", "Storage.PackagesRootPath")).stdout.trim(),
      ),
    );
    assert.equal(roots[0], first.path("data", "packages"));
    assert.match(roots[1]!, /packages-[\da-f]{8}$/);
    for (const place of [first, second])
      assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), {
        match: 1,
        missingRow: 0,
      });
  });

  database.test("a catalog whose files are older than the record keeps its owner's root", async (t, alice) => {
    const [file = ""] = writePackages(alice.path("in"), 1);
    await using service = await database.install({ FEEDCTL_DATABASE_URL: alice.env["FEEDCTL_DATABASE_URL"]! });
    if (service === undefined) return t.skip("no PostgreSQL on this machine");
    await alice.run("feed", "create", "web", "--type", "npm");
    await alice.run("import", "web", file);
    await alice.rows("delete from feedctl.installation");
    await alice.rows("update feedctl.stores set probe = true, marked_at = null, marked_location = null");
    rmSync(filesBelow(alice.path("data", "packages"))[0]!.replace(/\/F(\d+)\/.*$/s, "/F$1/") + MARKER);
    // the service has a root of its own, for another catalog
    mkdirSync(service.path("data", "packages", ".npm", "F1"), { recursive: true });
    await service.exits(7, "package", "delete", "web", await nameOf(alice), "--yes");
    await alice.run("verify", "web");
    assert.equal(
      (await service.run("settings", "get", "Storage.PackagesRootPath")).stdout.trim(),
      alice.path("data", "packages"),
    );
  });
});
