import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { makeDrop, scan } from "../../support/drops.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { until } from "../../support/wait.ts";

/** A folder that the user of feedctl may read and its neighbours may not, with a file of each name. */
function privateFolder(place: Installation, ...names: string[]): { path: string; isWhole(): boolean } {
  const path = place.path("private");
  mkdirSync(path);
  for (const name of names) writeFileSync(join(path, name), npmTarball({ name: "secret", version: "6.6.6" }));
  return { path, isWhole: () => names.every((name) => existsSync(join(path, name))) };
}

/** Replaces a folder by a link. */
function swap(folder: string, target: string): void {
  renameSync(folder, `${folder}.aside`);
  symlinkSync(target, folder);
}

onDatabases("folders that become links while feedctl works", ["PostgreSQL"], (database) => {
  for (const type of ["asset", "npm"])
    database.test(`a drop scan of type ${type}, between the two looks`, async (_t, place) => {
      const drop = await makeDrop(place, "web", type);
      const secret = privateFolder(place, "id.tgz", "other.tgz");
      drop.npm({ name: "own", version: "1.0.0" }, "zz/id.tgz");
      place.clock.onWait = () => swap(join(drop.path, "zz"), secret.path);
      assert.deepEqual((await scan(place, 0)).counts, { unsettled: 1 });
      place.clock.onWait = undefined;
      assert.deepEqual((await scan(place, 0)).counts, { imported: 1 }, "only what was moved aside is there");
      assert.ok(secret.isWhole());
      assert.equal(readFileSync(join(secret.path, "id.tgz")).length > 0, true);
    });

  database.test("a drop scan opens no pipe or device that a link leads to", async (t, place) => {
    if (process.platform !== "linux") return t.skip("needs /proc");
    const drop = await makeDrop(place, "web", "npm");
    const secret = privateFolder(place);
    const pipe = join(secret.path, "id.tgz");
    assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
    // waits until somebody opens the pipe to read it
    const writer = spawn("sh", ["-c", 'exec 3>"$0"; echo text >&3', pipe]);
    await until("the writer waits", () => /\) S /.test(readFileSync(`/proc/${writer.pid}/stat`, "latin1")));
    drop.npm({ name: "own", version: "1.0.0" }, "zz/id.tgz");
    place.clock.onWait = () => swap(join(drop.path, "zz"), secret.path);
    assert.deepEqual((await scan(place, 0)).counts, { unsettled: 1 });
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(10);
    await until("the writer has ended", () => (writer.exitCode ?? writer.signalCode) !== null);
    const length = readSync(reader, bytes);
    closeSync(reader);
    assert.equal(bytes.toString("utf8", 0, length), "text\n", "the writer still waited");
  });

  database.test("a drop scan of files with neighbours", async (_t, place) => {
    const drop = await makeDrop(place, "m2", "maven");
    const secret = privateFolder(place, "lib-1.0.pom", "lib-1.0.jar");
    for (const name of ["lib-1.0.pom", "lib-1.0.jar"]) drop.put(`zz/${name}`, "own");
    place.clock.onWait = () => swap(join(drop.path, "zz"), secret.path);
    assert.deepEqual((await scan(place, 0)).counts, {});
    assert.ok(secret.isWhole());
  });

  database.test("a drop scan that has read the file, before it deletes it", async (_t, place) => {
    const drop = await makeDrop(place, "files", "asset");
    const secret = privateFolder(place, "id.txt");
    // enough files that most are read, stored and deleted one batch after the other
    for (let i = 0; i < 600; i++) drop.put(`a/${String(i).padStart(3, "0")}.txt`, `file ${i}`);
    drop.put("zz/id.txt", "own");
    const running = await place.start(["drop", "scan", "--settle", "0s", "--json"]);
    await running.shows('"imported"');
    swap(join(drop.path, "zz"), secret.path);
    await running.finished;
    assert.ok(secret.isWhole());
    const listed = await place.run("asset", "list", "files", "--recursive", "--json");
    for (const line of listed.stdout.split("\n")) assert.doesNotMatch(line, /6\.6\.6/);
    const published = await place.any("asset", "cat", "files", "zz/id.txt");
    if (published.code === 0) assert.equal(published.stdout, "own");
  });

  database.test("an import --move, between the two looks", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    await place.run("drop", "clear", "web");
    const secret = privateFolder(place, "id.tgz");
    drop.npm({ name: "own", version: "1.0.0" }, "zz/id.tgz");
    place.clock.onWait = () => swap(join(drop.path, "zz"), secret.path);
    const { stdout } = await place.exits(3, "import", "web", drop.path, "--recursive", "--move");
    assert.match(stdout, /FAILED .*is still being written/);
    assert.ok(secret.isWhole());
    assert.deepEqual((await place.run("package", "list", "web", "--json")).json(), []);
  });

  database.test("moving a rejected file aside, into a folder that is a link", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    const secret = privateFolder(place, "id.tgz");
    drop.put("zz/bad.tgz", "bad");
    const aside = place.path("aside");
    mkdirSync(aside);
    symlinkSync(secret.path, join(aside, "zz"));
    assert.deepEqual((await scan(place, 3, "--reject-to", aside)).counts, { invalid: 1, rejected: 1 });
    assert.ok(!existsSync(join(secret.path, "bad.tgz")));
    assert.ok(existsSync(join(aside, "zz.1", "bad.tgz")), "beside the link");
  });

  database.test("a directory that another feed uses is refused under every name of it", async (t, place) => {
    const drop = await makeDrop(place, "web");
    mkdirSync(join(drop.path, "inner"));
    const stored = place.path("stored");
    mkdirSync(join(stored, "deep"), { recursive: true });
    await place.run("store", "set", "web", "disk", "--path", stored);
    await place.run("feed", "create", "other", "--type", "npm");
    using mounts = new DisposableStack();
    const mount = (target: string, name: string) => {
      const at = place.path(name);
      mkdirSync(at, { recursive: true });
      if (spawnSync("mount", ["--bind", target, at]).status !== 0) return undefined;
      mounts.defer(() => void spawnSync("umount", [at]));
      return at;
    };
    const twin = mount(drop.path, "twin");
    if (twin === undefined) return t.skip("needs a user who may mount directories");
    const refused = [
      [twin, /the drop path of feed "other" is feed "web"'s drop path/],
      [join(twin, "inner"), /lies inside feed "web"'s drop path/],
      [mount(join(drop.path, "inner"), "inner"), /lies inside feed "web"'s drop path/],
      [mount(place.path("drop"), "outer"), /contains feed "web"'s drop path/],
      [mount(stored, "store twin"), /is feed "web"'s store/],
      [mount(join(stored, "deep"), "deep"), /lies inside feed "web"'s store/],
    ] as const;
    for (const [path, message] of refused)
      assert.match((await place.exits(5, "drop", "set", "other", String(path))).stderr, message);
    const set = await place.exits(5, "store", "set", "other", "disk", "--path", join(twin, "inner"));
    assert.match(set.stderr, /lies inside feed "web"'s drop path/);
    assert.match((await place.any("drop", "scan", "--reject-to", twin)).stderr, /overlaps the drop path of feed "web"/);

    // mounted after it was set
    const own = place.path("own");
    mkdirSync(own);
    await place.run("drop", "set", "other", own);
    drop.npm({ name: "it", version: "1.0.0" });
    mount(drop.path, "own");
    const { counts, feeds } = await scan(place, 3);
    assert.deepEqual(counts, { problems: 2 });
    for (const { problem } of feeds) assert.match(String(problem), /is feed ".*"'s drop path/);
    assert.deepEqual(drop.all(), ["inner", "it-1.0.0.tgz"]);
  });
});
