import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { listed } from "../../support/asset-stores.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { isolation } from "../../support/feedctl.ts";
import { runHere } from "../../support/in-process.ts";

const names = async (place: Installation) =>
  (await listed(place, "files")).map(({ path, folder }) => (folder ? `${path}/` : path));

onDatabases("folders of asset directories", ["PostgreSQL"], (database) => {
  const test = (name: string, body: (place: Installation) => Promise<void>) =>
    database.test(name, async (_t, place) => {
      await place.run("feed", "create", "files", "--type", "asset");
      await body(place);
    });

  test("a folder does not conflict with its parent folder, whatever its name is", async (place) => {
    const letters = ["a", "x", "0", "-"];
    for (const letter of letters) await place.run("asset", "mkdir", "files", `p/${letter}`);
    await place.run("asset", "mkdir", "files", "p");
    mkdirSync(place.path("in/p/x"), { recursive: true });
    writeFileSync(place.path("in/p/x/file"), "1");
    await place.run("asset", "upload", "files", "in/", "--recursive");
    await place.run("asset", "sync", "in", "files", "--to", "q");
    await place.run("asset", "sync", "in", "files", "--to", "q");
    assert.deepEqual(await names(place), [
      "p/",
      "p/-/",
      "p/0/",
      "p/a/",
      "p/x/",
      "p/x/file",
      "q/",
      "q/p/",
      "q/p/x/",
      "q/p/x/file",
    ]);
    await place.exits(5, "asset", "mkdir", "files", "p/x/file");
    await place.exits(5, "asset", "mkdir", "files", "p/x/file/below");
  });

  test("a sync neither creates nor deletes folders that its filter excludes", async (place) => {
    for (const folder of ["in/.git/objects/aa", "in/docs/empty", "in/._proget_file_history_/z"])
      mkdirSync(place.path(folder), { recursive: true });
    writeFileSync(place.path("in/.git/HEAD"), "1");
    writeFileSync(place.path("in/docs/a.txt"), "2");
    await place.run("asset", "mkdir", "files", "build/old");
    await place.run("asset", "mkdir", "files", "gone");
    await place.run("asset", "sync", "in", "files", "--exclude", ".git", "--exclude", "build/", "--yes");
    assert.deepEqual(await names(place), ["build/", "build/old/", "docs/", "docs/a.txt", "docs/empty/"]);
    rmSync(place.path("in/docs/empty"), { recursive: true });
    await place.run("asset", "sync", "in", "files", "--yes");
    assert.deepEqual(await names(place), [
      ".git/",
      ".git/HEAD",
      ".git/objects/",
      ".git/objects/aa/",
      "docs/",
      "docs/a.txt",
    ]);
  });

  test("confirming the deletion of an empty folder does not delete files added meanwhile", async (place) => {
    await place.run("asset", "mkdir", "files", "inbox/sub");
    writeFileSync(place.path("late.txt"), "1");
    const answer = Object.assign(new PassThrough(), { isTTY: true });
    let upload: Promise<unknown> | undefined;
    const ended = runHere(["asset", "delete", "files", "inbox"], {
      cwd: place.directory,
      env: { ...isolation(place.directory), ...place.env },
      stdin: answer,
      onTalk: (text) => {
        if (!text.includes("[y/N]") || upload !== undefined) return;
        upload = place.run("asset", "upload", "files", "late.txt", "--to", "inbox/sub");
        void upload.finally(() => answer.write("y\n"));
      },
    });
    assert.partialDeepStrictEqual(await ended, { code: 5 });
    await upload;
    assert.deepEqual(await names(place), ["inbox/", "inbox/sub/", "inbox/sub/late.txt"]);
    assert.equal((await place.run("asset", "cat", "files", "inbox/sub/late.txt")).stdout, "1");
  });

  test("local names that are not UTF-8 are reported as such", async (place) => {
    mkdirSync(place.path("in"));
    try {
      writeFileSync(Buffer.concat([Buffer.from(place.path("in/caf")), Buffer.from([0xe9])]), "1");
    } catch {
      return; // a file system that allows only UTF-8 has no such names
    }
    writeFileSync(place.path("in/good"), "2");
    const { stdout } = await place.exits(3, "asset", "upload", "files", "in/", "--recursive");
    assert.match(stdout, /its name is not UTF-8/);
    assert.deepEqual(await names(place), ["good"]);
  });
});
