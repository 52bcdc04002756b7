import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npmTarball } from "../../support/fixtures/packages.ts";
import {
  describeMigrations,
  dump,
  filesBelow,
  makePersonal,
  migrate,
  prepare,
  sound,
} from "../../support/migrations.ts";
import { writePackages } from "../../support/package-set.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";

describeMigrations("migrate", { databases: ["embedded", "PostgreSQL"], azure: true }, (test, database) => {
  test("disk, S3, Azure, disk: the rows are unchanged, the old files are kept until they are retired", async (place) => {
    await prepare(place, 12);
    await makePersonal(place);
    const rows = await dump(place);
    assert.equal(rows.length, 12);
    const first = place.path("first");
    assert.partialDeepStrictEqual(await migrate(place, 0, ...place.toS3({ path: "/x//" }), "--dry-run"), {
      outcome: "planned",
      copied: 12,
    });
    const way = [place.toS3({ path: "/x//" }), place.toAzure(), ["disk", "--path", place.path("last")]];
    // opening the embedded catalog for each command is slow: there one step is enough
    const steps = database.name === "embedded" ? way.slice(0, 1) : way;
    for (const [to, ...options] of steps) {
      assert.partialDeepStrictEqual(await migrate(place, 0, to!, ...options), {
        outcome: "switched",
        copied: 12,
        failed: 0,
        same: 0,
      });
      assert.deepEqual(await dump(place), rows, to);
      await sound(place, 12);
      assert.partialDeepStrictEqual(await migrate(place, 0, to!, ...options), { outcome: "already", copied: 0 });
    }
    assert.equal(filesBelow(first).length, 12);
    const { earlierStores } = (await place.run("feed", "show", "web", "--json")).json() as {
      earlierStores: unknown[];
    };
    assert.equal(earlierStores.length, 1 + steps.length, "the default directory, and the others in turn");
  });

  if (database.name !== "PostgreSQL") return;
  test("retire reads the new store first, deletes the old files once, and then finds nothing to do", async (place) => {
    await prepare(place, 5);
    await place.exits(4, "migrate", "retire", "web", "--yes");
    await migrate(place, 0, "disk", "--path", place.path("second"));
    const [blob = ""] = filesBelow(place.path("second"));
    const was = filesBelow(place.path("first"));
    rmSync(blob);
    assert.match((await place.exits(8, "migrate", "retire", "web", "--yes")).stderr, /did not pass its verification/);
    assert.equal(filesBelow(place.path("first")).length, 5);
    writeFileSync(blob, "other bytes");
    await place.exits(8, "migrate", "retire", "web", "--yes");
    rmSync(blob);
    await place.run("store", "set", "web", "disk", "--path", place.path("first"));
    await migrate(place, 0, "disk", "--path", place.path("second"));
    await place.exits(8, "migrate", "retire", "web");
    writeFileSync(place.path("first", "somebody's"), "not ours");
    const kept = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(kept, { deleted: 5, kept: 1 });
    assert.deepEqual(filesBelow(place.path("first")), [place.path("first", "somebody's")]);
    rmSync(place.path("first", "somebody's"));
    for (const _ of ["the rest", "and again"]) {
      const again = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
      assert.partialDeepStrictEqual(again, { deleted: 0, kept: 0 });
    }
    assert.equal(was.length, 5);
    await sound(place, 5);
    // A retired location can be used again.
    assert.partialDeepStrictEqual(await migrate(place, 0, "disk", "--path", place.path("first")), {
      outcome: "switched",
      copied: 5,
    });
    await sound(place, 5);
  });

  test("the old files of a package deleted since the migration are deleted with the others", async (place) => {
    await prepare(place, 3);
    await migrate(place, 0, "disk", "--path", place.path("second"));
    await place.run("package", "delete", "web", "pack-001@1.0.0", "--yes");
    assert.equal(filesBelow(place.path("first")).length, 3);
    const retired = (await place.run("migrate", "retire", "web", "--yes", "--json")).events().at(-1);
    assert.partialDeepStrictEqual(retired, { deleted: 3, kept: 0 });
    assert.deepEqual(filesBelow(place.path("first")), []);
    await sound(place, 2);
    assert.deepEqual(await place.rows("select * from feedctl.pending_deletes"), []);
  });

  test("a package deleted during a migration is deleted from the target, but not a foreign blob with its key", async (place) => {
    await prepare(place, 3);
    const keys = filesBelow(place.path("first")).map((file) => file.slice(place.path("first").length + 1));
    await place.s3.client.putObject({ Bucket: place.bucket, Key: keys[0]!, Body: "other bytes" });
    await migrate(place, 3, ...place.toS3());
    for (const name of ["pack-000", "pack-001"]) await place.run("package", "delete", "web", `${name}@1.0.0`, "--yes");
    const pending = await place.rows(
      "select d.key from feedctl.pending_deletes d join feedctl.stores s on s.id = d.store_id where s.role = 'target'",
    );
    assert.deepEqual(pending, [{ key: keys[1] }]);
    await migrate(place, 0, ...place.toS3());
    await sound(place, 1, { missingRow: 1 });
    const left = await place.s3.client.getObject({ Bucket: place.bucket, Key: keys[0]! });
    assert.equal(await left.Body?.transformToString(), "other bytes");
  });

  test("a blob that was in the target before, with the same bytes, survives its package", async (place) => {
    await prepare(place, 3);
    const [blocked = "", deleted = "", later = ""] = filesBelow(place.path("first")).map((path) =>
      path.slice(place.path("first").length + 1),
    );
    const copy = (key: string) => {
      mkdirSync(join(place.path("second"), key, ".."), { recursive: true });
      copyFileSync(place.path("first", key), place.path("second", key));
    };
    for (const key of [deleted, later]) copy(key);
    mkdirSync(join(place.path("second"), blocked, ".."), { recursive: true });
    writeFileSync(place.path("second", blocked), "prevents the switch");
    const remove = (key: string) => place.run("package", "delete", "web", `${/pack-\d+/.exec(key)![0]}@1.0.0`, "--yes");
    await migrate(place, 3, "disk", "--path", place.path("second"));
    await remove(deleted);
    await migrate(place, 3, "disk", "--path", place.path("second"));
    rmSync(place.path("second", blocked));
    await migrate(place, 0, "disk", "--path", place.path("second"));
    assert.ok(existsSync(place.path("second", deleted)));
    await sound(place, 2, { missingRow: 1 });
  });

  test("a package that was copied and then imported again with other bytes is copied again", async (place) => {
    await prepare(place, 2);
    const [blocked = "", other = ""] = filesBelow(place.path("first")).map((path) =>
      path.slice(place.path("first").length + 1),
    );
    mkdirSync(join(place.path("second"), blocked, ".."), { recursive: true });
    writeFileSync(place.path("second", blocked), "in the way");
    await migrate(place, 3, "disk", "--path", place.path("second"));
    const name = /pack-\d+/.exec(other)![0];
    await place.run("package", "delete", "web", `${name}@1.0.0`, "--yes");
    writeFileSync(place.path("anew.tgz"), npmTarball({ name, version: "1.0.0", manifest: { description: "anew" } }));
    await place.run("import", "web", place.path("anew.tgz"));
    rmSync(place.path("second", blocked));
    assert.partialDeepStrictEqual(await migrate(place, 0, "disk", "--path", place.path("second")), {
      outcome: "switched",
      copied: 2,
    });
    await sound(place, 2);
  });

  test("other bytes at a key in the target prevent the switch and are not changed; foreign blobs are kept", async (place) => {
    await prepare(place, 4);
    const key = filesBelow(place.path("first"))[0]!.slice(place.path("first").length + 1);
    await place.s3.client.putObject({ Bucket: place.bucket, Key: key, Body: "other bytes" });
    await place.s3.client.putObject({ Bucket: place.bucket, Key: "by hand/a+b %40.txt", Body: "foreign" });
    assert.partialDeepStrictEqual(await migrate(place, 3, ...place.toS3()), {
      outcome: "incomplete",
      failed: 1,
      copied: 3,
    });
    assert.partialDeepStrictEqual((await place.run("store", "show", "web", "--json")).json(), { type: "disk" });
    await sound(place, 4);
    assert.equal(
      await (await place.s3.client.getObject({ Bucket: place.bucket, Key: key })).Body?.transformToString(),
      "other bytes",
    );
    await place.s3.client.deleteObject({ Bucket: place.bucket, Key: key });
    const resumed = await migrate(place, 0, ...place.toS3());
    assert.partialDeepStrictEqual(resumed, { outcome: "switched", copied: 1, foreign: 1 });
    await sound(place, 4, { missingRow: 1 });
  });

  test("an unfinished migration is reported, resumed by the same command, or cancelled", async (place) => {
    await prepare(place, 4);
    const blocked = join(
      place.path("second"),
      filesBelow(place.path("first"))[0]!.slice(place.path("first").length + 1),
    );
    mkdirSync(join(blocked, ".."), { recursive: true });
    writeFileSync(blocked, "in the way");
    await migrate(place, 3, "disk", "--path", place.path("second"));
    const other = await place.exits(5, "migrate", "run", "web", "--to", "disk", "--path", place.path("third"));
    assert.match(other.stderr, /unfinished migration to .*second/);
    assert.match(
      (await place.exits(5, "store", "set", "web", "disk", "--path", place.path("third"))).stderr,
      /migrate cancel/,
    );
    await place.exits(8, "migrate", "retire", "web", "--yes");
    const cancelled = (await place.run("migrate", "cancel", "web", "--json")).json();
    assert.partialDeepStrictEqual(cancelled, { removed: 3, left: 1 });
    assert.deepEqual(filesBelow(place.path("second")), [blocked]);
    await place.exits(4, "migrate", "cancel", "web");
    await sound(place, 4);
    rmSync(blocked);
    assert.partialDeepStrictEqual(await migrate(place, 0, "disk", "--path", place.path("second")), {
      outcome: "switched",
      copied: 4,
      same: 0,
    });
    await sound(place, 4);
  });

  test("a migration to the default directory can be resumed more than once", async (place) => {
    await prepare(place, 2);
    const { id } = (await place.run("feed", "show", "web", "--json")).json() as { id: number };
    const target = place.path("data", "packages", ".npm", `F${id}`);
    const blocked = join(target, filesBelow(place.path("first"))[0]!.slice(place.path("first").length + 1));
    mkdirSync(join(blocked, ".."), { recursive: true });
    writeFileSync(blocked, "in the way");
    for (const _ of ["begun", "resumed", "resumed again"]) await migrate(place, 3, "disk");
    rmSync(blocked);
    assert.partialDeepStrictEqual(await migrate(place, 0, "disk"), { outcome: "switched" });
    const { store } = (await place.run("feed", "show", "web", "--json")).json() as { store: Record<string, unknown> };
    assert.deepEqual([store["location"], store["options"]], [target, {}]);
  });

  test("a missing bucket and a dead server change nothing", async (place) => {
    await prepare(place, 2);
    const to = (...options: string[]) => ["migrate", "run", "web", "--to", "s3", "--path-style", ...options];
    const keys = ["--access-key", "env:TEST_ACCESS_KEY", "--secret-key", "env:TEST_SECRET_KEY"];
    await place.exits(4, ...to("--bucket", "no-such-bucket", "--endpoint", place.s3.endpoint, ...keys));
    await place.exits(7, ...to("--bucket", "b", "--endpoint", "http://127.0.0.1:9", ...keys));
    assert.deepEqual(await place.rows("select from feedctl.migrations"), []);
    await sound(place, 2);
  });

  test("a wrong secret changes nothing", async (place, t) => {
    if (skipIfS3Cannot(t, "check credentials")) return;
    await prepare(place, 2);
    await place.exits(6, "migrate", "run", "web", "--to", ...place.toS3(), "--secret-key", "wrong");
    assert.deepEqual(await place.rows("select from feedctl.migrations"), []);
    await sound(place, 2);
  });

  test("while it runs: a second one is locked out, imports and deletions work and are migrated", async (place) => {
    await prepare(place, 300);
    const command = ["migrate", "run", "web", "--to", ...place.toS3(), "--json", "--verbose"];
    const running = await place.start(command, { env: { ...place.env, FEEDCTL_CONCURRENCY: "2" } });
    await running.shows('"copied"');
    const [second, deleted, imported] = await Promise.all([
      place.any("migrate", "run", "web", "--to", ...place.toS3()),
      place.any("package", "delete", "web", "pack-000@1.0.0", "--yes"),
      place.any("import", "web", ...writePackages(place.path("more"), 30, { prefix: "while" })),
    ]);
    assert.equal(running.child.exitCode, null, "the migration was over too soon to prove anything");
    assert.equal(second.code, 75, second.stderr);
    assert.match(second.stderr, /is being migrated by run \d+/);
    assert.deepEqual([deleted.code, imported.code], [0, 0], deleted.stderr + imported.stderr);
    const result = await running.finished;
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.events().at(-1)?.["outcome"], "switched");
    assert.partialDeepStrictEqual((await place.run("store", "show", "web", "--json")).json(), { type: "s3" });
    await sound(place, 329);
  });

  test("leftovers of an interrupted import or deletion are not copied to the new store", async (place) => {
    await prepare(place, 4);
    const state = "from feedctl.stores s, feedctl.runs r where s.role = 'current' group by s.id";
    await place.rows(`with f as (select key from feedctl.files order by key limit 1), gone as (delete from feedctl.packages where name = 'pack-000' returning 1)
        insert into feedctl.pending_deletes select s.id, (select key from f), max(r.id), now() ${state}`);
    await place.rows(`with f as (select key, sha256 from feedctl.files order by key limit 1), gone as (delete from feedctl.packages where name = 'pack-001' returning 1)
        insert into feedctl.pending_writes select s.id, (select key from f), (select sha256 from f), max(r.id), now() ${state}`);
    await migrate(place, 0, ...place.toS3());
    await sound(place, 2);
  });
});
