import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { assetStores, kinds, listed, proven, type AssetStores } from "../../support/asset-stores.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { makeDrop, scan } from "../../support/drops.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";

const PNG = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), Buffer.alloc(40)]);
const TEXT = "text/plain; charset=utf-8";
const OCTETS = "application/octet-stream";

let stores: AssetStores;
before(async () => void (stores = await assetStores()));
after(() => stores[Symbol.asyncDispose]());

const types = async (place: Installation, directory: string) =>
  Object.fromEntries(
    (await listed(place, directory)).filter(({ folder }) => !folder).map((file) => [file.path, file.contentType]),
  );

/** Files without a known extension, and one with. */
function writeUnnamed(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/picture`, PNG);
  writeFileSync(`${folder}/large-picture`, Buffer.concat([PNG, Buffer.alloc(9 * 1024 * 1024, 1)]));
  writeFileSync(`${folder}/README`, "Grüße");
  writeFileSync(`${folder}/page`, "<html><script>alert(1)</script>");
  writeFileSync(`${folder}/lie.txt`, PNG);
  writeFileSync(`${folder}/empty`, "");
}

const wanted = {
  README: TEXT,
  empty: OCTETS,
  "large-picture": "image/png",
  "lie.txt": "text/plain",
  page: TEXT,
  picture: "image/png",
};

onDatabases("media types of assets", ["PostgreSQL"], (database) => {
  const test = (name: string, body: (place: Installation, t: TestContext) => Promise<void>) =>
    database.test(name, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      return await body(place, t);
    });

  for (const kind of kinds)
    test(`${kind}: uploads, archives, a pipe and a sync detect them by name, then by content`, async (place) => {
      writeUnnamed(place.path("in"));
      const dir = await stores.directory(place, kind);
      await place.run("asset", "upload", dir, `${place.path("in")}/`);
      assert.deepEqual(await types(place, dir), wanted);
      if (kind !== "disk")
        for (const [path, type] of Object.entries(wanted)) {
          const { url } = (await place.run("asset", "url", dir, path, "--json")).json() as { url: string };
          assert.equal((await fetch(url)).headers.get("content-type"), type, path);
        }
      const piped = await place.feedctl(["asset", "upload", dir, "-", "--to", "piped/picture"], {
        env: place.env,
        input: PNG,
      });
      assert.equal(piped.code, 0, piped.stderr);
      const members = [
        { name: "unpacked/picture", body: PNG },
        { name: "unpacked/page", body: "<html>" },
      ];
      writeFileSync(place.path("a.tar.gz"), gzipSync(tarArchive(members)));
      writeFileSync(place.path("a.zip"), zipArchive([{ name: "unzipped/picture", body: PNG }]));
      await place.run("asset", "import-archive", dir, place.path("a.tar.gz"));
      await place.run("asset", "import-archive", dir, place.path("a.zip"));
      await place.run("asset", "sync", place.path("in"), dir, "--to", "synced", "--yes");
      const all = await types(place, dir);
      const more = ["piped/picture", "unpacked/picture", "unpacked/page", "unzipped/picture", "synced/large-picture"];
      assert.deepEqual(
        more.map((path) => all[path]),
        ["image/png", "image/png", TEXT, "image/png", "image/png"],
      );
      await proven(place, dir);
    });

  test("a media type that a user set is kept on overwrite; a detected one is detected again", async (place) => {
    const dir = await stores.directory(place, "s3");
    const put = async (content: string | Buffer) => {
      writeFileSync(place.path("it"), content);
      await place.run("asset", "upload", dir, place.path("it"), "--overwrite");
      return (await types(place, dir))["it"];
    };
    assert.equal(await put("text"), TEXT);
    assert.equal(await put(PNG), "image/png");
    await place.run("asset", "set-type", dir, "it", "application/x-own");
    assert.equal(await put("text again"), "application/x-own");
    await place.run("asset", "set-type", dir, "it");
    assert.equal((await types(place, dir))["it"], TEXT, "detected again from a range of the blob");
    writeFileSync(place.path("it"), PNG);
    await place.run("asset", "upload", dir, place.path("it"), "--overwrite", "--content-type", "text/x-mine");
    assert.equal((await types(place, dir))["it"], "text/x-mine");
  });

  test("drop paths and adopt detect them too", async (place) => {
    const drop = await makeDrop(place, "dropped", "asset");
    drop.put("picture", PNG);
    drop.put("page", "<html>");
    await scan(place, 0);
    assert.deepEqual(await types(place, "dropped"), { page: TEXT, picture: "image/png" });

    writeUnnamed(place.path("there"));
    await place.run("feed", "create", "adopted", "--type", "asset");
    await place.run("store", "set", "adopted", "disk", "--path", place.path("there"));
    await place.run("adopt", "adopted");
    assert.deepEqual(await types(place, "adopted"), wanted);
  });
});
