// A command holds the feed that it found by its name, whatever the feed's name is afterwards.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";

/** More than two batches. */
const FILES = 600;

/** The first transaction that records files does this as well, as another process would right after it. */
async function afterFirstBatch(place: Installation, sql: string): Promise<void> {
  await place.rows(`create function feedctl.meanwhile() returns trigger language plpgsql as $$ begin
      if exists (select from feedctl.feeds where name = 'web' and id = 1) then ${sql}; end if; return null; end $$;
    create trigger meanwhile after insert on feedctl.files for each statement execute function feedctl.meanwhile()`);
}

const swapped =
  "update feedctl.feeds set name = 'web-old' where id = 1; update feedctl.feeds set name = 'web' where id = 2";

async function filesIn(place: Installation, feed: string): Promise<number> {
  return ((await place.run("feed", "show", feed, "--json")).json() as { files: number }).files;
}

onDatabases("a feed whose name is given to another feed during", ["PostgreSQL"], (database) => {
  database.test("a drop scan gets the rest of its packages all the same", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("feed", "create", "web-new", "--type", "npm");
    writePackages(place.path("drop"), FILES);
    await place.run("drop", "set", "web", place.path("drop"));
    await afterFirstBatch(place, swapped);
    await place.run("drop", "scan", "--settle", "0");
    assert.deepEqual([await filesIn(place, "web-old"), await filesIn(place, "web")], [FILES, 0]);
    assert.deepEqual(readdirSync(place.path("drop")), []);
  });

  database.test("an upload gets the rest of its files, and a later migration its store", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "asset");
    await place.run("feed", "create", "web-new", "--type", "asset");
    mkdirSync(place.path("in"));
    for (let number = 0; number < FILES; number++) writeFileSync(place.path("in", `${number}`), "x");
    await afterFirstBatch(place, swapped);
    await place.run("asset", "upload", "web", `${place.path("in")}/`, "--recursive");
    assert.deepEqual([await filesIn(place, "web-old"), await filesIn(place, "web")], [FILES, 0]);

    await place.rows(`update feedctl.feeds set name = 'other' where id = 2; update feedctl.feeds set name = 'web' where id = 1;
      drop trigger meanwhile on feedctl.files;
      create trigger meanwhile after insert on feedctl.proofs for each statement execute function feedctl.meanwhile()`);
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("store"), "--cutover", "auto");
    const at = async (feed: string) =>
      ((await place.run("store", "show", feed, "--json")).json() as { location: string }).location;
    assert.equal(await at("web-old"), place.path("store"));
    assert.notEqual(await at("web"), place.path("store"));
  });

  database.test("an import that a deletion overtakes ends with a sentence", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await afterFirstBatch(place, "update feedctl.feeds set name = 'gone', deleting_at = now() where id = 1");
    const { stderr } = await place.exits(5, "import", "web", ...writePackages(place.path("in"), FILES));
    assert.match(stderr, /^error: feed "gone" is being deleted$/m);
    assert.doesNotMatch(stderr, /constraint|foreign key|bug/);
  });
});
