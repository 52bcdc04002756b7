import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { onDatabases, onEachDatabase } from "../../support/databases.ts";
import { dropFolder, makeDrop, scan } from "../../support/drops.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";

onEachDatabase("drop paths", (database) => {
  database.test("dropped files are imported and deleted, with their folders", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "left", version: "1.0.0" });
    drop.npm({ name: "right", version: "1.0.0" }, "team/a/right.tgz");
    drop.npm({ name: "right", version: "2.0.0" }, "team/b/right.tgz");
    drop.put("team/b/half.tgz.part", "half");
    mkdirSync(join(drop.path, "just-made"));
    const { counts } = await scan(place, 0);
    assert.deepEqual(counts, { imported: 3 });
    assert.deepEqual(drop.all(), ["just-made", "team", "team/b", "team/b/half.tgz.part"]);
    const [status] = (await place.run("drop", "status", "--json")).json() as Record<string, unknown>[];
    assert.partialDeepStrictEqual(status, { feed: "web", path: drop.path, imported: 3, problem: null, waiting: [] });
    assert.deepEqual((await scan(place, 0)).counts, {});
    const runs = await place.rows("select state from feedctl.runs where command = 'drop scan'");
    assert.deepEqual(runs, [{ state: "done" }], "a scan without files is not recorded as a run");
  });
});

onDatabases("drop paths", ["PostgreSQL"], (database) => {
  database.test("unfinished, hidden and linked files are ignored without a message", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    const content = npmTarball({ name: "it", version: "1.0.0" });
    const names = [
      "a.part",
      "a.tmp",
      "A.TMP",
      "a.crdownload",
      "a.partial",
      "a.tgz~",
      "~a.tgz",
      ".a.tgz",
      ".git/a.tgz",
      "up.part/a.tgz",
      "Thumbs.db",
    ];
    for (const name of names) drop.put(name, content);
    const outside = dropFolder(place.path("outside"));
    symlinkSync(outside.npm({ name: "linked", version: "1.0.0" }), join(drop.path, "link.tgz"));
    symlinkSync(outside.path, join(drop.path, "folder"));
    const before = drop.all();
    assert.deepEqual((await scan(place, 0)).counts, {});
    assert.deepEqual(drop.all(), before);
    assert.equal(existsSync(join(outside.path, "linked-1.0.0.tgz")), true);
  });

  database.test("an invalid file is reported once, and read again when it changes", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    drop.put("x/bad.tgz", "no archive");
    drop.put("gone.tgz", "not an archive either");
    const first = await scan(place, 3);
    assert.deepEqual(first.counts, { invalid: 2 });
    const seen = await place.rows("select path, status, seen_at from feedctl.drop_files order by path");
    assert.deepEqual(
      seen.map(({ path, status }) => [path, status]),
      [
        ["gone.tgz", "invalid"],
        ["x/bad.tgz", "invalid"],
      ],
    );

    unlinkSync(join(drop.path, "gone.tgz"));
    const second = await scan(place, 0);
    assert.deepEqual([second.files, second.counts], [[], { waiting: 1 }]);
    const again = await place.rows("select path, status, seen_at from feedctl.drop_files order by path");
    assert.deepEqual(again, seen.slice(1), "the vanished file is forgotten, the other was not read again");
    const text = (await place.run("drop", "status")).stdout;
    assert.match(text, /waiting: {4}1 file\n {2}INVALID {3}x\/bad\.tgz: bad\.tgz is not a valid npm package/);
    assert.deepEqual(
      (await scan(place, 0, "--again")).counts,
      { waiting: 1 },
      "an unchanged result is not reported again",
    );

    drop.put("x/bad.tgz", npmTarball({ name: "now-good", version: "1.0.0" }));
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1 });
    assert.deepEqual(drop.all(), []);
    assert.deepEqual(await place.rows("select path from feedctl.drop_files"), []);
  });

  database.test("a conflicting file stays until the setting allows drop paths to overwrite", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "it", version: "1.0.0" });
    await scan(place, 0);
    const bytes = npmTarball({ name: "it", version: "1.0.0", files: { "new.txt": "new" } });
    drop.put("it.tgz", bytes);
    assert.deepEqual((await scan(place, 3)).files, ["conflict it.tgz: the feed has this version with other bytes"]);
    assert.deepEqual((await scan(place, 0)).counts, { waiting: 1 });
    assert.deepEqual(readFileSync(join(drop.path, "it.tgz")), bytes);

    await place.run("settings", "set", "Feeds.AllowDropPathImportOverwrite", "true");
    assert.deepEqual((await scan(place, 0, "--dry-run")).counts, { imported: 1, overwritten: 1 });
    assert.deepEqual(drop.all(), ["it.tgz"]);
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1, overwritten: 1 });
    assert.deepEqual(drop.all(), []);
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--read", "--json")).summary(), {
      match: 1,
      differ: 0,
    });
  });

  database.test("--reject-to moves rejected files without overwriting, each with its reason", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    const aside = dropFolder(place.path("aside"));
    drop.put("x/bad.tgz", "first");
    assert.deepEqual((await scan(place, 3)).counts, { invalid: 1 });
    assert.deepEqual((await scan(place, 0, "--reject-to", aside.path)).counts, { rejected: 1 }, "known rejects too");
    drop.put("x/bad.tgz", "second");
    assert.deepEqual((await scan(place, 3, "--reject-to", aside.path)).counts, { invalid: 1, rejected: 1 });
    assert.deepEqual(aside.all(), ["x", "x/bad.tgz", "x/bad.tgz.1", "x/bad.tgz.1.reason.txt", "x/bad.tgz.reason.txt"]);
    assert.equal(readFileSync(join(aside.path, "x/bad.tgz"), "utf8"), "first");
    assert.equal(readFileSync(join(aside.path, "x/bad.tgz.1"), "utf8"), "second");
    const reason = readFileSync(join(aside.path, "x/bad.tgz.1.reason.txt"), "utf8");
    assert.match(reason, /not a valid npm package[^]*feed: {3}web\nfile: {3}.*\/drop\/web\/x\/bad\.tgz/);
    assert.deepEqual(await place.rows("select path from feedctl.drop_files"), []);

    // names without room for that of the reason, and a folder with the name of a file
    for (const end of ["a", "b"]) drop.put(`${"ü".repeat(124)}${end}.tgz`, end);
    drop.put("x/bad.tgz/y.tgz", "third");
    assert.deepEqual((await scan(place, 3, "--reject-to", aside.path)).counts, { invalid: 3, rejected: 3 });
    assert.deepEqual(drop.all(), ["x", "x/bad.tgz"], "empty folders");
    const long = aside.all().filter((path) => path.startsWith("ü"));
    // either may be the first
    assert.deepEqual(long.map((path) => path.replace(/^ü+[ab]?/, "")).toSorted(), [
      ".1",
      ".1.reason.txt",
      ".reason.txt",
      ".tgz",
    ]);
    assert.equal(readFileSync(join(aside.path, "x/bad.tgz.2/y.tgz"), "utf8"), "third");

    // what cannot be moved is reported once
    drop.put("y/bad.tgz", "fourth");
    writeFileSync(place.path("file"), "");
    const nowhere = ["--feed", "web", "--reject-to", place.path("file", "aside")];
    assert.match((await scan(place, 6, ...nowhere)).stderr, /could not move .*y\/bad\.tgz/);
    assert.deepEqual((await scan(place, 0, ...nowhere)).counts, { waiting: 1 });
    assert.deepEqual((await scan(place, 0, "--reject-to", aside.path)).counts, { rejected: 1 });
    const refused = await place.exits(2, "drop", "scan", "--reject-to", join(drop.path, "x"));
    assert.match(refused.stderr, /overlaps the drop path of feed "web"/);
  });

  database.test("symbols go with their package, and a dry run changes nothing", async (_t, place) => {
    const drop = await makeDrop(place, "net", "nuget");
    drop.put("My.Lib.1.0.0.nupkg", nupkg({ id: "My.Lib", version: "1.0.0" }));
    drop.put("My.Lib.1.0.0.snupkg", nupkg({ id: "My.Lib", version: "1.0.0", symbols: true }));
    drop.put("broken.nupkg", "broken");
    const before = drop.all();
    assert.deepEqual((await scan(place, 3, "--dry-run")).counts, { imported: 2, invalid: 1 });
    assert.deepEqual(drop.all(), before);
    assert.deepEqual(await place.rows("select 1 from feedctl.drop_files union all select 1 from feedctl.runs"), []);
    assert.deepEqual((await scan(place, 3)).counts, { imported: 2, invalid: 1 });
    assert.deepEqual(drop.all(), ["broken.nupkg"]);
  });

  database.test("a drop path must be a directory, and neither a store's nor another feed's", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    await place.run("feed", "create", "other", "--type", "npm");
    await place.run("store", "set", "other", "disk", "--path", place.path("stores", "other"));
    mkdirSync(place.path("stores/other/deep"), { recursive: true });
    symlinkSync(place.path("stores/other"), place.path("link"));
    for (const [path, words] of [
      [place.path("stores/other"), /is feed "other"'s store/],
      [place.path("stores/other/deep"), /lies inside feed "other"'s store/],
      [place.path("stores"), /contains feed "other"'s store/],
      [place.path("link"), /is feed "other"'s store/],
    ] as const) {
      assert.match((await place.exits(5, "drop", "set", "web", path)).stderr, words);
      assert.match((await place.exits(5, "feed", "set", "web", "--drop-path", path)).stderr, words, "one way for both");
    }
    assert.match((await place.exits(5, "drop", "set", "other", place.path("link"))).stderr, /its own store/);
    assert.match((await place.exits(5, "drop", "set", "other", drop.path)).stderr, /feed "web"'s drop path/);
    assert.match((await place.exits(5, "drop", "set", "other", place.path("drop"))).stderr, /contains feed "web"'s/);
    assert.match((await place.exits(4, "drop", "set", "other", "missing")).stderr, /missing does not exist\nhint: /);
    writeFileSync(place.path("file"), "");
    assert.match((await place.exits(2, "drop", "set", "other", "file")).stderr, /is not a directory/);
    const taken = await place.exits(5, "store", "set", "other", "disk", "--path", join(drop.path, "in"));
    assert.match(taken.stderr, /lies inside feed "web"'s drop path\nhint: .*drop clear/);
    await place.run("feed", "create", "images", "--type", "docker");
    const images = await place.exits(2, "drop", "set", "images", place.path("stores"));
    assert.match(images.stderr, /cannot import into a feed of type docker/);

    mkdirSync(place.path("own"));
    const set = (await place.run("drop", "set", "other", "own", "--json")).json();
    assert.partialDeepStrictEqual(set, { name: "other", dropPath: place.path("own") });
    assert.match((await place.run("drop", "clear", "other")).stdout, /removed the drop path of feed other/);
    assert.match(
      (await place.exits(2, "drop", "scan", "--feed", "other")).stderr,
      /no drop path\nhint: feedctl drop set/,
    );
    const audited = await place.rows(
      "select detail from feedctl.audit_events where action = 'feed changed' and object = 'other' order by id",
    );
    assert.deepEqual(audited, [{ detail: { dropPath: place.path("own") } }, { detail: { dropPath: null } }]);
  });

  database.test("a store inside a drop path is not emptied", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "it", version: "1.0.0" });
    await scan(place, 0);
    const store = place.path("data/packages/.npm/F1");
    await place.rows(`update feedctl.feeds set drop_path = '${store}'`);
    const { counts, feeds } = await scan(place, 3);
    assert.deepEqual(counts, { problems: 1 });
    assert.match(String(feeds[0]?.["problem"]), /is its own store/);
    assert.match((await place.exits(5, "drop", "scan", "--feed", "web")).stderr, /is its own store/);
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), { match: 1, missingBlob: 0 });
  });

  database.test("an unreachable drop path does not stop the others, and recovers", async (_t, place) => {
    const gone = await makeDrop(place, "gone");
    const web = await makeDrop(place, "web");
    gone.put("bad.tgz", "bad");
    await scan(place, 3);
    renameSync(gone.path, `${gone.path}.away`);
    web.npm({ name: "it", version: "1.0.0" });
    const { counts, feeds } = await scan(place, 3);
    assert.deepEqual(counts, { imported: 1, problems: 1 });
    assert.match(String(feeds[0]?.["problem"]), /drop path .*gone does not exist/);
    const [status] = (await place.run("drop", "status", "--feed", "gone", "--json")).json() as Record<
      string,
      unknown
    >[];
    assert.partialDeepStrictEqual(status, { problem: feeds[0]?.["problem"], waiting: [{ path: "bad.tgz" }] });
    assert.match((await place.exits(4, "drop", "scan", "--feed", "gone")).stderr, /does not exist/);
    writeFileSync(gone.path, "a file now");
    assert.match((await place.exits(2, "drop", "scan", "--feed", "gone")).stderr, /is not a directory/);
    rmSync(gone.path);

    renameSync(`${gone.path}.away`, gone.path);
    gone.npm({ name: "it", version: "1.0.0" });
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1, waiting: 1 });
    const [after] = (await place.run("drop", "status", "--feed", "gone", "--json")).json() as Record<string, unknown>[];
    assert.partialDeepStrictEqual(after, { problem: null, imported: 1 });
  });

  database.test("a disabled feed imports nothing, and the others do", async (_t, place) => {
    const off = await makeDrop(place, "off");
    const web = await makeDrop(place, "web");
    off.npm({ name: "it", version: "1.0.0" });
    web.npm({ name: "it", version: "1.0.0" });
    await place.run("feed", "disable", "off");
    const { counts, feeds } = await scan(place, 0);
    assert.deepEqual([counts, feeds[0]?.["skipped"]], [{ imported: 1 }, "the feed is disabled"]);
    assert.deepEqual(off.all(), ["it-1.0.0.tgz"]);
    assert.match((await place.exits(8, "drop", "scan", "--feed", "off")).stderr, /disabled/);
  });
});
