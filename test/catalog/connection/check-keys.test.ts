// Rows that somebody changed in the database: a key must never become a path outside the store.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { findingsOf } from "../../support/findings.ts";
import { writePackages } from "../../support/package-set.ts";

const SECRET = "not a package";
const OUTSIDE = "../secret.txt";
const refusal = /error: the key "\.\.\/secret\.txt" has the segment "\.\."/;

/** A feed with three packages. The row of the first then names a file beside the store, with its size and hash. */
async function tampered(place: Installation): Promise<void> {
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("store"));
  await place.run("import", "web", ...writePackages(place.path("in"), 3));
  writeFileSync(place.path("secret.txt"), SECRET);
  const sha256 = createHash("sha256").update(SECRET).digest("hex");
  await place.rows(`update feedctl.files set key = '${OUTSIDE}', size = ${SECRET.length}, sha256 = '\\x${sha256}',
    store_tag = null where key like '%pack-000%'`);
}

onEachDatabase("a row whose key was tampered with", (database) => {
  database.test("is not read as a path", async (_t, place) => {
    await tampered(place);
    const { stderr } = await place.exits(3, "package", "download", "web", "pack-000@1.0.0", "--output", "saved.tgz");
    assert.match(stderr, refusal);
    assert.equal(existsSync(place.path("saved.tgz")), false);
  });

  database.testOnServer(
    "is named by commands that list it, and verify reports it beside the others",
    async (_t, place) => {
      await tampered(place);
      assert.match((await place.exits(3, "package", "list", "web")).stderr, refusal);
      const verified = await place.exits(3, "verify", "web", "--json");
      const { match, differ, missingRow } = verified.summary() as Record<string, number>;
      assert.deepEqual({ match, differ, missingRow }, { match: 2, differ: 1, missingRow: 1 });
      assert.match(findingsOf(verified), /differ: \.\.\/secret\.txt: the catalog's key is not a valid key/);
    },
  );

  database.testOnServer("fails alone in a migration, which is finished once the row is repaired", async (_t, place) => {
    const target = place.path("target");
    await tampered(place);
    const copied = () => readdirSync(target, { recursive: true }).filter((name) => String(name).endsWith(".tgz"));
    const failed = await place.exits(3, "migrate", "run", "web", "--to", "disk", "--path", target);
    assert.match(failed.stdout + failed.stderr, /\.\.\/secret\.txt.*its key has the segment "\.\."/);
    assert.equal(copied().length, 3, "every blob of the source is copied");
    assert.match((await place.run("migrate", "status", "web")).stdout, /\.\.\/secret\.txt/);

    await place.rows(`delete from feedctl.files where key = '${OUTSIDE}'`);
    await place.run("migrate", "resume", "web");
    assert.deepEqual(await place.rows("select key from feedctl.pending_writes"), []);
  });

  database.testOnServer("is not deleted by name: a pending delete outside the store is refused", async (_t, place) => {
    await tampered(place);
    await place.rows(`insert into feedctl.pending_deletes (store_id, key, run_id, created_at)
      select s.id, '../victim.txt', (select max(id) from feedctl.runs), now() from feedctl.stores s where role = 'current'`);
    writeFileSync(place.path("victim.txt"), "keep");
    const { stderr } = await place.exits(3, "verify", "web", "--repair");
    assert.match(stderr, /error: the key "\.\.\/victim\.txt" has the segment "\.\."/);
    assert.equal(readFileSync(place.path("victim.txt"), "utf8"), "keep");
  });

  database.testOnServer("is not written outside the folder of a download", async (_t, place) => {
    await place.run("feed", "create", "files", "--type", "asset");
    writeFileSync(place.path("a.txt"), "content");
    await place.run("asset", "upload", "files", "a.txt", "--to", "docs/");
    await place.rows("update feedctl.files set key = 'docs/../../../escaped.txt'");
    mkdirSync(place.path("into"));
    const { stderr } = await place.exits(3, "asset", "download", "files", "docs", "--output", "into/docs");
    assert.match(stderr, /error: the key "docs\/\.\.\/\.\.\/\.\.\/escaped\.txt" has the segment "\.\."/);
    assert.equal(existsSync(place.path("../escaped.txt")) || existsSync(place.path("escaped.txt")), false);
  });
});
