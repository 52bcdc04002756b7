import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { isolation } from "../support/feedctl.ts";
import { runHere } from "../support/in-process.ts";
import { onDatabases, type Installation } from "../support/databases.ts";
import { zipArchive } from "../support/fixtures/zip.ts";
import { writePackages } from "../support/package-set.ts";

onDatabases("limits of the input", ["PostgreSQL"], (database) => {
  const runWith = (place: Installation, limits: string, ...args: string[]) =>
    runHere(args, {
      cwd: place.directory,
      env: { ...isolation(place.directory), ...place.env, FEEDCTL_LIMITS: limits },
    });

  database.test("come from the environment and the configuration file, and hold in all threads", async (_t, place) => {
    await place.run("feed", "create", "files", "--type", "asset");
    const archive = zipArchive(["a", "b", "c"].map((name) => ({ name, body: name })));
    writeFileSync(place.path("a.zip"), archive);
    const import3 = ["asset", "import-archive", "files", place.path("a.zip"), "--dry-run"];
    const refused = await runWith(place, "assetArchiveEntries=2", ...import3);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /the zip archive holds more than 2 entries/);
    assert.match(refused.stderr, /hint: .*FEEDCTL_LIMITS/);
    assert.equal((await runWith(place, "assetArchiveEntries=3", ...import3)).code, 0);

    writeFileSync(place.path("feedctl.config.json"), JSON.stringify({ limits: { assetArchiveEntries: 2 } }));
    assert.equal((await runWith(place, "", ...import3)).code, 3);
    assert.equal((await runWith(place, "assetArchiveEntries=3", ...import3)).code, 0, "the environment wins");

    await place.run("feed", "create", "web", "--type", "npm");
    const many = await runWith(place, "manifest=4", "import", "web", ...writePackages(place.path("in"), 60), "--json");
    assert.equal(many.code, 3, many.stderr);
    const last = many.stdout.trim().split("\n").at(-1) ?? "";
    assert.partialDeepStrictEqual(JSON.parse(last), { imported: 0, invalid: 60 });
  });

  database.test("that do not exist are refused", async (_t, place) => {
    for (const [limits, words] of [
      ["zipEntry=4", /"zipEntry" is not a limit/],
      ["zipEntries=many", /the limit zipEntries must be a whole number of at least 1, not "many"/],
    ] as const) {
      const wrong = await runWith(place, limits, "feed", "list");
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, words);
    }
  });
});
