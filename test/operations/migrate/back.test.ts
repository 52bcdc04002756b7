// Migrations that are rolled back, and the store that the feed has left.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npmTarball } from "../../support/fixtures/packages.ts";
import {
  describeMigrations,
  dump,
  filesBelow,
  keysIn,
  makePersonal,
  prepare,
  sound,
  statusOf,
} from "../../support/migrations.ts";
import { writePackages } from "../../support/package-set.ts";

describeMigrations("migrations taken back", { concurrency: 3 }, (test) => {
  test("started, cut over and rolled back: the rows stay, and changes since the switch are copied back", async (place) => {
    await prepare(place, 12);
    await makePersonal(place);
    const rows = await dump(place);
    const to = ["--to", ...place.toS3()];
    assert.match(
      (await place.run("migrate", "start", "web", ...to)).stderr,
      /to switch it: feedctl migrate cutover web/,
    );
    await place.run("migrate", "cutover", "web");
    assert.deepEqual(await dump(place), rows);
    await place.exits(4, "migrate", "cutover", "web");

    await place.run("import", "web", ...writePackages(place.path("added"), 3, { prefix: "added" }));
    await place.run("package", "delete", "web", "pack-000@1.0.0", "--yes");
    const changed = npmTarball({ name: "pack-001", version: "1.0.0", manifest: { description: "other bytes" } });
    writeFileSync(place.path("changed.tgz"), changed);
    await place.run("import", "web", place.path("changed.tgz"), "--overwrite");
    const since = await dump(place);
    const planned = (await place.run("migrate", "rollback", "web", "--dry-run", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(planned, { outcome: "planned" });
    const back = (await place.run("migrate", "rollback", "web", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(back, { outcome: "switched", copied: 4, failed: 0 });
    assert.deepEqual(await dump(place), since);
    await sound(place, 14);
    assert.equal(filesBelow(place.path("first")).length, 14);
    const history = (await place.run("migrate", "history", "web", "--json")).json() as Record<string, unknown>[];
    assert.deepEqual(
      history.map(({ state, reverses }) => [state, reverses]),
      [
        ["switched", history[1]!["id"]],
        ["rolled-back", null],
      ],
    );
    const again = (await place.run("migrate", "rollback", "web", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(again, { outcome: "already" });

    // The old store is deleted only after the current one was read and verified.
    const [blob = ""] = filesBelow(place.path("first"));
    const bytes = readFileSync(blob);
    writeFileSync(blob, "damaged");
    await place.exits(8, "migrate", "retire", "web", "--yes");
    assert.equal((await keysIn(place)).length, 14);
    writeFileSync(blob, bytes);
    const retired = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(retired, { deleted: 14, kept: 0 });
    assert.deepEqual(await keysIn(place), []);
    await sound(place, 14);
  });

  test("the store that a rollback goes back to is read: what changed there behind its time is copied again", async (place) => {
    await prepare(place, 4);
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("second"));
    const [changed = "", missing = ""] = filesBelow(place.path("first"));
    const { mtime, size } = statSync(changed);
    writeFileSync(changed, Buffer.alloc(size, "x"));
    utimesSync(changed, mtime, mtime);
    rmSync(missing);
    const back = (await place.run("migrate", "rollback", "web", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(back, { outcome: "switched", copied: 2, verified: 2, same: 0, failed: 0 });
    await sound(place, 4);

    // a blob that has its hash with it is not read
    await place.run("migrate", "run", "web", "--to", ...place.toS3());
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("third"));
    const kept = (await place.run("migrate", "rollback", "web", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(kept, { outcome: "switched", copied: 0, verified: 4, failed: 0 });
    await sound(place, 4);
  });

  test("a proven copy that is changed behind its time before the switch is copied again; one with a new mode is read", async (place) => {
    await prepare(place, 4);
    const target = ["--to", "disk", "--path", place.path("second")];
    await place.run("migrate", "start", "web", ...target, "--cutover", "manual");
    const [changed = "", touched = ""] = filesBelow(place.path("second"));
    const { mtime, size } = statSync(changed);
    writeFileSync(changed, Buffer.alloc(size, "x"));
    utimesSync(changed, mtime, mtime);
    chmodSync(touched, 0o600);
    const end = (await place.run("migrate", "cutover", "web", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(end, { outcome: "switched", copied: 1, verified: 1, failed: 0 });
    await sound(place, 4);
  });

  test("a feed that moved twice gives up both old stores, one by one or together", async (place) => {
    await prepare(place, 3);
    for (const name of ["second", "third", "fourth"])
      await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path(name));
    await place.run("package", "delete", "web", "pack-001@1.0.0", "--yes");
    const places = ["first", "second", "third"].map((name) => place.path(name));
    assert.deepEqual((await statusOf(place))?.["toRetire"], places);
    const shown = (await place.run("store", "show", "web", "--json")).json() as { earlier: string[] };
    for (const each of places) assert.ok(shown.earlier.includes(each), each);
    await place.exits(4, "migrate", "retire", "web", "--yes", "--store", place.path("fourth"));

    const retire = async (...args: string[]) =>
      (await place.run("migrate", "retire", "web", "--yes", "--json", ...args)).events();
    assert.partialDeepStrictEqual(await retire("--store", places[1]!), [{ from: places[1], retired: false, kept: 0 }]);
    assert.deepEqual((await statusOf(place))?.["toRetire"], [places[0], places[2]]);
    const rest = await retire();
    assert.partialDeepStrictEqual(rest, [
      { from: places[0], kept: 0 },
      { from: places[2], kept: 0 },
    ]);
    assert.deepEqual(places.flatMap(filesBelow), []);
    assert.partialDeepStrictEqual(await retire(), [{ from: places[2], retired: true }]);
    await sound(place, 2);
    await place.run("feed", "create", "other", "--type", "npm");
    await place.run("store", "set", "other", "disk", "--path", places[0]!);

    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("fifth"));
    const deleted = await place.run("feed", "delete", "web", "--yes");
    assert.match(deleted.stdout, /2 files stay at .*fifth/);
    assert.match(deleted.stderr, /files of an earlier store of feed web may be at .*fourth/);
  });

  test("a cancelled rollback leaves the old store as it was, and can be started again", async (place) => {
    await prepare(place, 6);
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("second"));
    await place.run("import", "web", ...writePackages(place.path("added"), 150, { prefix: "added" }));
    const changed = npmTarball({ name: "pack-001", version: "1.0.0", manifest: { description: "other bytes" } });
    writeFileSync(place.path("changed.tgz"), changed);
    await place.run("import", "web", place.path("changed.tgz"), "--overwrite");
    const old = filesBelow(place.path("first")).toSorted();
    // A conflicting file stops it before the switch.
    const key = filesBelow(place.path("second")).find((path) => path.includes("added-149"))!;
    const blocked = key.replace(place.path("second"), place.path("first"));
    mkdirSync(join(blocked, ".."), { recursive: true });
    writeFileSync(blocked, "in the way");
    await place.exits(3, "migrate", "rollback", "web");
    const { removed } = (await place.run("migrate", "cancel", "web", "--json")).json() as { removed: number };
    assert.ok(removed >= 149);
    assert.deepEqual(
      filesBelow(place.path("first")).toSorted(),
      [...old.filter((path) => !path.includes("pack-001")), blocked].toSorted(),
    );
    await sound(place, 156);
    rmSync(blocked);
    await place.run("migrate", "rollback", "web");
    await sound(place, 156);
    assert.equal(filesBelow(place.path("first")).length, 156);
  });

  test("the old store can be retired when files were overwritten, deleted or left by a dead run since the switch", async (place) => {
    await prepare(place, 4);
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("second"));
    const changed = npmTarball({ name: "pack-001", version: "1.0.0", manifest: { description: "other bytes" } });
    writeFileSync(place.path("changed.tgz"), changed);
    await place.run("import", "web", place.path("changed.tgz"), "--overwrite");
    await place.run("package", "delete", "web", "pack-002@1.0.0", "--yes");
    // an import that had lost its locks stored a blob after the switch, and announced it again
    writeFileSync(join(place.path("first"), "left"), "left");
    await place.rows(`insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at)
      select s.id, 'left', sha256('other'), (select max(id) from feedctl.runs), now()
      from feedctl.stores s where s.role = 'previous' order by s.id desc limit 1`);
    const retired = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(retired, { deleted: 4, kept: 1 }, "bytes that no run announced");
    await place.rows("update feedctl.pending_writes set sha256 = sha256('left')");
    const rest = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(rest, { deleted: 1, kept: 0 });
    assert.deepEqual(await place.rows("select key from feedctl.pending_writes"), []);
    await sound(place, 3);
  });
});
