// A catalog that is a copy: its sequences and its age.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { onEachDatabase } from "../support/databases.ts";
import { writePackages } from "../support/package-set.ts";

onEachDatabase("a copy of a catalog", (database) => {
  database.testOnServer("that has only the rows is told by the first insert, and is repaired", async (_t, place) => {
    for (const name of ["a", "b", "c"]) await place.run("feed", "create", name, "--type", "npm");
    await place.run("import", "a", ...writePackages(place.path("in"), 2));
    await place.rows("select setval('feedctl.feeds_id_seq', 1), setval('feedctl.files_id_seq', 1, false)");

    const created = await place.exits(7, "feed", "create", "z", "--type", "npm");
    assert.match(created.stderr, /its sequences are behind/);
    assert.match(created.stderr, /^hint: run: feedctl db repair-sequences$/m);
    const imported = await place.exits(7, "import", "b", ...writePackages(place.path("in"), 1));
    assert.match(imported.stderr, /feedctl db repair-sequences/);
    assert.match((await place.run("db", "status")).stdout, /^ids: +behind the rows of feeds, files /m);

    const repaired = (await place.run("db", "repair-sequences", "--json")).json() as {
      table: string;
      highest: number;
    }[];
    assert.deepEqual(
      repaired.map(({ table, highest }) => [table, highest]),
      [
        ["feeds", 3],
        ["files", 2],
      ],
    );
    assert.deepEqual((await place.run("db", "repair-sequences", "--json")).json(), []);
    await place.run("import", "b", ...writePackages(place.path("in"), 1));
    await place.run("feed", "create", "z", "--type", "npm");
    assert.equal(((await place.run("feed", "show", "z", "--json")).json() as { id: number }).id > 3, true);
  });

  database.testOnServer("that is older gives no id again whose files are there", async (_t, place) => {
    await place.run("feed", "create", "kept", "--type", "npm");
    await place.run("feed", "create", "lost", "--type", "npm");
    await place.run("import", "lost", ...writePackages(place.path("in"), 1));
    const [{ id, store } = { id: 0, store: 0 }] = (await place.rows(
      "select f.id, s.id as store from feedctl.feeds f join feedctl.stores s on s.feed_id = f.id where name = 'lost'",
    )) as { id: number; store: number }[];
    // the state before the second feed was created
    await place.rows(`delete from feedctl.stores where feed_id = ${id}`);
    await place.rows(`delete from feedctl.feeds where id = ${id}`);
    await place.rows(
      `select setval('feedctl.feeds_id_seq', ${id}, false), setval('feedctl.stores_id_seq', ${store}, false)`,
    );
    const directory = join(place.data, "packages", ".npm", `F${id}`);
    const files = readdirSync(directory, { recursive: true });
    assert.equal(existsSync(directory), true);

    const { stderr } = await place.run("feed", "create", "new", "--type", "npm");
    assert.match(stderr, new RegExp(`F${id} holds the files of a feed that this catalog does not have`));
    const shown = (await place.run("feed", "show", "new", "--json")).json() as { id: number };
    assert.equal(shown.id > id, true);
    await place.run("import", "new", ...writePackages(place.path("in"), 2));
    assert.deepEqual(readdirSync(directory, { recursive: true }), files);

    // its store has the id of the lost one, and is another all the same
    const refused = await place.exits(5, "store", "set", "new", "disk", "--path", directory);
    assert.match(refused.stderr, /this catalog does not have: was an older backup restored\?/);
    assert.deepEqual(readdirSync(directory, { recursive: true }), files);
  });

  database.testOnServer("that is older takes no place of a store that it never had", async (_t, place) => {
    const at = ["disk", "--path", place.path("web")];
    await place.run("feed", "create", "lost", "--type", "npm");
    await place.run("store", "set", "lost", ...at);
    await place.run("import", "lost", ...writePackages(place.path("in"), 1));
    const stored = readdirSync(place.path("web"), { recursive: true });
    // the state before the feed was created; a transaction that failed has used up the id of its store since
    await place.rows("delete from feedctl.stores");
    await place.rows("delete from feedctl.feeds");
    await place.run("feed", "create", "new", "--type", "npm");
    const refused = await place.exits(5, "store", "set", "new", ...at);
    assert.match(refused.stderr, /this catalog does not have: was an older backup restored\?/);
    assert.deepEqual(readdirSync(place.path("web"), { recursive: true }), stored);
  });
});
