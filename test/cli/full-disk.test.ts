// A full disk is a full disk wherever it strikes: status 7 with a hint, and nothing half made.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { someBytes } from "../support/bytes.ts";
import { onDatabases } from "../support/databases.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

const MIB = 1024 * 1024;
const noDisk = "no small disk: a tmpfs cannot be mounted by this user";

onDatabases("a full disk", ["PostgreSQL"], (database) => {
  database.test("is named by whatever writes a file, and leaves none", async (t, place) => {
    using disk = mountSmallDisk(place.path("small"), 4);
    if (disk === undefined) return t.skip(noDisk);
    await place.run("feed", "create", "files", "--type", "asset");
    await place.run("feed", "create", "internal", "--type", "universal");
    writeFileSync(place.path("big"), someBytes(9 * MIB, 1));
    await place.run("asset", "upload", "files", "big");
    mkdirSync(place.path("from"));
    for (let i = 0; i < 50; i++) writeFileSync(place.path("from", `${i}`.padEnd(200, "x")), "text");
    const output = join(disk.path, "output");
    disk.fill(2 * MIB);
    for (const args of [
      ["asset", "download", "files", "big", "--output", output],
      ["asset", "export", "files", "--format", "zip", "--output", output],
    ]) {
      const { stderr } = await place.exits(7, ...args);
      assert.match(stderr, /no space/i, args.join(" "));
      assert.doesNotMatch(stderr, /bug/, args.join(" "));
      assert.deepEqual(readdirSync(disk.path), ["filler"], args.join(" "));
    }
    disk.fill(0);
    const log = ["mirror", place.path("from"), place.path("to"), "--yes", "--log", output];
    assert.match((await place.exits(7, ...log)).stderr, /could not write the log .*(ENOSPC|no space)/);
    rmSync(output);
    const secret = [
      "--bucket",
      "bbb",
      "--no-check",
      "--region",
      "r",
      "--access-key",
      "env:ID",
      "--secret-key",
      "s".repeat(40),
    ];
    const sealing = await place.feedctl(["store", "set", "internal", "s3", ...secret], {
      env: { ...place.env, ID: "AKIATEST", FEEDCTL_KEY_FILE: join(disk.path, "key") },
    });
    assert.match(sealing.stderr, /the key file .* could not be created: ENOSPC.*\nhint: free space/);
    assert.equal(sealing.code, 7);
    assert.deepEqual(readdirSync(disk.path), ["filler"]);
  });
});

onDatabases("a read-only file system", ["PostgreSQL"], (database) => {
  database.test("is reported as that, once, whatever should be written there", async (t, place) => {
    using disk = mountSmallDisk(place.path("small"), 4);
    if (disk === undefined) return t.skip(noDisk);
    for (const feed of ["files", "other"]) await place.run("feed", "create", feed, "--type", "asset");
    for (let i = 0; i < 5; i++) writeFileSync(place.path(`f${i}`), `${i}`);
    await place.run("asset", "upload", "files", "f0", "f1", "f2", "f3", "f4");
    mkdirSync(join(disk.path, "have"));
    disk.freeze();
    const at = (name: string) => join(disk.path, name);
    mkdirSync(place.path("in"));
    for (let i = 0; i < 5; i++) writeFileSync(place.path("in", `${i}`), `${i}`);
    for (const args of [
      ["store", "set", "other", "disk", "--path", at("new")],
      ["migrate", "run", "files", "--to", "disk", "--path", at("new")],
      ["mirror", place.path("in"), at("copy/deep"), "--yes"],
      ["migrate", "run", "other", "--to", "disk", "--path", at("have")],
    ]) {
      const { stdout, stderr } = await place.exits(7, ...args);
      assert.match(stderr, /^error: .*the file system is read-only\nhint: .*mount it for writing$/m, args.join(" "));
      assert.doesNotMatch(stdout, /^failed/m, args.join(" "));
      if (args[0] !== "migrate") continue;
      const { stdout: status } = await place.run("migrate", "status", args[2] ?? "");
      assert.match(status, /^ {2}ended {5}cannot write in .*: the file system is read-only$/m);
      await place.run("migrate", "cancel", args[2] ?? "");
    }
  });
});

onDatabases("a full disk", ["embedded"], (database) => {
  database.test("is named when the embedded catalog is created, locked or written", async (t, place) => {
    using disk = mountSmallDisk(place.path("small"), 60);
    if (disk === undefined) return t.skip(noDisk);
    const data = join(disk.path, "data");
    const run = (...args: string[]) => place.feedctl(args, { env: { FEEDCTL_DATA_DIR: data } });
    disk.fill(10 * MIB);
    const created = await run("init");
    assert.match(
      created.stderr,
      /^error: no space is left for the embedded catalog in .*data\nhint: .*FEEDCTL_DATA_DIR/,
    );
    assert.equal(created.code, 7);
    assert.deepEqual(readdirSync(data), []);

    rmSync(join(disk.path, "filler"));
    assert.equal((await run("feed", "create", "files", "--type", "asset")).code, 0);
    await run("store", "set", "files", "disk", "--path", place.path("store"));
    disk.fill(0);
    const locked = await run("feed", "list");
    assert.match(locked.stderr, /^error: no space is left for the embedded catalog/);
    assert.equal(locked.code, 7);
    assert.deepEqual(readdirSync(data), ["catalog"]);

    disk.fill(100 * 1024);
    mkdirSync(place.path("many"));
    for (let i = 0; i < 3000; i++) writeFileSync(place.path("many", `${i}`.padEnd(100, "x")), `${i}`);
    const written = await run("asset", "upload", "files", "many", "--recursive");
    assert.match(written.stderr, /error: the catalog's disk is full\nhint: free space/);
    assert.equal(written.code, 7);

    rmSync(join(disk.path, "filler"));
    const again = await run("asset", "upload", "files", "many", "--recursive", "--quiet");
    assert.equal(again.code, 0, again.stderr);
    assert.equal((await run("verify", "files")).code, 0);
  });
});
