// The first pass of a large migration, shared by `feedctl worker` processes. Each worker is a process with its own data
// directory, as on several machines.
import assert from "node:assert/strict";
import type { RunningFeedctl } from "../../support/feedctl.ts";
import { onDatabases } from "../../support/databases.ts";
import { fillFeed } from "../../support/many-files.ts";
import {
  describeMigrations,
  dump,
  keysIn,
  machine,
  type MigrationPlace,
  prepare,
  statusOf,
} from "../../support/migrations.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { startSlowProxy } from "../../support/slow-proxy.ts";
import { until } from "../../support/wait.ts";

/** Enough blobs for three ranges: two for the workers that are lost, and one for the process that migrates. */
const COUNT = 1150;

async function prepareMany(place: MigrationPlace, count: number): Promise<void> {
  await prepare(place, 0);
  await fillFeed(place.env["FEEDCTL_DATABASE_URL"]!, "web", place.path("first"), count);
}

async function startWorker(place: MigrationPlace, name: string): Promise<RunningFeedctl> {
  const env = { ...place.env, ...machine(place, name) };
  return place.start(["worker", "--json", "--concurrency", "8"], { env });
}

const ranges = (place: MigrationPlace) =>
  place.rows(`select r.number, r.copied::int, r.verified::int, r.failed::int, r.finished_at is not null as finished, r.claim, w.pid
    from feedctl.migration_ranges r left join feedctl.workers w on w.id = r.worker_id order by r.number`);

describeMigrations("workers", { concurrency: 3 }, (test) => {
  test("one killed, one suspended and resumed: others do their ranges, and no blob is lost or copied twice", async (place) => {
    await prepareMany(place, COUNT);
    const rows = await dump(place);
    // slow enough that a worker is killed before any range is done
    const proxy = await startSlowProxy(place.s3.endpoint, 200);
    const workers = await Promise.all(["one", "two"].map((name) => startWorker(place, name)));
    const [killed, stopped] = workers as [RunningFeedctl, RunningFeedctl];
    try {
      await Promise.all(workers.map((worker) => worker.shows("waiting for migrations")));
      const main = await place.start(
        ["migrate", "start", "web", "--to", ...place.toS3({ endpoint: proxy.endpoint }), "--json"],
        { env: { ...place.env, FEEDCTL_CONCURRENCY: "2" } },
      );
      const works = async (worker: RunningFeedctl) =>
        (await ranges(place)).some(
          (row) => row["pid"] === worker.child.pid && !row["finished"] && row["claim"] !== null,
        );
      for (const worker of workers) await until("every worker has a range", () => works(worker), worker);
      const state = async () => (await place.run("worker", "list", "--json")).json() as Record<string, unknown>[];
      assert.deepEqual(
        (await state()).map((worker) => worker["state"]),
        ["working", "working"],
      );
      const lost = (await ranges(place)).filter((row) =>
        [killed, stopped].some(({ child }) => child.pid === row["pid"]),
      );
      killed.child.kill("SIGKILL");
      stopped.child.kill("SIGSTOP");
      const drained = await startWorker(place, "three");
      workers.push(drained);
      proxy.delay = 0;
      const taken = async () =>
        (await ranges(place)).every(
          (row) =>
            !lost.some((was) => was["number"] === row["number"] && was["pid"] === row["pid"] && !row["finished"]),
        );
      await until("another has what the dead and the stopped worker had", taken);
      await until("every range is done", async () => (await ranges(place)).every((row) => row["finished"]));
      stopped.child.kill("SIGCONT");
      const ran = await main.finished;
      assert.equal(ran.code, 0, ran.stderr);
      assert.partialDeepStrictEqual(ran.events().at(-1), { outcome: "ready", failed: 0 });

      drained.child.kill("SIGTERM");
      stopped.child.kill("SIGTERM");
      for (const worker of [drained, stopped]) {
        const { code, stderr, events } = await worker.finished;
        assert.equal(code, 0, stderr);
        assert.equal(events().at(-1)?.["type"], "summary");
      }
      const goneBy = (await state()).filter((worker) => worker["state"] === "stopped").map((worker) => worker["pid"]);
      assert.deepEqual(new Set(goneBy), new Set([drained.child.pid, stopped.child.pid]));
      assert.equal((await keysIn(place)).length, COUNT);
      const switched = (await place.run("migrate", "cutover", "web", "--json")).events().at(-1);
      assert.partialDeepStrictEqual(switched, { outcome: "switched", copied: 0, failed: 0 });
      assert.deepEqual(await dump(place), rows);
      // compares the MD5 that the store returns: reading all blobs would take as long as the rest of the test
      const verified = (await place.run("verify", "web", "--json")).summary();
      assert.partialDeepStrictEqual(verified, { match: COUNT, differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0 });
    } finally {
      for (const worker of workers) worker.child.kill("SIGKILL");
      await proxy.stop();
    }
  });

  test("a drained worker leaves its range to another, and a cancellation stops all workers", async (place) => {
    await prepareMany(place, 1050);
    const proxy = await startSlowProxy(place.s3.endpoint, 25);
    const [first, second] = await Promise.all([startWorker(place, "one"), startWorker(place, "two")]);
    try {
      const command = ["migrate", "start", "web", "--to", ...place.toS3({ endpoint: proxy.endpoint }), "--json"];
      const main = await place.start(command, { env: { ...place.env, FEEDCTL_CONCURRENCY: "1" } });
      const has = (worker: RunningFeedctl) => async () =>
        (await ranges(place)).some((row) => row["pid"] === worker.child.pid && row["claim"] !== null);
      await until("both work", async () => (await has(first)()) && (await has(second)()));
      await until("some copies", async () => (await keysIn(place)).length > 60, main);
      first.child.kill("SIGTERM");
      const drained = await first.finished;
      assert.equal(drained.code, 0, drained.stderr);
      assert.partialDeepStrictEqual(drained.events().at(-1), { type: "summary", givenBack: 1 });
      const cancelled = (await place.run("migrate", "cancel", "web", "--json")).json() as Record<string, number>;
      assert.equal((await main.finished).code, 130);
      assert.ok(cancelled["removed"]! > 50);
      assert.equal(cancelled["left"], 0);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.deepEqual(await keysIn(place), [], "the other worker goes on copying");
      assert.equal(second.child.exitCode, null, "the other worker waits for the next migration");
      assert.equal((await statusOf(place))?.["state"], "cancelled");
    } finally {
      for (const worker of [first, second]) worker.child.kill("SIGKILL");
      await proxy.stop();
    }
  });

  test("a worker that cannot reach the source leaves the ranges to others", async (place, t) => {
    if (skipIfS3Cannot(t, "check credentials")) return;
    await prepareMany(place, 550);
    const proxy = await startSlowProxy(place.s3.endpoint, 5);
    try {
      const command = ["migrate", "start", "web", "--to", ...place.toS3({ endpoint: proxy.endpoint }), "--json"];
      const main = await place.start(command, { env: { ...place.env, FEEDCTL_CONCURRENCY: "4" } });
      const poor = await place.start(["worker", "--json"], { env: { ...place.env, TEST_SECRET_KEY: "wrong" } });
      await poor.shows('"given-back"');
      proxy.delay = 0;
      poor.child.kill("SIGTERM");
      assert.equal((await poor.finished).code, 0);
      const { code, events } = await main.finished;
      assert.equal(code, 0);
      assert.partialDeepStrictEqual(events().at(-1), { outcome: "ready", copied: 550, failed: 0 });
    } finally {
      await proxy.stop();
    }
  });

  test("a database user who may not create a schema migrates without workers", async (place) => {
    await prepareMany(place, 550);
    const url = new URL(place.env["FEEDCTL_DATABASE_URL"]!);
    const user = `limited_${process.pid}`;
    for (const statement of [
      `create role ${user} login`,
      `grant usage on schema feedctl to ${user}`,
      `grant all on all tables in schema feedctl to ${user}`,
    ])
      await place.rows(statement);
    url.username = user;
    const env = { ...place.env, FEEDCTL_DATABASE_URL: url.href };
    const command = ["migrate", "run", "web", "--to", "disk", "--path", place.path("second"), "--json"];
    const { code, stderr, events } = await place.feedctl(command, { env });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^workers cannot help: the catalog refused: permission denied/m);
    assert.partialDeepStrictEqual(events().at(-1), { outcome: "switched", copied: 550 });
    const worker = await place.feedctl(["worker", "--once"], { env });
    assert.equal(worker.code, 6);
    assert.match(worker.stderr, /^error: the catalog refused: permission denied/m);
    await place.rows(`drop owned by ${user}`);
    await place.rows(`drop role ${user}`);
  });

  test("with --once a worker ends when there is nothing to do", async (place) => {
    await place.run("init");
    const { code, events } = await place.feedctl(["worker", "--once", "--json"]);
    assert.equal(code, 0);
    assert.partialDeepStrictEqual(events().at(-1), { type: "summary", ranges: 0 });
  });
});

onDatabases("workers", ["embedded"], (database) => {
  database.test("need PostgreSQL", async (_t, place) => {
    await place.run("init");
    const { stderr } = await place.exits(2, "worker", "--once");
    assert.match(stderr, /^error: workers need a catalog on PostgreSQL/m);
    assert.match(stderr, /^hint: set FEEDCTL_DATABASE_URL/m);
  });
});
