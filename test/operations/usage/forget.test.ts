import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";

const get = (version: string, hour: number) =>
  `192.0.2.3 - - [06/Feb/2026:0${hour}:00:00 +0000] "GET /npm/left/-/left-${version}.tgz HTTP/1.1" 200 135 "-" "npm/10"\n`;

async function prepare(place: Installation): Promise<void> {
  mkdirSync(place.path("in"));
  for (const version of ["1.0.0", "1.1.0"])
    writeFileSync(place.path("in", `${version}.tgz`), npmTarball({ name: "left", version }));
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("import", "web", place.path("in"));
  writeFileSync(place.path("a.log"), get("1.0.0", 1) + get("1.0.0", 2) + get("1.1.0", 5));
  writeFileSync(place.path("b.log"), get("1.0.0", 3));
}

const count = (place: Installation, ...args: string[]) =>
  place.run("usage", "import", "web", "--prefix", "/npm/", ...args);

async function used(place: Installation) {
  const rows = (await place.run("package", "list", "web", "--json")).json() as {
    version: string;
    downloads: number;
    lastUsedAt: string | null;
  }[];
  return rows.map(({ version, downloads, lastUsedAt }) => `${version} ${downloads} ${lastUsedAt?.slice(11, 13)}`);
}

onEachDatabase("usage forget", (database) => {
  database.test("takes back what one log gave, once, and leaves what others gave", async (_t, place) => {
    await prepare(place);
    await count(place, place.path("a.log"), place.path("b.log"));
    appendFileSync(place.path("b.log"), get("1.1.0", 4));
    await count(place, place.path("b.log"));
    assert.deepEqual(await used(place), ["1.0.0 3 03", "1.1.0 2 05"]);
    const forgot = await place.run("usage", "forget", "web", place.path("a.log"), "--json");
    assert.deepEqual(forgot.json(), { feed: "web", logs: 1, downloads: 3 });
    assert.deepEqual(await used(place), ["1.0.0 1 03", "1.1.0 1 04"]);
    assert.partialDeepStrictEqual((await place.run("usage", "show", "web", "--json")).json(), {
      files: 1,
      lines: 2,
      from: "2026-02-06T03:00:00.000Z",
    });
    await place.exits(4, "usage", "forget", "web", place.path("a.log"));
    // a log that is gone is known by its name
    rmSync(place.path("b.log"));
    await place.run("usage", "forget", "web", place.path("b.log"));
    assert.deepEqual(await used(place), ["1.0.0 0 undefined", "1.1.0 0 undefined"]);
    await count(place, place.path("a.log"));
    assert.deepEqual(await used(place), ["1.0.0 2 02", "1.1.0 1 05"]);
  });

  database.testOnServer("import --again replaces what a log gave, in another format too", async (_t, place) => {
    await prepare(place);
    // what a reader that knew less has counted
    await count(place, place.path("a.log"), place.path("b.log"));
    await place.rows("update feedctl.usage_counts set downloads = downloads + 5");
    await place.rows("update feedctl.versions set downloads = downloads + 10 where version = '1.0.0'");
    await place.rows("update feedctl.versions set downloads = downloads + 5 where version = '1.1.0'");
    const once = await count(
      place,
      "--again",
      "--format",
      "combined",
      place.path("a.log"),
      place.path("b.log"),
      "--json",
    );
    assert.partialDeepStrictEqual(once.events().at(-1), { downloads: 4, known: 0, failed: 0 });
    assert.deepEqual(await used(place), ["1.0.0 3 03", "1.1.0 1 05"]);
    await count(place, "--again", place.path("a.log"));
    assert.deepEqual(await used(place), ["1.0.0 3 03", "1.1.0 1 05"]);
    // a wrong format takes nothing away
    const wrong = await place.exits(
      3,
      "usage",
      "import",
      "web",
      "--prefix",
      "/npm/",
      "--again",
      "--format",
      "s3",
      place.path("a.log"),
      "--json",
    );
    assert.partialDeepStrictEqual(wrong.events().at(-1), { rejected: 1, downloads: 0 });
    assert.deepEqual(await used(place), ["1.0.0 3 03", "1.1.0 1 05"]);
    assert.partialDeepStrictEqual((await place.run("usage", "show", "web", "--json")).json(), { files: 2, lines: 4 });
  });

  database.testOnServer(
    "a log of an earlier version cannot be taken back alone; --all begins anew",
    async (_t, place) => {
      await prepare(place);
      await count(place, place.path("a.log"), place.path("b.log"));
      await place.rows("update feedctl.usage_imports set separable = false");
      await place.rows(
        "update feedctl.usage_counts set import_id = null where import_id = (select min(import_id) from feedctl.usage_counts)",
      );
      const refused = await place.any("usage", "forget", "web", place.path("a.log"));
      assert.notEqual(refused.code, 0);
      assert.match(
        refused.stderr,
        /a.log was counted by an earlier version.*\nhint: to begin anew: feedctl usage forget web --all/,
      );
      const again = await place.exits(3, "usage", "import", "web", "--prefix", "/npm/", "--again", place.path("a.log"));
      assert.match(again.stdout, /^FAILED .*a.log: .*counted by an earlier version.*usage forget web --all/m);
      assert.deepEqual(await used(place), ["1.0.0 3 03", "1.1.0 1 05"]);
      await place.exits(2, "usage", "forget", "web");
      await place.exits(2, "usage", "forget", "web", "--all", "--yes", place.path("a.log"));
      const all = await place.run("usage", "forget", "web", "--all", "--yes", "--json");
      assert.deepEqual(all.json(), { feed: "web", logs: 2, downloads: 4 });
      assert.deepEqual(await used(place), ["1.0.0 0 undefined", "1.1.0 0 undefined"]);
      await count(place, place.path("b.log"));
      assert.deepEqual(await used(place), ["1.0.0 1 03", "1.1.0 0 undefined"]);
    },
  );
});
