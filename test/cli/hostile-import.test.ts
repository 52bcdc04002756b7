// Imports under hostile conditions: odd files, odd names, a closed pipe, deleted files, an interruption.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { onDatabases } from "../support/databases.ts";
import { binary, isolation } from "../support/feedctl.ts";
import { assertSound, counts, diskFeed, importing } from "../support/importing.ts";
import { writePackages } from "../support/package-set.ts";
import { PATIENCE } from "../support/wait.ts";

onDatabases("a hostile user's import", ["PostgreSQL"], (database) => {
  database.test("of pipes, links and folders named like packages ignores them", async (t, place) => {
    if (process.platform === "win32") return t.skip("no such files on Windows");
    const folder = place.path("in");
    const files = writePackages(folder, 3);
    mkdirSync(`${folder}/folder.tgz`);
    spawnSync("/bin/sh", ["-c", 'mkfifo "$1"', "sh", `${folder}/pipe.tgz`]);
    symlinkSync("loop.tgz", `${folder}/loop.tgz`);
    symlinkSync(".", `${folder}/self`);
    symlinkSync("/etc", `${folder}/etc.tgz`);
    writeFileSync(`${folder}/empty.tgz`, "");
    writeFileSync(`${folder}/endless.tgz`, "");
    truncateSync(`${folder}/endless.tgz`, 20_000_000_000);
    await diskFeed(place, "web", "npm");
    const whole = await importing(place, 3, "web", folder, "--recursive", "--move");
    assert.deepEqual(whole.counts, counts({ imported: 3, invalid: 2 }));
    const left = ["empty.tgz", "endless.tgz", "etc.tgz", "folder.tgz", "loop.tgz", "pipe.tgz", "self"];
    assert.deepEqual(readdirSync(folder).toSorted(), left);
    const odd = ["pipe.tgz", "loop.tgz", "self", "etc.tgz"].map((name) => `${folder}/${name}`);
    const named = await importing(place, 3, "web", ...odd, "/dev/zero", files[0]!);
    assert.deepEqual(named.counts, counts({ failed: 6 }));
    const reasons = new Set(named.files.map(({ reason }) => reason));
    const said = ["is not a regular file", "is a symbolic link; links are not followed", "no such file"];
    assert.deepEqual(reasons, new Set(said));
    await assertSound(place, "web", 3);
  });

  database.test(
    "of an empty path, as from an unset variable, is a usage error and not the current folder",
    async (_t, place) => {
      await diskFeed(place, "web", "npm");
      await place.run("feed", "create", "site", "--type", "asset");
      const commands = [
        ["import", "web", ""],
        ["import", "--map", "npm=web", "--", ""],
        ["drop", "set", "web", ""],
        ["drop", "scan", "--reject-to", ""],
        ["asset", "upload", "site", ""],
        ["asset", "import-archive", "site", ""],
        ["asset", "sync", "", "site"],
        ["mirror", "", "site"],
        ["mirror", "web", "", "--yes"],
      ];
      for (const command of commands)
        assert.match((await place.exits(2, ...command)).stderr, /empty[^]*is a variable not set\?/, command.join(" "));
    },
  );

  database.test("of a name with a line end prints one line for it", async (t, place) => {
    if (process.platform === "win32") return t.skip("no such names on Windows");
    await diskFeed(place, "web", "npm");
    const name = "x\nimported  fake 9.9.9.tgz";
    writeFileSync(place.path(name), "junk");
    const { stdout } = await place.exits(3, "import", "web", place.path(name), place.path(`no-${name}`));
    assert.doesNotMatch(stdout, /^imported {2}fake/m);
    // the path and, in the reason, the name: both are escaped once
    assert.equal(stdout.split("x\\u{a}imported  fake 9.9.9.tgz").length, 4, stdout);
    assert.doesNotMatch(stdout, /\\u\{5c\}/);
    assert.equal(stdout.split("\n").length, 4);
  });

  database.test("whose output pipe closes, or whose files vanish, loses nothing that it reported", async (t, place) => {
    if (process.platform === "win32") return t.skip("no head on Windows");
    await diskFeed(place, "web", "npm");
    const files = writePackages(place.path("in"), 600, { size: 10 });
    const words = [process.execPath, binary, "import", "web", place.path("in")].map((word) => `'${word}'`).join(" ");
    const env = { ...isolation(place.directory), ...place.env };
    const { stdout } = spawnSync("/bin/sh", ["-c", `${words} | head -1`], { env, encoding: "utf8", timeout: PATIENCE });
    assert.match(stdout, /^imported {2}pack-\d+ 1\.0\.0\n$/);
    const before = (await place.any("verify", "web", "--read", "--json")).summary() as Record<string, number>;
    assert.partialDeepStrictEqual(before, { differ: 0, missingBlob: 0 });

    const running = await place.start(["import", "web", place.path("in"), "--json"]);
    for (const file of files.filter((_, index) => index % 2 === 1)) rmSync(file);
    const { code, stdout: output } = await running.finished;
    assert.ok(code === 0 || code === 3);
    const problems = output.split("\n").filter((line) => line.includes('"failed"') && line.includes('"type":"file"'));
    for (const line of problems)
      assert.match(line, /(?:vanished|disappeared) before it was|does not exist|no such file/);
    const after = await importing(place, 0, "web", place.path("in"));
    assert.equal(after.counts.imported + after.counts.existing, 300);
    const verified = (await place.run("verify", "web", "--read", "--json")).summary() as Record<string, number>;
    assert.partialDeepStrictEqual(verified, { differ: 0, missingBlob: 0, missingRow: 0 });
  });

  database.test("by a user who may not read a file fails for that file only", async (t, place) => {
    // root can read everything
    if (process.getuid?.() === 0) return t.skip("needs a user who is not root");
    await diskFeed(place, "web", "npm");
    const [first = ""] = writePackages(place.path("in"), 2);
    spawnSync("chmod", ["000", first]);
    const { counts: found, files } = await importing(place, 3, "web", place.path("in"));
    assert.deepEqual(found, counts({ imported: 1, failed: 1 }));
    assert.match(files.find(({ status }) => status === "failed")?.reason ?? "", /access denied|permission denied/);
  });

  database.test("that is interrupted ends, and the same command continues it", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    writePackages(place.path("in"), 600, { size: 10 });
    const running = await place.start(["import", "web", place.path("in")]);
    await running.shows("imported");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.finished;
    assert.ok(code === 130 || code === 0, stderr);
    if (code === 130) assert.match(stderr, /^error: interrupted\nhint: run the same command again to continue$/m);
    const { counts: found } = await importing(place, 0, "web", place.path("in"));
    assert.equal(found.imported + found.existing, 600);
    await assertSound(place, "web", 600);
  });
});
