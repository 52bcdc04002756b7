import assert from "node:assert/strict";
import { isBlobName } from "../../support/store-files.ts";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { onDatabases } from "../../support/databases.ts";
import { debPackage } from "../../support/fixtures/deb.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { assertSound, counts, diskFeed, importing, listed, reportOf, writeFiles } from "../../support/importing.ts";
import { writePackages } from "../../support/package-set.ts";

const tarball = (name: string, description = "") => npmTarball({ name, version: "1.0.0", manifest: { description } });

onDatabases("files to import", ["PostgreSQL"], (database) => {
  database.test("--move deletes only files whose package is in the feed", async (_t, place) => {
    const folder = place.path("in");
    await diskFeed(place, "web", "npm");
    writeFiles(folder, { "old.tgz": tarball("old") });
    await place.run("import", "web", folder);
    writeFiles(folder, {
      "new.tgz": tarball("new"),
      "again.tgz": tarball("new"),
      "other.tgz": tarball("old", "other bytes"),
      "junk.tgz": "junk",
    });
    const planned = await importing(place, 3, "web", folder, "--move", "--dry-run");
    assert.deepEqual(planned.counts, counts({ imported: 1, existing: 2, conflicts: 1, invalid: 1 }));
    assert.equal(readdirSync(folder).length, 5);
    const { files, counts: found } = await importing(place, 3, "web", folder, "--move");
    assert.deepEqual(found, counts({ imported: 1, existing: 2, conflicts: 1, invalid: 1 }), JSON.stringify(files));
    assert.deepEqual(readdirSync(folder).toSorted(), ["junk.tgz", "other.tgz"]);
    await assertSound(place, "web", 2);
  });

  database.test("--move of a file that cannot be deleted fails, though the feed has it", async (t, place) => {
    const folder = place.path("in");
    const [file = ""] = writePackages(folder, 1);
    await diskFeed(place, "web", "npm");
    // root can delete everything but immutable files
    const root = process.getuid?.() === 0;
    if (root && spawnSync("chattr", ["+i", file]).status !== 0) return t.skip("no file system with immutable files");
    if (!root) chmodSync(folder, 0o555);
    try {
      const { files, counts: found } = await importing(place, 3, "web", file, "--move");
      assert.deepEqual(found, counts({ failed: 1 }));
      assert.match(files[0]?.reason ?? "", /the feed has it, but the file cannot be deleted: .*(EPERM|EACCES)/);
    } finally {
      if (root) spawnSync("chattr", ["-i", file]);
      else chmodSync(folder, 0o755);
    }
    assert.ok(existsSync(file));
    assert.deepEqual((await importing(place, 0, "web", file, "--move")).counts, counts({ existing: 1 }));
    assert.ok(!existsSync(file));
  });

  database.test("a lost blob is stored again when its file is imported again", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    const folder = place.path("in");
    writePackages(folder, 3);
    await place.run("import", "web", folder);
    const [lost, cut] = (await listed(place, "web")).map(({ files }) => join(root, files[0]!.key)) as [string, string];
    rmSync(lost);
    writeFileSync(cut, "shorter");
    assert.deepEqual(
      (await importing(place, 3, "web", folder, "--dry-run")).counts,
      counts({ existing: 1, restored: 1, failed: 1 }),
    );
    assert.ok(!existsSync(lost));
    assert.match((await place.exits(3, "verify", "web")).stderr, /import or upload a missing file again/);
    const { files, counts: found } = await importing(place, 3, "web", folder);
    assert.deepEqual(found, counts({ existing: 1, restored: 1, failed: 1 }));
    assert.match(files.find(({ status }) => status === "failed")?.reason ?? "", /does not match the catalog/);
    assert.deepEqual(
      (await importing(place, 0, "web", folder, "--overwrite")).counts,
      counts({ existing: 2, restored: 1 }),
    );
    await assertSound(place, "web", 3);
  });

  database.test("--dry-run changes nothing and prints what would be imported", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    const files = writePackages(place.path("in"), 3);
    assert.deepEqual((await importing(place, 0, "web", ...files, "--dry-run")).counts, counts({ imported: 3 }));
    // relative to the directory of the command, which is not that of this process
    const relative = ["in", "in/*.tgz", `in/${basename(files[0]!)}`];
    for (const [index, found] of [3, 3, 1].entries())
      assert.deepEqual(
        (await importing(place, 0, "web", relative[index]!, "--dry-run")).counts,
        counts({ imported: found }),
      );
    assert.deepEqual(await listed(place, "web"), []);
    assert.deepEqual(readdirSync(root).filter(isBlobName), []);
    assert.deepEqual(await place.rows("select command from feedctl.runs where command like 'import%'"), []);
  });

  database.test("--include and --exclude match the path relative to the folder", async (_t, place) => {
    const folder = place.path("in");
    writeFiles(folder, {
      "a.tgz": tarball("a"),
      "deep/b.tgz": tarball("b"),
      "deep/c.tgz": tarball("c"),
      "package.bin": tarball("d"),
      "back\\slash/e\\f.tgz": tarball("e"),
    });
    await diskFeed(place, "web", "npm");
    const names = async (...options: string[]) =>
      (await importing(place, 0, "web", "-r", "--dry-run", ...options, folder)).files
        .map(({ name }) => name)
        .toSorted();
    assert.deepEqual(await names(), ["a", "b", "c", "e"]);
    assert.deepEqual(await names("--include", "back\\\\slash/*"), ["e"]);
    assert.deepEqual(await names("--include", "deep/*"), ["b", "c"]);
    assert.deepEqual(await names("--include", "*.bin"), ["d"]);
    assert.deepEqual(await names("--exclude", "**/b.tgz"), ["a", "c", "e"]);
    assert.deepEqual(await names("--include", "**/*.tgz", "--exclude", "a.tgz"), ["b", "c", "e"]);
    assert.deepEqual(await names("--exclude", "a.tgz", "--exclude", "**/b.tgz"), ["c", "e"]);
    assert.deepEqual(await names("--include", "nothing"), []);
  });

  database.test("--published-from: the file's time, or now", async (_t, place) => {
    const [old = "", young = ""] = writePackages(place.path("in"), 2);
    const time = new Date("2019-08-07T06:05:04Z");
    for (const file of [old, young]) utimesSync(file, time, time);
    await diskFeed(place, "web", "npm");
    await place.run("import", "web", old, "--published-from", "file");
    const started = Date.now();
    await place.run("import", "web", young, "--published-from", "now");
    const [first, second] = await listed(place, "web");
    assert.equal(first?.publishedAt, time.toISOString());
    assert.ok(Date.parse(second!.publishedAt) >= started);
  });

  database.test("--on-conflict skip skips packages with other bytes, with status 0", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    const [a = "", b = ""] = writeFiles(place.path("in"), { "a.tgz": tarball("a"), "b.tgz": tarball("a", "b") });
    await place.run("import", "web", a);
    assert.deepEqual((await importing(place, 0, "web", b, "--on-conflict", "skip")).counts, counts({ skipped: 1 }));
    assert.deepEqual((await importing(place, 3, "web", b, "--on-conflict", "fail")).counts, counts({ conflicts: 1 }));
    const { stdout } = await place.run("import", "web", b, "--on-conflict", "skip");
    assert.match(stdout, /^skipped +a 1\.0\.0: the feed has this version with other bytes/m);
  });

  database.test("files that cannot be read or do not exist fail, the others do not", async (t, place) => {
    const files = writePackages(place.path("in"), 3);
    await place.run("feed", "create", "web", "--type", "npm");
    const sealed = place.path("sealed");
    mkdirSync(sealed);
    const asRoot = process.getuid?.() === 0;
    if (!asRoot) chmodSync(files[1]!, 0);
    else t.diagnostic("root reads everything: only the file that is gone is tried");
    const { counts: found } = await importing(place, 3, "web", ...files, join(sealed, "gone.tgz"));
    assert.deepEqual(found, asRoot ? counts({ imported: 3, failed: 1 }) : counts({ imported: 2, failed: 2 }));
  });

  database.test(
    "distribution and component are for Debian only, and make another file of the version",
    async (_t, place) => {
      await diskFeed(place, "deb", "debian");
      const [file = ""] = writeFiles(place.path("in"), {
        "aa_1_all.deb": debPackage({ name: "aa", version: "1" }),
        "a.tgz": tarball("a"),
      });
      await place.run("import", "deb", file);
      await place.run("import", "deb", file, "--distribution", "bookworm", "--component", "contrib");
      const [version] = await listed(place, "deb");
      assert.deepEqual(version?.files.map(({ qualifier }) => qualifier).toSorted(), [
        "arch=all&component=contrib&distribution=bookworm",
        "arch=all&component=main&distribution=stable",
      ]);
      await diskFeed(place, "web", "npm");
      const { stderr } = await place.exits(2, "import", "web", place.path("in", "a.tgz"), "--component", "main");
      assert.match(stderr, /for feeds of type debian/);
    },
  );

  database.test("standard input: one package, or paths by line or NUL; empty is a usage error", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    const files = writePackages(place.path("in"), 4);
    const importInput = async (input: string | Uint8Array, ...args: string[]) =>
      place.feedctl(["import", "web", "-", "--json", ...args], { input });
    const one = reportOf((await importInput(tarball("piped"))).events());
    assert.deepEqual(one.counts, counts({ imported: 1 }));
    assert.equal(one.files[0]?.name, "piped");
    const lines = reportOf((await importInput(`${files[0]}\r\n${files[1]}\n\n`)).events());
    assert.deepEqual(lines.counts, counts({ imported: 2 }));
    const odd = place.path("in", "with\nline.tgz");
    writeFileSync(odd, tarball("odd"));
    const nul = reportOf((await importInput(`${files[2]}\0${odd}\0`)).events());
    assert.deepEqual(nul.counts, counts({ imported: 2 }));
    const gone = reportOf((await importInput("no-such-file.tgz")).events());
    assert.deepEqual(gone.counts, counts({ failed: 1 }));
    for (const input of ["", new Uint8Array()]) {
      const empty = await importInput(input);
      assert.equal(empty.code, 2);
      assert.match(empty.stderr, /standard input is empty/);
    }
    // a list is text, whatever its first letters, with or without a byte order mark, and its paths are no patterns
    for (const [index, folder] of ["PKGS", "BZh9"].entries())
      writeFiles(place.path(folder), { [`${index}.tgz`]: tarball(`listed-${index}`) });
    assert.deepEqual(reportOf((await importInput("PKGS/0.tgz\n")).events()).counts, counts({ imported: 1 }));
    assert.deepEqual(reportOf((await importInput("\ufeffBZh9/1.tgz\n")).events()).counts, counts({ imported: 1 }));
    writeFileSync(place.path("a1.tgz"), tarball("not-listed"));
    const absent = await importInput("a[1].tgz\0", "--move");
    assert.equal(absent.code, 3);
    assert.deepEqual(reportOf(absent.events()).counts, counts({ failed: 1 }));
    // the type is detected from the contents: standard input has no name
    const mapped = await place.feedctl(["import", "--json", "--map", "npm=web", "--", "-"], {
      input: tarball("mapped"),
    });
    assert.deepEqual(reportOf(mapped.events()).counts, counts({ imported: 1 }));
    await assertSound(place, "web", 8);
  });

  database.test("times that no catalog can hold stop no file", async (t, place) => {
    await place.run("feed", "create", "files", "--type", "asset");
    writeFiles(place.path("in"), { odd: "x", good: "y" });
    await diskFeed(place, "web", "npm");
    writeFiles(place.path("drop"), { "odd.tgz": tarball("odd"), "junk.tgz": "junk" });
    await place.run("drop", "set", "web", place.path("drop"));
    for (const seconds of [910_692_730_085, -62_135_596_801]) {
      for (const file of ["in/odd", "drop/odd.tgz", "drop/junk.tgz"])
        // as a number, Node takes a negative time for now
        if (existsSync(place.path(file))) utimesSync(place.path(file), `${seconds}`, `${seconds}`);
      if (Math.floor(statSync(place.path("in/odd")).mtimeMs / 1000) !== seconds)
        return t.skip("this file system keeps no such times");
      await place.run("asset", "upload", "files", `${place.path("in")}/`, "--recursive", "--to", `${seconds}/`);
      await place.exits(3, "drop", "scan", "--settle", "0");
      await place.run("mirror", place.path("in"), place.path(`copy${seconds}`), "--yes");
    }
    assert.equal(
      ((await place.run("asset", "list", "files", "--recursive", "--json")).json() as unknown[]).length,
      2 * (1 + 2),
    );
    assert.deepEqual(readdirSync(place.path("drop")), ["junk.tgz"]);
  });

  database.test("a folder that cannot be read is one failure, and the others are read", async (t, place) => {
    if (process.getuid?.() === 0) return t.skip("root may read everything");
    await diskFeed(place, "web", "npm");
    writeFiles(place.path("in"), { "ok/a.tgz": tarball("a"), "lost+found/b.tgz": tarball("b") });
    chmodSync(place.path("in/lost+found"), 0);
    try {
      const { files, counts: found } = await importing(place, 3, "web", place.path("in"), "--recursive");
      assert.deepEqual(found, counts({ imported: 1, failed: 1 }), JSON.stringify(files));
    } finally {
      chmodSync(place.path("in/lost+found"), 0o700);
    }
  });
});
