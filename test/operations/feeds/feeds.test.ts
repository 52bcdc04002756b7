import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onEachDatabase } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";
import { isBlobName } from "../../support/store-files.ts";

onEachDatabase("feeds", (database) => {
  database.test("names are unique across feeds and asset directories, ignoring letter case", async (_t, place) => {
    await place.run("feed", "create", "Web", "--type", "npm");
    const taken = await place.exits(5, "feed", "create", "wEB", "--type", "asset");
    assert.match(taken.stderr, /feed "Web" already exists/);
    await place.run("feed", "create", "files", "--type", "asset");
    assert.match((await place.exits(5, "feed", "create", "Files", "--type", "npm")).stderr, /asset directory "files"/);
    await place.exits(5, "feed", "rename", "web", "FILES");
    await place.run("feed", "rename", "WEB", "web");
    await place.exits(2, "feed", "create", "a b", "--type", "npm");
    const all = (await place.run("feed", "list", "--json")).json() as { name: string; type: string }[];
    assert.deepEqual(
      all.map(({ name, type }) => [name, type]),
      [
        ["files", "asset"],
        ["web", "npm"],
      ],
    );
  });

  database.testOnServer("ids are never reused, so no feed inherits another's directory", async (_t, place) => {
    const first = (await place.run("feed", "create", "one", "--type", "npm", "--json")).json() as { id: number };
    await place.run("feed", "delete", "one", "--yes");
    const second = (await place.run("feed", "create", "one", "--type", "npm", "--json")).json() as { id: number };
    assert.ok(second.id > first.id);
    await place.run("feed", "delete", "one", "--purge-files", "--yes");
    const third = (await place.run("feed", "create", "one", "--type", "npm", "--json")).json() as { id: number };
    assert.ok(third.id > second.id);
  });

  database.test(
    "delete keeps the files and prints where; purge deletes the files in the catalog and no others",
    async (_t, place) => {
      const [file = ""] = writePackages(place.path("in"), 3);
      await place.run("feed", "create", "kept", "--type", "npm");
      await place.run("import", "kept", place.path("in"));
      const { store } = (await place.run("feed", "show", "kept", "--json")).json() as { store: { location: string } };
      assert.match((await place.exits(8, "feed", "delete", "kept")).stderr, /--yes is required/);
      const gone = (await place.run("feed", "delete", "kept", "--yes", "--json")).json();
      assert.partialDeepStrictEqual(gone, { feed: "kept", purged: false, files: 3, filesAt: store.location });
      assert.equal(filesBelow(store.location).length, 3);
      await place.exits(4, "feed", "show", "kept");

      await place.run("feed", "create", "purged", "--type", "npm");
      await place.run("import", "purged", file);
      const at = ((await place.run("feed", "show", "purged", "--json")).json() as { store: { location: string } }).store
        .location;
      writeFileSync(join(at, "somebody's.txt"), "kept");
      const purged = (await place.run("feed", "delete", "purged", "--purge-files", "--yes", "--json")).json();
      assert.partialDeepStrictEqual(purged, { purged: true, deleted: 1, left: 1 });
      assert.deepEqual(filesBelow(at), ["somebody's.txt"]);
      assert.equal(filesBelow(store.location).length, 3, "the other feed's files stay");
    },
  );

  database.testOnServer(
    "rename keeps id, directory and packages; a disabled feed accepts nothing",
    async (_t, place) => {
      const [file = "", other = ""] = writePackages(place.path("in"), 2);
      await place.run("feed", "create", "before", "--type", "npm");
      await place.run("import", "before", file);
      const shown = async (name: string) =>
        (await place.run("feed", "show", name, "--json")).json() as Record<string, unknown>;
      const { name: _, ...rest } = await shown("before");
      await place.run("feed", "rename", "before", "after");
      const { name, ...same } = await shown("after");
      assert.deepEqual([name, same], ["after", rest]);
      await place.run("feed", "disable", "after");
      assert.match((await place.exits(8, "import", "after", other)).stderr, /disabled/);
      await place.run("feed", "enable", "after");
      await place.run("import", "after", other);
      assert.equal((await shown("after"))["files"], 2);
    },
  );

  database.testOnServer("a new feed's default directory must not be inside another feed's store", async (_t, place) => {
    const made = (await place.run("feed", "create", "one", "--type", "npm", "--json")).json() as { id: number };
    const { store } = (await place.run("feed", "show", "one", "--json")).json() as { store: { location: string } };
    const next = store.location.replace(/F\d+$/, `F${made.id + 1}`);
    await place.run("store", "set", "one", "disk", "--path", next);
    assert.match((await place.exits(5, "feed", "create", "two", "--type", "npm")).stderr, /store/);
    await place.exits(4, "feed", "show", "two");
    // The refused feed has used up its id; the next one has a directory of its own.
    await place.run("feed", "create", "two", "--type", "npm");
  });
});

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && isBlobName(entry.name)).map((entry) => entry.name);
}
