// Packages that came from an upstream connector can be fetched again: a migration may skip them.
import assert from "node:assert/strict";
import {
  describeMigrations,
  filesBelow,
  keysIn,
  type MigrationPlace,
  prepare,
  sound,
} from "../../support/migrations.ts";

/** Ten packages, of which four are cached: 000, 003, 006 and 009. */
async function prepareCached(place: MigrationPlace): Promise<void> {
  await prepare(place, 10);
  await place.rows(`update feedctl.versions v set cached = true from feedctl.packages p
    where p.id = v.package_id and right(p.name, 3)::int % 3 = 0`);
}

const names = async (place: MigrationPlace) =>
  (await place.rows("select name from feedctl.packages order by name")).map(({ name }) => String(name).slice(-3));
const own = ["001", "002", "004", "005", "007", "008"];

describeMigrations("cached packages", { concurrency: 2 }, (test) => {
  test("are copied like the others by default", async (place) => {
    await prepareCached(place);
    const summary = (await place.run("migrate", "run", "web", "--to", ...place.toS3(), "--json")).events().at(-1);
    assert.partialDeepStrictEqual(summary, { outcome: "switched", copied: 10 });
    const cached = await place.rows("select count(*)::int as count from feedctl.versions where cached");
    assert.deepEqual(cached, [{ count: 4 }]);
    await sound(place, 10);
  });

  test("skip: their rows are deleted by the switch, their files when the store is retired", async (place) => {
    await prepareCached(place);
    const start = ["migrate", "start", "web", "--to", ...place.toS3(), "--cached", "skip", "--json"];
    assert.partialDeepStrictEqual((await place.run(...start)).events().at(-1), { outcome: "ready", copied: 6 });
    await sound(place, 10);
    assert.equal((await keysIn(place)).length, 6);
    await place.run("migrate", "cutover", "web");
    assert.deepEqual(await names(place), own);
    await sound(place, 6);
    assert.equal(filesBelow(place.path("first")).length, 10);
    const retired = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(retired, { deleted: 10, kept: 0 });
    assert.deepEqual(filesBelow(place.path("first")), []);
  });

  test("skip, after they were copied: the copies are deleted, too", async (place) => {
    await prepareCached(place);
    await place.run("migrate", "start", "web", "--to", ...place.toS3());
    assert.equal((await keysIn(place)).length, 10);
    await place.run("migrate", "run", "web", "--to", ...place.toS3(), "--cached", "skip");
    assert.deepEqual(await names(place), own);
    await sound(place, 6);
    assert.equal((await keysIn(place)).length, 6);
  });

  test("clear: they are deleted before anything is copied", async (place) => {
    await prepareCached(place);
    const command = ["migrate", "start", "web", "--to", ...place.toS3(), "--cached", "clear", "--json"];
    assert.partialDeepStrictEqual((await place.run(...command)).events().at(-1), { outcome: "ready", copied: 6 });
    assert.deepEqual(await names(place), own);
    assert.equal(filesBelow(place.path("first")).length, 6);
    await sound(place, 6);
    await place.run("migrate", "cutover", "web");
    await sound(place, 6);
  });

  test("feed clear-cached deletes versions, files and their old files in an earlier store", async (place) => {
    await prepareCached(place);
    await place.run("migrate", "run", "web", "--to", ...place.toS3());
    await place.exits(8, "feed", "clear-cached", "web");
    const cleared = (await place.run("feed", "clear-cached", "web", "--yes", "--json")).json();
    assert.partialDeepStrictEqual(cleared, { feed: "web", versions: 4, files: 4 });
    assert.deepEqual(await names(place), own);
    assert.equal((await keysIn(place)).length, 6);
    const again = await place.run("feed", "clear-cached", "web", "--yes");
    assert.match(again.stdout, /^deleted 0 cached versions \(0 files\) of feed web$/m);
    const retired = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(retired, { deleted: 10, kept: 0 });
    await sound(place, 6);
    await place.exits(4, "feed", "clear-cached", "nobody", "--yes");
  });

  test("cleared while they are copied, they are not in the new store", async (place) => {
    await prepareCached(place);
    await place.run("migrate", "start", "web", "--to", ...place.toS3());
    await place.run("feed", "clear-cached", "web", "--yes");
    await place.run("migrate", "cutover", "web");
    assert.equal((await keysIn(place)).length, 6);
    await sound(place, 6);
  });
});
