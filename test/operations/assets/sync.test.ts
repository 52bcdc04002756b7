import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { assetStores, kinds, listed, proven, type AssetStores } from "../../support/asset-stores.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";

let stores: AssetStores;
before(async () => void (stores = await assetStores()));
after(() => stores[Symbol.asyncDispose]());

const names = async (place: Installation, dir: string) =>
  (await listed(place, dir)).map(({ path, folder }) => (folder ? `${path}/` : path));

onDatabases("asset sync", ["PostgreSQL"], (database) => {
  for (const kind of kinds) {
    database.test(`${kind}: a folder is made equal to a local one, with the guards of mirror`, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      const dir = await stores.directory(place, kind);
      const sync = async (code: number, ...more: string[]) => {
        const result = await place.exits(code, "asset", "sync", "local", dir, "--to", "web", "--json", ...more);
        const { copied, skipped, extras, deleted } = result.events().at(-1) as Record<string, number>;
        return { copied, skipped, extras, deleted };
      };
      const write = (path: string, text: string) => writeFileSync(place.path("local", path), text);
      mkdirSync(place.path("local/empty/inner"), { recursive: true });
      mkdirSync(place.path("local/css"));
      for (let count = 0; count < 30; count++) write(`file-${count}`, `content ${count}`);
      write("css/a.css", "a{}");
      write("own", "x");
      await place.run("asset", "upload", dir, "local/own", "--to", "beside");

      assert.deepEqual(await sync(0, "--dry-run"), { copied: 32, skipped: 0, extras: 0, deleted: 0 });
      assert.deepEqual(await names(place, dir), ["beside/", "beside/own"]);
      assert.deepEqual(await sync(0), { copied: 32, skipped: 0, extras: 0, deleted: 0 });
      assert.deepEqual(await sync(0), { copied: 0, skipped: 32, extras: 0, deleted: 0 });
      await proven(place, dir);
      assert.ok((await names(place, dir)).includes("web/empty/inner/"));

      await place.run("asset", "set-type", dir, "web/css/a.css", "text/x-own");
      write("css/a.css", "b{} ");
      for (let count = 0; count < 25; count++) rmSync(place.path("local", `file-${count}`));
      rmSync(place.path("local/empty"), { recursive: true });
      const result = await place.exits(8, "asset", "sync", "local", dir, "--to", "web", "--yes", "--json");
      assert.match(result.stderr, /25 of 32 blobs would be deleted/);
      assert.equal((await listed(place, dir)).find(({ path }) => path === "web/css/a.css")?.contentType, "text/x-own");
      assert.deepEqual(await sync(8, "--max-delete", "30"), { copied: 0, skipped: 7, extras: 25, deleted: 0 });
      assert.deepEqual(await sync(0, "--no-delete"), { copied: 0, skipped: 7, extras: 25, deleted: 0 });
      assert.deepEqual(await sync(0, "--max-delete", "30", "--yes"), {
        copied: 0,
        skipped: 7,
        extras: 25,
        deleted: 25,
      });
      assert.deepEqual(await names(place, dir), [
        "beside/",
        "beside/own",
        "web/",
        "web/css/",
        "web/css/a.css",
        ...[25, 26, 27, 28, 29].map((count) => `web/file-${count}`),
        "web/own",
      ]);
      rmSync(place.path("local"), { recursive: true });
      await place.exits(4, "asset", "sync", "local", dir, "--to", "web", "--yes");
      mkdirSync(place.path("local"));
      await place.exits(8, "asset", "sync", "local", dir, "--to", "web", "--yes");
      assert.equal((await place.run("asset", "cat", dir, "web/css/a.css")).stdout, "b{} ");
      await proven(place, dir);
    });
  }

  database.test("a file takes the place of a deleted folder; a name that no asset can have is a failure", async (t) => {
    await using place = await database.install(stores.env);
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    const dir = await stores.directory(place, "disk");
    const sync = (code: number, ...more: string[]) =>
      place.exits(code, "asset", "sync", "local", dir, "--to", "web", "--yes", ...more);
    const write = (path: string) => writeFileSync(place.path("local", path), path);
    for (const folder of ["local/was-folder/deep", "local/was-empty"])
      mkdirSync(place.path(folder), { recursive: true });
    for (const file of ["was-folder/deep/a", "was-file", "b", "c", "d"]) write(file);
    await sync(0);
    for (const path of ["was-folder", "was-empty", "was-file"]) rmSync(place.path("local", path), { recursive: true });
    mkdirSync(place.path("local/was-file"));
    for (const file of ["was-folder", "was-empty", "was-file/in"]) write(file);
    assert.doesNotMatch((await sync(0)).stderr, /probe/, "the directory's files are not taken for probes of a store");
    const expected = [
      "web/",
      "web/b",
      "web/c",
      "web/d",
      "web/was-empty",
      "web/was-file/",
      "web/was-file/in",
      "web/was-folder",
    ];
    assert.deepEqual(await names(place, dir), expected);
    await proven(place, dir);

    write("line\nend");
    rmSync(place.path("local/b"));
    const { stdout } = await sync(3, "--quiet");
    assert.match(stdout, /^ERROR +0 {2}line\\u\{a\}end: its name holds a control character/m);
    assert.deepEqual(await names(place, dir), expected, "and nothing is deleted");
  });
});
