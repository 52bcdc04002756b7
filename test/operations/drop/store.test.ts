import assert from "node:assert/strict";
import { hash, randomUUID } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { dropFolder, makeDrop, scan } from "../../support/drops.ts";
import { debPackage } from "../../support/fixtures/deb.ts";
import { jar } from "../../support/fixtures/maven.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { killNow } from "../../support/kill.ts";
import { startS3 } from "../../support/s3-server.ts";
import { writePackages } from "../../support/package-set.ts";
import { until } from "../../support/wait.ts";

const verified = async (place: Installation, feed: string) =>
  (await place.run("verify", feed, "--read", "--json")).summary() as Record<string, number>;

const versions = (place: Installation) =>
  place.rows(`select name, version, cached, downloads, published_at, published_by, listed
    from feedctl.versions join feedctl.packages on packages.id = package_id order by name, version`);

/** Path of a package's file in a store. */
const blob = (root: string, name: string) =>
  join(root, readdirSync(root, { recursive: true, encoding: "utf8" }).find((path) => path.endsWith(name)) ?? "none");

onEachDatabase("drop paths and stores", (database) => {
  database.test("a feed moves to a new store by making its old directory its drop path", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    writePackages(place.path("in"), 5);
    await place.run("import", "web", place.path("in"));
    await place.rows(`update feedctl.versions set downloads = 7, listed = false, published_at = '2020-02-02',
      cached = id % 2 = 0`);
    const before = await versions(place);
    const old = dropFolder(place.path("data/packages/.npm/F1"));
    assert.match((await place.exits(5, "drop", "set", "web", old.path)).stderr, /is its own store/);
    await place.exits(0, "store", "set", "web", "disk", "--path", place.path("new"));

    await place.run("drop", "set", "web", old.path);
    assert.deepEqual((await scan(place, 0, "--settle", "0s")).counts, { restored: 5 });
    assert.deepEqual(old.all(), []);
    rmSync(old.path, { recursive: true });
    assert.partialDeepStrictEqual(await verified(place, "web"), { match: 5, missingBlob: 0, missingRow: 0, differ: 0 });
    assert.deepEqual(await versions(place), before, "dates, downloads and flags are unchanged");
  });
});

onDatabases("drop paths and stores", ["PostgreSQL"], (database) => {
  database.test(
    "Debian packages get the drop path's distribution and component until they are cleared",
    async (_t, place) => {
      const drop = await makeDrop(place, "deb", "debian");
      const put = (version: string) => drop.put("x.deb", debPackage({ name: "hello", version }));
      const keys = async () =>
        (await place.rows("select key from feedctl.files order by id")).map(({ key }) =>
          String(key).split("/", 3).slice(1),
        );
      put("1.0-1");
      await scan(place, 0);
      const set = ["drop", "set", "deb", drop.path, "--distribution", "trixie"];
      assert.match((await place.run(...set, "--component", "extra")).stdout, /imports packages for trixie, extra from/);
      put("1.0-2");
      await scan(place, 0);
      const [status] = (await place.run("drop", "status", "--json")).json() as Record<string, unknown>[];
      assert.partialDeepStrictEqual(status, { distribution: "trixie", component: "extra" });
      assert.match((await place.run("drop", "status")).stdout, /^packages: {3}for trixie, extra$/m);

      // the same package with other bytes is a conflict there, but not in another distribution
      drop.put("x.deb", debPackage({ name: "hello", version: "1.0-2", fields: { Description: "other" } }));
      assert.deepEqual((await scan(place, 3)).counts, { conflicts: 1 });
      await place.run(...set);
      assert.deepEqual((await scan(place, 0)).counts, { imported: 1 });
      await place.run("drop", "clear", "deb");
      await place.run("feed", "set", "deb", "--drop-path", drop.path);
      put("1.0-3");
      await scan(place, 0);
      assert.deepEqual(await keys(), [
        ["stable", "main"],
        ["trixie", "extra"],
        ["trixie", "main"],
        ["stable", "main"],
      ]);
      const bad = await place.exits(2, "drop", "set", "deb", drop.path, "--component", "a/b");
      assert.match(bad.stderr, /"a\/b" is not the name of a component/);
      await place.run("feed", "create", "web", "--type", "npm");
      const other = await place.exits(
        2,
        "drop",
        "set",
        "web",
        dropFolder(place.path("web")).path,
        "--distribution",
        "x",
      );
      assert.match(other.stderr, /are for feeds of type debian/);
    },
  );

  database.test(
    "a package is restored under its row's key, even where its format would choose another",
    async (_t, place) => {
      await place.run("feed", "create", "deb", "--type", "debian");
      writeFileSync(place.path("x.deb"), debPackage({ name: "hello", version: "1.0-1" }));
      await place.run("import", "deb", place.path("x.deb"), "--distribution", "trixie", "--component", "extra");
      const old = dropFolder(place.path("data/packages/.debian/F1"));
      await place.run("store", "set", "deb", "disk", "--path", place.path("new"));
      await place.run("drop", "set", "deb", old.path);
      assert.deepEqual((await scan(place, 0, "--settle", "0s")).counts, { restored: 1 });
      assert.deepEqual(old.all(), []);
      assert.partialDeepStrictEqual(await verified(place, "deb"), { match: 1, missingBlob: 0 });
      assert.deepEqual(await place.rows("select count(*)::int as n from feedctl.files"), [{ n: 1 }]);
    },
  );

  database.test(
    "a feed moves to S3 through its drop path, and a file dropped again is recognised by its hash",
    async (t, place) => {
      const s3 = await startS3();
      t.after(() => s3.stop());
      const bucket = `drops-${randomUUID()}`;
      await s3.createBucket(bucket);
      await place.run("feed", "create", "web", "--type", "npm");
      writePackages(place.path("in"), 5);
      await place.run("import", "web", place.path("in"));
      const old = dropFolder(place.path("data/packages/.npm/F1"));
      const keys = ["--access-key", s3.accessKey, "--secret-key", s3.secretKey];
      const where = ["--endpoint", s3.endpoint, "--path-style", "--region", s3.region, "--target-path", "web"];
      await place.run("store", "set", "web", "s3", "--bucket", bucket, ...where, ...keys);
      await place.run("drop", "set", "web", old.path);
      assert.deepEqual((await scan(place, 0, "--settle", "0s")).counts, { restored: 5 });
      assert.deepEqual(old.all(), []);
      writePackages(old.path, 5);
      assert.deepEqual((await scan(place, 0, "--settle", "0s")).counts, { existing: 5 });
      assert.deepEqual(old.all(), []);
      assert.partialDeepStrictEqual(await verified(place, "web"), { match: 5, missingBlob: 0, missingRow: 0 });
    },
  );

  database.test("the next scan finishes a killed move", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    writePackages(place.path("in"), 150, { size: 20_000 });
    await place.run("import", "web", place.path("in"));
    const old = dropFolder(place.path("data/packages/.npm/F1"));
    await place.run("store", "set", "web", "disk", "--path", place.path("new"));
    await place.run("drop", "set", "web", old.path);
    const running = await place.start(["drop", "scan", "--settle", "0s", "--json"]);
    await running.shows('"restored"');
    await killNow(place, running);
    const left = old.all().filter((path) => path.endsWith(".tgz")).length;
    const { counts } = await scan(place, 0, "--settle", "0s");
    assert.equal((counts["restored"] ?? 0) + (counts["existing"] ?? 0), left);
    assert.deepEqual(
      old.all().filter((path) => path.endsWith(".tgz")),
      [],
    );
    assert.partialDeepStrictEqual(await verified(place, "web"), { match: 150, missingBlob: 0, missingRow: 0 });
  });

  database.test("the next scan deletes the folders that a killed one has emptied, and no others", async (_t, place) => {
    const drop = await makeDrop(place, "m2", "maven");
    const names = Array.from({ length: 150 }, (_, at) => `org/a${at}/1.0/a${at}-1.0.jar`);
    for (const [at, name] of names.entries()) {
      const bytes = jar(`org:a${at}:1.0`);
      drop.put(name, bytes);
      drop.put(`${name}.sha1`, hash("sha1", bytes));
    }
    const running = await place.start(["drop", "scan", "--settle", "0s", "--json"]);
    const empty = () =>
      names
        .map((name) => join(drop.path, dirname(name)))
        .filter((folder) => existsSync(folder) && !readdirSync(folder).some((name) => name.endsWith(".jar")));
    await until("folders are emptied", () => empty().length > 2, running);
    await killNow(place, running);
    const emptied = empty();
    const [anew, ...others] = emptied as [string, ...string[]];
    rmSync(anew, { recursive: true });
    mkdirSync(anew); // by a build server, with the number of the old folder perhaps
    const fresh = join(drop.path, "org/fresh");
    mkdirSync(fresh);
    const early = drop.put("org/early/2.0/early-2.0.jar.sha1", "0".repeat(40));
    await scan(place, 0, "--settle", "0s");
    for (const folder of others) assert.ok(!existsSync(folder), folder);
    for (const path of [drop.path, anew, fresh, early]) assert.ok(existsSync(path), path);
    assert.deepEqual(await place.rows("select count(*)::int as n from feedctl.drop_folders"), [{ n: 0 }]);
  });

  database.test("an existing package's file is deleted only when the store has it", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    const root = place.path("store");
    await place.run("store", "set", "web", "disk", "--path", root);
    const content = { name: "it", version: "1.0.0", files: { "x.txt": "x".repeat(1000) } };
    drop.npm(content);
    await scan(place, 0);
    const path = blob(root, "it-1.0.0.tgz");

    // the blob was touched since it was verified, so that its tag proves nothing and it has to be read
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
    drop.npm(content);
    assert.deepEqual((await scan(place, 0)).counts, { existing: 1 });
    assert.deepEqual(drop.all(), []);

    writeFileSync(path, Buffer.alloc(npmTarball(content).length));
    drop.npm(content);
    const damaged = await scan(place, 3);
    assert.deepEqual(damaged.files, [
      "failed it-1.0.0.tgz: its blob in the store does not match the catalog; overwrite it, or see: feedctl verify",
    ]);
    assert.deepEqual(drop.all(), ["it-1.0.0.tgz"]);
    await place.run("settings", "set", "Feeds.AllowDropPathImportOverwrite", "true");
    assert.deepEqual((await scan(place, 0)).counts, { restored: 1 }, "drop paths that may overwrite repair it");
    assert.partialDeepStrictEqual(await verified(place, "web"), { match: 1, differ: 0 });

    unlinkSync(path);
    const file = place.path("it-1.0.0.tgz");
    writeFileSync(file, npmTarball(content));
    assert.match((await place.run("import", "web", file, "--move", "--dry-run")).stdout, /restored {2}it/);
    const moved = await place.run("import", "web", file, "--move", "--json");
    assert.partialDeepStrictEqual(moved.events().at(-1), {
      restored: 1,
      existing: 0,
      bytes: npmTarball(content).length,
    });
    assert.throws(() => unlinkSync(file), { code: "ENOENT" });
    assert.partialDeepStrictEqual(await verified(place, "web"), { match: 1, missingBlob: 0 });
  });

  database.test("the store's own files are never deleted as copies", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    const root = place.path("data/packages/.npm/F1");
    drop.npm({ name: "it", version: "1.0.0" });
    await scan(place, 0);
    const path = blob(root, "it-1.0.0.tgz");
    // like a second mount of the store's directory: another path, the same file
    linkSync(path, join(drop.path, "it.tgz"));
    const { files } = await scan(place, 3, "--settle", "0s");
    assert.deepEqual(files, ["failed it.tgz: it is the feed's own file in its store, not a copy"]);
    const result = await place.exits(3, "import", "web", root, "--recursive", "--move");
    assert.match(result.stdout, /FAILED {4}it 1\.0\.0: it is the feed's own file/);
    assert.partialDeepStrictEqual(await verified(place, "web"), { match: 1, missingBlob: 0 });
  });
});
