import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { after, before, type TestContext } from "node:test";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assetStores, kinds, listed, proven, type AssetStores } from "../../support/asset-stores.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";

let stores: AssetStores;
before(async () => void (stores = await assetStores()));
after(() => stores[Symbol.asyncDispose]());

/** Creates a local folder `site` with four files and an empty folder. */
function writeSite(place: Installation): string {
  for (const folder of ["site/css", "site/empty", "site/b"]) mkdirSync(place.path(folder), { recursive: true });
  writeFileSync(place.path("site/index.html"), "<p>hello</p>");
  writeFileSync(place.path("site/css/a.css"), "a{}");
  writeFileSync(place.path("site/Grüße 日本.txt"), "hi");
  writeFileSync(place.path("site/b/zero"), "");
  return place.path("site");
}

const paths = async (place: Installation, directory: string) =>
  (await listed(place, directory)).map(({ path, folder }) => (folder ? `${path}/` : path));

const summary = (result: { events(): Record<string, unknown>[] }) => result.events().at(-1);

onDatabases("asset directories", ["PostgreSQL"], (database) => {
  const test = (name: string, body: (place: Installation, t: TestContext) => Promise<void>) =>
    database.test(name, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      return await body(place, t);
    });

  test("metadata that is too large for some store is refused", async (place) => {
    const dir = await stores.directory(place, "disk");
    const file = `${writeSite(place)}/index.html`;
    const long = `note=${"é".repeat(400)}`;
    assert.match((await place.exits(2, "asset", "upload", dir, file, "--metadata", long)).stderr, /2404 bytes .* 1800/);
    await place.exits(2, "asset", "upload", dir, file, "--metadata", "__proto__=1");
    await place.run("asset", "upload", dir, file, "--metadata", "a=1");
    await place.exits(2, "asset", "set-metadata", dir, "index.html", long);
    const shown = (await place.run("asset", "show", dir, "index.html", "--json")).json();
    assert.partialDeepStrictEqual(shown, { metadata: { a: { value: "1", header: false } } });
  });

  test("folders skipped without --recursive are reported, and so is an archive that does not exist", async (place) => {
    const site = writeSite(place);
    const dir = await stores.directory(place, "disk");
    const up = await place.run("asset", "upload", dir, `${site}/`, "--json");
    assert.partialDeepStrictEqual(summary(up), { stored: 2, skipped: 3, failed: 0 });
    const reasons = up.events().filter(({ status }) => status === "skipped");
    assert.match(String(reasons[0]?.["reason"]), /--recursive/);
    const none = await place.exits(4, "asset", "import-archive", dir, place.path("none.zip"));
    assert.match(none.stderr, /none\.zip does not exist/);
  });

  for (const kind of kinds) {
    test(`${kind}: files and folders are uploaded, listed, downloaded and deleted`, async (place) => {
      const site = writeSite(place);
      const dir = await stores.directory(place, kind);
      const up = await place.run("asset", "upload", dir, site, "--recursive", "--to", "www/", "--json");
      assert.partialDeepStrictEqual(summary(up), { type: "summary", stored: 4, failed: 0, conflict: 0 });
      const all = await listed(place, dir);
      assert.deepEqual(
        all.map(({ path, folder }) => (folder ? `${path}/` : path)),
        [
          "www/",
          "www/site/",
          "www/site/Grüße 日本.txt",
          "www/site/b/",
          "www/site/b/zero",
          "www/site/css/",
          "www/site/css/a.css",
          "www/site/empty/",
          "www/site/index.html",
        ],
      );
      assert.deepEqual(all[0], { path: "www", folder: true });
      assert.deepEqual(all.at(-1), {
        path: "www/site/index.html",
        size: 12,
        contentType: "text/html",
        sha256: createHash("sha256").update("<p>hello</p>").digest("hex"),
      });
      const direct = (await place.run("asset", "list", dir, "www/site", "--json")).json() as { path: string }[];
      assert.deepEqual(
        direct.map(({ path }) => path),
        ["www/site/Grüße 日本.txt", "www/site/b", "www/site/css", "www/site/empty", "www/site/index.html"],
      );
      await proven(place, dir);

      assert.equal((await place.run("asset", "cat", dir, "www/site/css/a.css")).stdout, "a{}");
      await place.run("asset", "download", dir, "www/site", "--output", "out");
      assert.equal(readFileSync(place.path("out/Grüße 日本.txt"), "utf8"), "hi");
      assert.ok(readFileSync(place.path("out/b/zero")).length === 0);
      const again = await place.run("asset", "upload", dir, site, "-r", "--to", "www", "--json");
      assert.partialDeepStrictEqual(summary(again), { stored: 0, unchanged: 4 });

      await place.exits(5, "asset", "delete", dir, "www/site", "--yes");
      await place.exits(8, "asset", "delete", dir, "www/site", "--recursive");
      await place.run("asset", "delete", dir, "www/site/b/zero", "--yes");
      assert.ok((await paths(place, dir)).includes("www/site/b/"), "a folder stays when its last file is deleted");
      await place.run("asset", "delete", dir, "www/site", "--recursive", "--yes");
      await place.run("asset", "delete", dir, "www/site", "--recursive", "--yes");
      assert.deepEqual(await paths(place, dir), ["www/"]);
      await proven(place, dir);
    });

    // with one store only: the result depends on the catalog alone
    if (kind === "disk")
      test(`${kind}: a file with other bytes is a conflict, skipped, or replaced`, async (place) => {
        const dir = await stores.directory(place, kind);
        const file = place.path("a.txt");
        writeFileSync(file, "one");
        const upload = async (code: number, ...more: string[]) =>
          summary(await place.exits(code, "asset", "upload", dir, file, "--json", ...more));
        await upload(0, "--content-type", "text/x-own", "--cache", "30m");
        writeFileSync(file, "two!");
        assert.partialDeepStrictEqual(await upload(3), { conflict: 1, overwritten: 0 });
        assert.partialDeepStrictEqual(await upload(0, "--skip-existing"), { skipped: 1, overwritten: 0 });
        assert.equal((await place.run("asset", "cat", dir, "a.txt")).stdout, "one");
        assert.partialDeepStrictEqual(await upload(0, "--overwrite"), { overwritten: 1 });
        assert.partialDeepStrictEqual(await upload(0, "--if-changed"), { unchanged: 1, overwritten: 0 });
        for (const option of ["--if-changed", "--skip-existing", "--content-type=text/x-own"]) {
          rmSync(join(stores.options(place, kind, dir)[2]!, "a.txt"));
          assert.partialDeepStrictEqual(await upload(0, option, "--dry-run"), { stored: 1, restored: 1, unchanged: 0 });
          assert.partialDeepStrictEqual(await upload(0, option), { stored: 1, restored: 1, unchanged: 0, bytes: 4 });
        }
        const shown = (await place.run("asset", "show", dir, "a.txt", "--json")).json();
        assert.partialDeepStrictEqual(shown, { size: 4, contentType: "text/x-own", cacheControl: "max-age=1800" });
        await proven(place, dir);
      });

    if (kind !== "s3")
      test(`${kind}: copies and moves, of files and of folders`, async (place) => {
        // the target directory is then in S3
        const site = writeSite(place);
        const dir = await stores.directory(place, kind);
        await place.run("asset", "upload", dir, site, "--recursive", "--metadata", "who=me");
        await place.run("asset", "set-cache", dir, "site", "no-cache");
        await place.run("asset", "copy", dir, "site", "copy");
        await place.run("asset", "move", dir, "site/index.html", "start.html");
        await place.run("asset", "move", dir, "site/css", "site/b/");
        assert.deepEqual(await paths(place, dir), [
          "copy/",
          "copy/Grüße 日本.txt",
          "copy/b/",
          "copy/b/zero",
          "copy/css/",
          "copy/css/a.css",
          "copy/empty/",
          "copy/index.html",
          "site/",
          "site/Grüße 日本.txt",
          "site/b/",
          "site/b/css/",
          "site/b/css/a.css",
          "site/b/zero",
          "site/empty/",
          "start.html",
        ]);
        const show = async (path: string) => (await place.run("asset", "show", dir, path, "--json")).json();
        const metadata = { who: { value: "me", header: false } };
        assert.partialDeepStrictEqual(await show("copy/index.html"), { cacheControl: "no-cache", metadata });
        assert.partialDeepStrictEqual(await show("start.html"), { cacheControl: null, metadata });
        await place.exits(2, "asset", "move", dir, "site", "site/b/");
        await place.exits(3, "asset", "copy", dir, "copy/css/a.css", "start.html");
        await place.exits(4, "asset", "copy", dir, "nothing", "x");
        await proven(place, dir);
        const other = await stores.directory(place, kind === "disk" ? "s3" : "disk", "other");
        await place.run("asset", "move", dir, "copy", "here", "--to-dir", other);
        assert.deepEqual(await paths(place, other), [
          "here/",
          "here/Grüße 日本.txt",
          "here/b/",
          "here/b/zero",
          "here/css/",
          "here/css/a.css",
          "here/empty/",
          "here/index.html",
        ]);
        assert.ok(!(await paths(place, dir)).some((path) => path.startsWith("copy")));
        await proven(place, other);
        await proven(place, dir);
      });

    test(`${kind}: a browser gets the headers and bytes of the catalog`, async (place) => {
      const dir = await stores.directory(place, kind);
      writeFileSync(place.path("page.html"), "<p>hello</p>");
      await place.run("asset", "upload", dir, "page.html", "--to", "a b/ü/", "--header", "origin=here");
      const path = "a b/ü/page.html";
      const url = async (...more: string[]) =>
        (await place.run("asset", "url", dir, path, "--json", ...more)).json() as {
          url: string;
          kind: string;
          expires: string;
        };
      const made = await url("--expires", "10m");
      if (kind === "disk") {
        assert.equal(made.url, pathToFileURL(place.path("stores", `${place.directory.slice(-6)}-disk`, path)).href);
        assert.equal(readFileSync(new URL(made.url), "utf8"), "<p>hello</p>");
        return;
      }
      assert.equal(made.kind, "signed");
      const left = new Date(made.expires).getTime() - Date.now();
      assert.ok(left > 500_000 && left <= 600_000, `${left}`);
      const get = async () => {
        const answer = await fetch((await url()).url);
        const { headers, status } = answer;
        const own = headers.get(kind === "s3" ? "x-amz-meta-origin" : "x-ms-meta-origin");
        assert.equal(await answer.text(), "<p>hello</p>");
        return [status, headers.get("content-type"), headers.get("cache-control"), own];
      };
      assert.deepEqual(await get(), [200, "text/html", null, "here"]);
      await place.run("asset", "set-type", dir, path, "text/plain; charset=utf-8");
      await place.run("asset", "set-cache", dir, "a b", "2h");
      assert.deepEqual(await get(), [200, "text/plain; charset=utf-8", "max-age=7200", "here"]);
      await place.run("asset", "set-cache", dir, path, "private, max-age=5");
      await place.run("asset", "set-metadata", dir, path, "--header", "origin=there");
      assert.deepEqual(await get(), [200, "text/plain; charset=utf-8", "private, max-age=5", "there"]);
      await place.run("asset", "set-cache", dir, path, "inherit");
      await place.run("asset", "set-type", dir, path);
      await place.run("asset", "set-metadata", dir, path, "--remove", "origin");
      assert.deepEqual(await get(), [200, "text/html", "max-age=7200", null]);
      await proven(place, dir);
      if (kind === "s3") await place.exits(2, "asset", "url", dir, path, "--expires", "8d");
    });

    if (kind !== "disk")
      test(`${kind}: a signed URL fails without its signature, and after it expires`, async (place, t) => {
        if (kind === "s3" && skipIfS3Cannot(t, "check credentials")) return;
        const dir = await stores.directory(place, kind);
        writeFileSync(place.path("page.html"), "<p>hello</p>");
        await place.run("asset", "upload", dir, "page.html");
        const signed = async (expires: string) => {
          const shown = await place.run("asset", "url", dir, "page.html", "--json", "--expires", expires);
          return new URL((shown.json() as { url: string }).url);
        };
        const plain = await signed("10m");
        assert.equal((await fetch(plain)).status, 200);
        plain.search = "";
        assert.ok((await fetch(plain)).status >= 400, "without its signature it is refused");
        const short = await signed("1s");
        await new Promise((resolve) => setTimeout(resolve, 1600));
        assert.ok((await fetch(short)).status >= 400, "it is refused after it expires");
      });

    if (kind !== "azure")
      test(`${kind}: kept versions are listed, restored and pruned`, async (place) => {
        const dir = await stores.directory(place, kind);
        const put = async (text: string) => {
          writeFileSync(place.path("a.txt"), text);
          await place.run("asset", "upload", dir, "a.txt", "--overwrite");
        };
        const history = async () =>
          (
            (await place.run("asset", "history", dir, "a.txt", "--json")).json() as { version: number; size: number }[]
          ).map(({ version, size }) => [size, version] as const);
        await put("1");
        await put("22");
        assert.deepEqual(await history(), [], "off by default");
        await place.run("asset", "versioning", dir, "on");
        await put("333");
        await put("4444");
        assert.deepEqual(
          (await history()).map(([size]) => size),
          [3, 2],
        );
        assert.deepEqual(await paths(place, dir), ["a.txt"], "history is hidden");
        await place.run("asset", "restore", dir, "a.txt", String((await history())[1]?.[1]));
        assert.equal((await place.run("asset", "cat", dir, "a.txt")).stdout, "22");
        await place.run("asset", "delete", dir, "a.txt", "--yes");
        await place.exits(4, "asset", "cat", dir, "a.txt");
        await place.run("asset", "restore", dir, "a.txt");
        assert.equal((await history()).length > 0, true);
        await proven(place, dir);
        await place.run("asset", "history", dir, "--prune", "--keep", "1", "--yes");
        assert.equal((await history()).length, 1);
        await place.run("asset", "history", dir, "a.txt", "--prune", "--older-than", "0s", "--yes");
        assert.deepEqual(await history(), []);
        await proven(place, dir);
        await place.exits(2, "asset", "upload", dir, "a.txt", "--to", "._proget_file_history_/x");
      });
  }

  test("paths that no store or disk can hold are reported before anything is written", async (place) => {
    const dir = await stores.directory(place, "s3");
    mkdirSync(place.path("in/a"), { recursive: true });
    writeFileSync(place.path("in/a/b"), "1");
    writeFileSync(place.path("in/c"), "2");
    writeFileSync(place.path("other"), "3");
    await place.run("asset", "upload", dir, "other", "--name", "a");
    const up = await place.exits(3, "asset", "upload", dir, "in/", "--recursive", "--json");
    assert.match(up.stdout, /a is a file, not a folder/);
    assert.deepEqual(await paths(place, dir), ["a"], "nothing else was written");
    await place.run("asset", "upload", dir, "other", "--to", "c/d");
    const over = await place.exits(3, "asset", "upload", dir, "in/c", "--json");
    assert.match(over.stdout, /a folder of that name exists/);
    await place.exits(5, "asset", "mkdir", dir, "a/x");
    writeFileSync(place.path("in/bad\u0007name"), "4");
    assert.match((await place.exits(3, "asset", "upload", dir, "in/bad\u0007name")).stdout, /control character/);
    symlinkSync(place.path("other"), place.path("in/link"));
    assert.match((await place.exits(3, "asset", "upload", dir, "in/link")).stdout, /links are not followed/);
    // with a slash at its end it names the folder, as it does for asset sync
    mkdirSync(place.path("elsewhere"));
    writeFileSync(place.path("elsewhere/x"), "6");
    symlinkSync(place.path("elsewhere"), place.path("in/folder"));
    assert.match((await place.exits(3, "asset", "upload", dir, "in/folder")).stdout, /links are not followed/);
    await place.run("asset", "upload", dir, "in/folder/", "--to", "linked");
    const equal = (await place.run("asset", "sync", "in/folder/", dir, "--to", "linked", "--json")).summary();
    assert.partialDeepStrictEqual(equal, { total: 1, skipped: 1, extras: 0 });
    const azure = await stores.directory(place, "azure");
    writeFileSync(place.path("dot."), "5");
    assert.match((await place.exits(3, "asset", "upload", azure, "dot.")).stdout, /Azure alters/);
    const disk = await stores.directory(place, "disk");
    const tooLong = await place.exits(3, "asset", "upload", disk, "other", "--name", "n".repeat(256));
    assert.match(tooLong.stdout, /INVALID .*its name has a part of 256 characters/);
    await place.exits(2, "asset", "upload", dir, "other", "--to", "../x");
    await place.exits(4, "asset", "upload", "nowhere", "other");
    await place.run("feed", "create", "web", "--type", "npm");
    await place.exits(2, "asset", "list", "web");
  });

  test("patterns, several paths, other names and a dry run", async (place) => {
    const site = writeSite(place);
    const dir = await stores.directory(place, "disk");
    const dry = await place.run("asset", "upload", dir, site, "-r", "--dry-run", "--json");
    assert.partialDeepStrictEqual(summary(dry), { stored: 4 });
    assert.deepEqual(await listed(place, dir), []);
    await place.run("asset", "upload", dir, "site/**/*.css", "site/index.html", "--to", "p");
    await place.run("asset", "upload", dir, "site/index.html", "--name", "other.html");
    await place.run("asset", "upload", dir, "site/", "--to", "q");
    assert.deepEqual(await paths(place, dir), [
      "other.html",
      "p/",
      "p/css/",
      "p/css/a.css",
      "p/index.html",
      "q/",
      "q/Grüße 日本.txt",
      "q/index.html",
    ]);
    assert.match((await place.exits(3, "asset", "upload", dir, "nothing*", "missing")).stdout, /matches no file/);
  });

  test("adopt catalogues the blobs of a store with their media type and headers", async (place) => {
    const { s3 } = stores;
    const prefix = `${place.directory.slice(-6)}-adopt`;
    const put = (Key: string, more: object = {}) =>
      s3.client.putObject({ Bucket: stores.bucket, Key: `${prefix}/${Key}`, Body: Key, ...more });
    await put("a/page", { ContentType: "text/html", CacheControl: "no-cache", Metadata: { who: "me" } });
    await put("a/guess.css", { ContentType: "application/octet-stream" });
    await put("._proget_file_history_/1/2");
    await put("empty/inner/", { Body: "" });
    await stores.directory(place, "s3", "adopt");
    const adopted = await place.run("adopt", "adopt", "--json");
    assert.partialDeepStrictEqual(summary(adopted), { adopted: 2, skipped: 1, invalid: 0 });
    assert.deepEqual(await paths(place, "adopt"), ["a/", "a/guess.css", "a/page", "empty/", "empty/inner/"]);
    const shown = (await place.run("asset", "show", "adopt", "a/page", "--json")).json();
    const metadata = { who: { value: "me", header: true } };
    assert.partialDeepStrictEqual(shown, { contentType: "text/html", cacheControl: "no-cache", metadata });
    assert.equal((await listed(place, "adopt")).find(({ path }) => path === "a/guess.css")?.contentType, "text/css");
    assert.equal((await place.run("asset", "cat", "adopt", "a/page")).stdout, "a/page");
    assert.partialDeepStrictEqual(summary(await place.run("adopt", "adopt", "--json")), { adopted: 0, existing: 2 });
  });

  test("the URL of a public store is plain", async (place) => {
    const { azurite } = stores;
    const container = await azurite.createContainer(`public-${place.directory.slice(-6).toLowerCase()}`);
    await container.setAccessPolicy("blob");
    await place.run("feed", "create", "open", "--type", "asset");
    const connection = ["--connection-string", "env:TEST_CONNECTION"];
    await place.run("store", "set", "open", "azure", "--container", container.containerName, ...connection);
    writeFileSync(place.path("a b.txt"), "for all");
    await place.run("asset", "upload", "open", "a b.txt");
    const made = (await place.run("asset", "url", "open", "a b.txt", "--json")).json() as { url: string; kind: string };
    assert.deepEqual([made.kind, new URL(made.url).search], ["public", ""]);
    assert.equal(await (await fetch(made.url)).text(), "for all");
    const s3 = stores.options(place, "s3", "open-s3");
    await place.run("feed", "create", "open-s3", "--type", "asset");
    await place.run("store", "set", "open-s3", ...s3, "--make-public");
    if ((await place.any("asset", "upload", "open-s3", "a b.txt")).code !== 0) return; // a server without ACLs
    const plain = (await place.run("asset", "url", "open-s3", "a b.txt")).stdout.trim();
    assert.match(plain, /\/a%20b\.txt$/);
  });
});
