import assert from "node:assert/strict";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assetStores, kinds, listed, proven } from "../../support/asset-stores.ts";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { killNow } from "../../support/kill.ts";
import { dropFolder, makeDrop, scan } from "../../support/drops.ts";

const OTHER = "the directory has this file with other bytes";

const paths = async (place: Installation, directory: string) =>
  (await listed(place, directory)).filter(({ folder }) => folder !== true).map(({ path }) => path);

const cat = async (place: Installation, directory: string, path: string) =>
  (await place.run("asset", "cat", directory, path)).stdout;

onEachDatabase("drop paths of asset directories", (database) => {
  database.test("any file is imported under its path, and its folders are deleted", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    drop.put("setup.exe", "MZ");
    drop.put("docs/de/Anleitung für alle.txt", "Hallo");
    drop.put("docs/de/Anleitung für alle.txt.sha256", "a checksum is a file too");
    drop.put("docs/en/empty", "");
    drop.put("docs/en/half.iso.part", "half");
    mkdirSync(join(drop.path, "just-made"));
    assert.deepEqual((await scan(place, 0, "--dry-run")).counts, { imported: 4 });
    assert.deepEqual(await paths(place, "files"), []);

    const { counts, files } = await scan(place, 0);
    assert.deepEqual(counts, { imported: 4 });
    assert.equal(files.length, 4);
    assert.deepEqual(drop.all(), ["docs", "docs/en", "docs/en/half.iso.part", "just-made"]);
    assert.deepEqual(await paths(place, "files"), [
      "docs/de/Anleitung für alle.txt",
      "docs/de/Anleitung für alle.txt.sha256",
      "docs/en/empty",
      "setup.exe",
    ]);
    assert.equal(await cat(place, "files", "docs/de/Anleitung für alle.txt"), "Hallo");
    await proven(place, "files");
    const [status] = (await place.run("drop", "status", "--json")).json() as Record<string, unknown>[];
    assert.partialDeepStrictEqual(status, { feed: "files", type: "asset", imported: 4, problem: null, waiting: [] });
    assert.deepEqual((await scan(place, 0)).counts, {});
    await place.run("drop", "clear", "files");
    assert.deepEqual((await place.run("drop", "status", "--json")).json(), []);
  });
});

onDatabases("drop paths of asset directories", ["PostgreSQL"], (database) => {
  database.test("other bytes are a conflict, until the setting lets drop paths overwrite", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    drop.put("a/x.txt", "first");
    await scan(place, 0);
    await place.run("asset", "set-cache", "files", "a/x.txt", "30m");
    drop.put("a/x.txt", "first");
    assert.deepEqual((await scan(place, 0)).counts, { existing: 1 });
    assert.deepEqual(drop.all(), []);

    drop.put("a/x.txt", "second");
    assert.deepEqual((await scan(place, 3)).files, [`conflict x.txt: ${OTHER}`]);
    assert.deepEqual((await scan(place, 0)).counts, { waiting: 1 });
    assert.deepEqual(drop.all(), ["a", "a/x.txt"]);
    assert.match((await place.run("drop", "status")).stdout, /CONFLICT {2}a\/x\.txt: the directory has/);
    const aside = dropFolder(place.path("aside"));
    assert.deepEqual((await scan(place, 0, "--reject-to", aside.path)).counts, { rejected: 1 });
    assert.deepEqual(aside.all(), ["a", "a/x.txt", "a/x.txt.reason.txt"]);
    assert.match(readFileSync(join(aside.path, "a/x.txt.reason.txt"), "utf8"), /with other bytes/);

    await place.run("settings", "set", "Feeds.AllowDropPathImportOverwrite", "true");
    drop.put("a/x.txt", "third");
    assert.deepEqual((await scan(place, 0, "--dry-run")).counts, { imported: 1, overwritten: 1 });
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1, overwritten: 1 });
    assert.equal(await cat(place, "files", "a/x.txt"), "third");
    const shown = (await place.run("asset", "show", "files", "a/x.txt", "--json")).json() as Record<string, unknown>;
    assert.match(JSON.stringify(shown), /max-age=1800/, "the file's own metadata stays");
    await proven(place, "files");
  });

  database.test("a file with an invalid name is reported and stays; the others are imported", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    writeFileSync(place.path("one"), "1");
    await place.run("asset", "upload", "files", place.path("one"), "--name", "a");
    await place.run("asset", "mkdir", "files", "folder");
    const wrong = await place.exits(2, "import", "files", place.path("one"));
    assert.match(wrong.stderr, /is an asset directory: .*\nhint: feedctl asset upload files PATH/);
    drop.put("a/b", "under a file");
    drop.put("folder", "over a folder");
    drop.put("line\nbreak", "no key");
    drop.put("good", "good");
    drop.put("back\\slash/x", "one segment, not a folder");
    const { files, counts } = await scan(place, 3);
    assert.deepEqual(files, [
      "conflict b: a is a file, not a folder",
      "conflict folder: a folder of that name exists",
      "imported good",
      "imported x",
      "invalid line\nbreak: its name holds a control character",
    ]);
    assert.deepEqual(counts, { imported: 2, conflicts: 2, invalid: 1 });
    assert.deepEqual(drop.all(), ["a", "a/b", "folder", "line\nbreak"]);
    assert.ok((await paths(place, "files")).includes("back\\slash/x"), "a backslash is not a separator here");
    assert.deepEqual((await scan(place, 0)).counts, { waiting: 3 });
    await proven(place, "files");
  });

  database.test("a file whose name is not UTF-8 is reported and stays", async (t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    const name = Buffer.concat([Buffer.from(`${drop.path}/`), Buffer.from([0x66, 0xfc, 0x72])]);
    try {
      writeFileSync(name, "latin 1");
    } catch (error) {
      return t.skip(`this disk has no such names: ${(error as Error).message}`);
    }
    drop.put("good", "good");
    const { counts, files } = await scan(place, 3);
    assert.deepEqual(counts, { imported: 1, invalid: 1 });
    assert.deepEqual(files, ["imported good", "invalid f\\xfcr: its name is not UTF-8 text; rename it"]);
    assert.deepEqual((await scan(place, 0)).counts, { waiting: 1 }, "reported once");
    assert.equal(readFileSync(name, "utf8"), "latin 1");
  });

  database.test("a file that is being written is left until it is complete", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    const slow = join(drop.path, "slow.iso");
    writeFileSync(slow, "half");
    place.clock.onWait = () => writeFileSync(slow, "half and more");
    drop.put("whole.iso", "whole");
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1, unsettled: 1 });
    place.clock.onWait = undefined;
    writeFileSync(slow, "complete");
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1 });
    assert.equal(await cat(place, "files", "slow.iso"), "complete");
  });

  database.test("two scans and an upload at once import every file once", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    for (let number = 0; number < 300; number++) drop.put(`f${number % 7}/${number}.txt`, `content ${number}`);
    writeFileSync(place.path("7.txt"), "content 7");
    const [first, second, upload] = await Promise.all([
      place.feedctl(["drop", "scan", "--json"], { env: place.env }),
      place.feedctl(["drop", "scan", "--json"], { env: place.env }),
      place.feedctl(["asset", "upload", "files", place.path("7.txt"), "--to", "f0"], { env: place.env }),
    ]);
    assert.equal(upload?.code, 0, upload?.stderr);
    const sums = [first, second].map((result) => {
      assert.equal(result?.code, 0, result?.stderr);
      return result?.events().at(-1) as Record<string, number>;
    });
    const taken = sums.reduce((sum, each) => sum + (each["imported"] ?? 0) + (each["existing"] ?? 0), 0);
    assert.equal(taken, 300);
    assert.deepEqual(drop.all(), []);
    assert.equal((await paths(place, "files")).length, 300);
    const audited = await place.rows("select object from feedctl.audit_events where action = 'stored'");
    assert.equal(new Set(audited.map(({ object }) => object)).size, 300);
    assert.equal(audited.length, 300, "nothing was stored twice");
    await proven(place, "files");
  });

  database.test("a file is deleted only when the store has it; a lost blob is restored", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    const root = place.path("store");
    await place.run("store", "set", "files", "disk", "--path", root);
    drop.put("a/x.bin", "bytes");
    await scan(place, 0);
    await place.run("asset", "set-type", "files", "a/x.bin", "application/x-own");
    const before = await place.rows("select * from feedctl.assets");
    unlinkSync(join(root, "a/x.bin"));
    drop.put("a/x.bin", "bytes");
    assert.deepEqual((await scan(place, 0, "--dry-run")).counts, { restored: 1 });
    assert.deepEqual((await scan(place, 0)).counts, { restored: 1 });
    assert.deepEqual(drop.all(), []);
    assert.deepEqual(await place.rows("select * from feedctl.assets"), before, "its row is unchanged");
    assert.equal(
      (await listed(place, "files")).find(({ path }) => path === "a/x.bin")?.contentType,
      "application/x-own",
    );

    writeFileSync(join(root, "a/x.bin"), "rotten");
    drop.put("a/x.bin", "bytes");
    assert.match((await scan(place, 3)).files[0] ?? "", /^failed x\.bin: its blob in the store does not match/);
    assert.deepEqual(drop.all(), ["a", "a/x.bin"]);
    await place.run("settings", "set", "Feeds.AllowDropPathImportOverwrite", "true");
    assert.deepEqual((await scan(place, 0)).counts, { restored: 1 });
    await proven(place, "files");

    // like a second mount of the store's directory
    linkSync(join(root, "a/x.bin"), join(drop.path, "x.bin"));
    renameSync(join(drop.path, "x.bin"), join(place.path("drop"), "x.bin"));
    mkdirSync(join(drop.path, "a"));
    renameSync(join(place.path("drop"), "x.bin"), join(drop.path, "a/x.bin"));
    assert.match((await scan(place, 3, "--settle", "0s")).files[0] ?? "", /directory's own file in its store/);
    await proven(place, "files");
  });

  database.test("versioning keeps what a drop path overwrites", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    await place.run("asset", "versioning", "files", "on");
    await place.run("settings", "set", "Feeds.AllowDropPathImportOverwrite", "true");
    drop.put("x.txt", "one");
    await scan(place, 0);
    drop.put("x.txt", "two");
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1, overwritten: 1 });
    const kept = await place.rows("select path, reason from feedctl.asset_history");
    assert.deepEqual(kept, [{ path: "x.txt", reason: "overwritten" }]);
    await proven(place, "files");
  });

  database.test("an asset directory moves through its drop path, and a killed scan is finished", async (_t, place) => {
    await place.run("feed", "create", "files", "--type", "asset");
    for (let number = 0; number < 400; number++) {
      mkdirSync(place.path("in", `f${number % 5}`), { recursive: true });
      writeFileSync(place.path("in", `f${number % 5}`, `${number}.bin`), "x".repeat(30_000) + number);
    }
    await place.run("asset", "upload", "files", `${place.path("in")}/`, "--recursive");
    const old = dropFolder(place.path("data/packages/.assets/F1"));
    assert.equal(old.all().length, 405, "the files are there");
    await place.run("store", "set", "files", "disk", "--path", place.path("new"));
    await place.run("drop", "set", "files", old.path);
    const running = await place.start(["drop", "scan", "--settle", "0s", "--json"]);
    await running.shows('"restored"');
    await killNow(place, running);
    const left = old.all().filter((path) => path.endsWith(".bin")).length;
    assert.ok(left > 0, "it was killed in the middle");
    const { counts } = await scan(place, 0, "--settle", "0s");
    assert.equal((counts["restored"] ?? 0) + (counts["existing"] ?? 0), left);
    assert.deepEqual(old.all(), []);
    rmSync(old.path, { recursive: true });
    await proven(place, "files");
    assert.equal((await paths(place, "files")).length, 400);
  });

  test("on every kind of store, and files larger than one part", async (t) => {
    await using stores = await assetStores();
    await using place = await database.install(stores.env);
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    for (const kind of kinds) {
      const name = await stores.directory(place, kind);
      const drop = dropFolder(place.path("drop", name));
      await place.run("drop", "set", name, drop.path);
      drop.put("big/large.bin", Buffer.alloc(9 * 1024 * 1024, kind));
      drop.put("small.txt", kind);
      assert.deepEqual((await scan(place, 0, "--feed", name)).counts, { imported: 2 }, kind);
      drop.put("small.txt", kind);
      assert.deepEqual((await scan(place, 0, "--feed", name)).counts, { existing: 1 }, kind);
      assert.deepEqual(drop.all(), [], kind);
      await proven(place, name);
      // a name that only Azure changes
      drop.put("ends with a dot.", kind);
      const { counts } = await scan(place, kind === "azure" ? 3 : 0, "--feed", name);
      assert.deepEqual(counts, kind === "azure" ? { invalid: 1 } : { imported: 1 }, kind);
      assert.deepEqual(drop.all(), kind === "azure" ? ["ends with a dot."] : [], kind);
    }
  });
});
