// Migrations that are started, watched, stopped and rolled back by several processes.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { killNow } from "../../support/kill.ts";
import {
  describeMigrations,
  dump,
  filesBelow,
  keysIn,
  machine,
  type MigrationPlace,
  prepare,
  sound,
  statusOf,
} from "../../support/migrations.ts";
import { writePackages } from "../../support/package-set.ts";
import { type SlowProxy, startSlowProxy } from "../../support/slow-proxy.ts";
import { until } from "../../support/wait.ts";

/** One blob at a time. */
const slowly = (place: MigrationPlace) => ({ env: { ...place.env, FEEDCTL_CONCURRENCY: "1" } });

async function withSlowS3(place: MigrationPlace, body: (proxy: SlowProxy, to: string[]) => Promise<void>) {
  const proxy = await startSlowProxy(place.s3.endpoint, 40);
  try {
    await body(proxy, ["web", "--to", ...place.toS3({ endpoint: proxy.endpoint })]);
  } finally {
    await proxy.stop();
  }
}

describeMigrations("migrations under control", { concurrency: 3 }, (test) => {
  test("paused by another process within seconds, and finished on another machine", async (place) => {
    await prepare(place, 150);
    const rows = await dump(place);
    await withSlowS3(place, async (proxy, to) => {
      const running = await place.start(["migrate", "start", ...to, "--json", "--verbose"], slowly(place));
      await running.shows('"copied"');
      assert.partialDeepStrictEqual(await statusOf(place), { state: "copying", running: true });
      const paused = (await place.run("migrate", "pause", "web", "--json")).json();
      assert.partialDeepStrictEqual(paused, { feed: "web", outcome: "asked" });
      const rested = await running.finished;
      assert.equal(rested.code, 75, rested.stderr);
      const summary = rested.events().at(-1)!;
      assert.equal(summary["outcome"], "paused");
      const copied = Number(summary["copied"]);
      assert.ok(copied < 150, "it is paused before all is copied");
      assert.partialDeepStrictEqual(await statusOf(place), { state: "paused", running: false });
      assert.match((await place.run("feed", "show", "web")).stdout, /^migration: +\d+ to .*: paused$/m);
      await place.run("import", "web", ...writePackages(place.path("more"), 2, { prefix: "while" }));
      proxy.delay = 0;
      const elsewhere = { env: { ...place.env, ...machine(place, "elsewhere") } };
      const finished = await place.feedctl(["migrate", "resume", "web", "--cutover", "auto", "--json"], elsewhere);
      assert.equal(finished.code, 0, finished.stderr);
      const end = finished.events().at(-1)!;
      assert.equal(end["outcome"], "switched");
      assert.ok(
        Number(end["copied"]) <= 152 - copied,
        `${copied} were copied before, and now ${String(end["copied"])}`,
      );
      assert.deepEqual((await dump(place)).slice(0, 150), rows);
      await sound(place, 152);
    });
  });

  test("the text of a pause: it is paused, and how to continue", async (place) => {
    await prepare(place, 100);
    await withSlowS3(place, async (proxy, to) => {
      const running = await place.start(["migrate", "start", ...to, "--verbose"], slowly(place));
      await running.shows("copied");
      const asked = await place.run("migrate", "pause", "web");
      assert.match(asked.stdout, /^asked the process that migrates feed web to pause; it stops within seconds$/m);
      const { code, stdout, stderr } = await running.finished;
      assert.equal(code, 75);
      assert.match(stdout, /^the migration of feed web is paused: \d+ blobs .* copied, 0 already there, 0 failed$/m);
      assert.match(stderr, /to continue: feedctl migrate resume web/);
      assert.match((await place.run("migrate", "pause", "web")).stdout, /^the migration of feed web is paused$/m);
      proxy.delay = 0;
      await place.run("migrate", "resume", "web");
      assert.equal((await statusOf(place))?.["state"], "ready");
    });
  });

  test("cancelled by another process: both end, and the target holds what it held before", async (place) => {
    await prepare(place, 150);
    const { client } = place.s3;
    const there = filesBelow(place.path("first"))
      .toSorted()
      .slice(0, 3)
      .map((path) => path.slice(place.path("first").length + 1));
    for (const Key of there)
      await client.putObject({ Bucket: place.bucket, Key, Body: readFileSync(place.path("first", Key)) });
    await client.putObject({ Bucket: place.bucket, Key: "somebody's", Body: "not ours" });
    await withSlowS3(place, async (_proxy, to) => {
      const running = await place.start(["migrate", "run", ...to, "--json", "--verbose"], slowly(place));
      await running.shows('"copied"');
      const cancelled = (await place.run("migrate", "cancel", "web", "--json")).json() as Record<string, number>;
      const { code, stderr } = await running.finished;
      assert.equal(code, 130);
      assert.match(stderr, /the migration of feed \\"web\\" was cancelled by .+ on /);
      assert.ok(cancelled["removed"]! > 0);
      assert.equal(cancelled["left"], 4);
      assert.deepEqual(await keysIn(place), [...there, "somebody's"].toSorted());
      await place.exits(4, "migrate", "resume", "web");
      assert.partialDeepStrictEqual(await statusOf(place), { state: "cancelled", running: false });
      await sound(place, 150);
    });
  });

  test("a cancellation deletes the copies that a killed process made and did not prove", async (place) => {
    await prepare(place, 150);
    await withSlowS3(place, async (_proxy, to) => {
      const running = await place.start(["migrate", "run", ...to, "--json", "--verbose"], slowly(place));
      await until("some copies", async () => (await keysIn(place)).length > 20);
      await killNow(place, running);
      const copied = (await keysIn(place)).length;
      const cancelled = (await place.run("migrate", "cancel", "web", "--json")).json();
      assert.partialDeepStrictEqual(cancelled, { removed: copied, left: 0 });
      assert.deepEqual(await keysIn(place), []);
      assert.deepEqual(await place.rows("select * from feedctl.pending_writes"), []);
      await sound(place, 150);
    });
  });

  test("a package whose copy a killed process did not prove is not in the new store when it is deleted", async (place) => {
    await prepare(place, 60);
    await withSlowS3(place, async (proxy, to) => {
      const running = await place.start(["migrate", "run", ...to, "--json", "--verbose"], slowly(place));
      await until("some copies", async () => (await keysIn(place)).length > 10);
      await killNow(place, running);
      await place.run("package", "delete", "web", "pack-001@1.0.0", "--yes");
      assert.ok((await keysIn(place)).includes("pack-001/-/pack-001-1.0.0.tgz"));
      proxy.delay = 0;
      await place.run("migrate", "resume", "web");
      await sound(place, 59);
    });
  });

  test("cut over by another process while it follows; frozen for others until then", async (place) => {
    await prepare(place, 20);
    const command = ["migrate", "start", "web", "--to", ...place.toS3(), "--follow", "30s", "--json"];
    const running = await place.start(command);
    await until("all is copied", async () => (await statusOf(place))?.["state"] === "ready");
    await place.run("import", "web", ...writePackages(place.path("more"), 3, { prefix: "between" }));
    const second = await place.exits(75, "migrate", "start", "web", "--to", ...place.toS3());
    assert.match(second.stderr, /^error: feed "web" is being migrated by run \d+ of .+ on .+$/m);
    assert.match(second.stderr, /^hint: see: feedctl migrate status web$/m);

    // The switch writes to this table: while it is locked, the feed stays frozen.
    const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
    await client.connect();
    await client.query("begin; lock table feedctl.stores in share mode");
    const cutter = place.start(["migrate", "cutover", "web", "--json"]);
    await until("frozen", async () =>
      /^migration: .*FROZEN for the cut-over$/m.test((await place.run("feed", "show", "web")).stdout),
    );
    const late = writePackages(place.path("late"), 2, { prefix: "late" });
    const refused = await place.feedctl(["import", "web", ...late], { env: { ...place.env, FEEDCTL_LOCK_WAIT: "0" } });
    assert.equal(refused.code, 75);
    assert.match(refused.stderr, /^error: feed "web" is frozen: migration \d+ is switching its store$/m);
    const cancelling = place.start(["migrate", "cancel", "web"]);
    await until("asked to cancel", async () => (await statusOf(place))?.["request"] === "cancel");
    const patient = await place.start(["import", "web", ...late]);
    await patient.shows("waiting");
    await client.query("commit");
    await client.end();

    const [ran, cut, imported] = await Promise.all([running.finished, (await cutter).finished, patient.finished]);
    assert.deepEqual([ran.code, cut.code, imported.code], [0, 0, 0], ran.stderr + cut.stderr + imported.stderr);
    const tooLate = await (await cancelling).finished;
    assert.equal(tooLate.code, 5, tooLate.stderr);
    assert.match(tooLate.stderr, /^error: the migration of feed "web" has ended meanwhile$/m);
    assert.equal(ran.events().at(-1)?.["outcome"], "switched");
    assert.equal(cut.events().at(-1)?.["outcome"], "switched");
    assert.ok(Number((await statusOf(place))?.["frozenMilliseconds"]) > 0);
    assert.equal(((await place.run("feed", "show", "web", "--json")).json() as { migration: unknown }).migration, null);
    assert.equal((await keysIn(place)).length, 25);
    await sound(place, 25);
  });

  test("Ctrl-C: status 130, no process is working on it, and the same command continues", async (place) => {
    await prepare(place, 100);
    await withSlowS3(place, async (proxy, to) => {
      const running = await place.start(["migrate", "run", ...to, "--verbose"], slowly(place));
      await running.shows("copied");
      running.child.kill("SIGINT");
      const { code, stderr } = await running.finished;
      assert.equal(code, 130);
      assert.match(stderr, /^error: interrupted$\n^hint: run the same command again to continue$/m);
      assert.match((await place.run("migrate", "status", "web")).stdout, /copying; no process is working on it/);
      const status = (await statusOf(place)) as { problem: string; passes: { copied: number }[] };
      assert.equal(status.problem, "interrupted");
      assert.ok(status.passes.at(-1)!.copied > 0, "how far it came");
      await sound(place, 100);
      proxy.delay = 0;
      await place.run("migrate", "run", ...to);
      await sound(place, 100);
    });
  });

  test("cancelled while its target cannot be reached: the copies are kept, and a later migration finds them", async (place) => {
    await prepare(place, 20);
    await withSlowS3(place, async (proxy, to) => {
      await place.run("migrate", "start", ...to);
      proxy.down = true;
      const { stdout } = await place.run("migrate", "cancel", "web", "--keep-copies");
      assert.match(stdout, /^feed web stays in its store; the copies in s3:/m);
      assert.equal((await keysIn(place)).length, 20);
      proxy.down = false;
      proxy.delay = 0;
      const again = (await place.run("migrate", "run", ...to, "--json")).events().at(-1);
      assert.partialDeepStrictEqual(again, { outcome: "switched", copied: 0, same: 20 });
      await sound(place, 20);
    });
  });

  test("with --follow a failed blob is retried at that interval, not continuously", async (place) => {
    await prepare(place, 3);
    const [blob = ""] = filesBelow(place.path("first"));
    const blocked = blob.replace(place.path("first"), place.path("second"));
    mkdirSync(join(blocked, ".."), { recursive: true });
    writeFileSync(blocked, "in the way");
    const to = ["web", "--to", "disk", "--path", place.path("second")];
    const running = await place.start(["migrate", "run", ...to, "--follow", "2s", "--json"]);
    const passes = () =>
      place.rows("select extract(epoch from started_at)::float as began from feedctl.migration_passes order by number");
    await until("three passes", async () => (await passes()).length >= 3, running);
    const began = (await passes()).map((pass) => Number(pass["began"]));
    for (const [index, time] of began.slice(1).entries())
      assert.ok(time - began[index]! > 1.5, `passes began at ${began.join(", ")} seconds`);
    rmSync(blocked);
    const { code, stderr, events } = await running.finished;
    assert.equal(code, 0, stderr);
    assert.partialDeepStrictEqual(events().at(-1), { outcome: "switched", failed: 0 });
    await sound(place, 3);
  });

  test("a feed with an unfinished migration is not deleted and gets no other store", async (place) => {
    await prepare(place, 3);
    await place.run("migrate", "start", "web", "--to", ...place.toS3());
    for (const command of [
      ["feed", "delete", "web", "--yes"],
      ["feed", "delete", "web", "--purge-files", "--yes"],
      ["store", "set", "web", "disk", "--path", place.path("other")],
    ]) {
      const { stderr } = await place.exits(5, ...command);
      assert.match(stderr, /^error: feed "web" is in the middle of a migration$/m);
      assert.match(stderr, /^hint: finish it, or give it up: feedctl migrate cancel web$/m);
    }
    await sound(place, 3);
    await place.run("migrate", "cancel", "web");
    await place.run("feed", "delete", "web", "--purge-files", "--yes");
    assert.deepEqual(await keysIn(place), []);
  });

  test("two cut-overs at once: one does it, and both say so", async (place) => {
    await prepare(place, 10);
    await place.run("migrate", "start", "web", "--to", ...place.toS3());
    const both = await Promise.all([1, 2].map(() => place.feedctl(["migrate", "cutover", "web", "--json"])));
    // a process that starts after the cut-over finds no unfinished migration
    for (const { code, stderr } of both) assert.ok(code === 0 || code === 4, stderr);
    assert.ok(both.some(({ code }) => code === 0));
    assert.equal((await statusOf(place))?.["state"], "switched");
    await sound(place, 10);
  });
});
