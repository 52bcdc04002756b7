// Failures in the middle of a migration: each time the feed stays usable in its store, the message says why, and the same
// command finishes the migration.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  describeMigrations,
  dump,
  filesBelow,
  keysIn,
  type MigrationPlace,
  prepare,
  sound,
} from "../../support/migrations.ts";
import { fillFeed } from "../../support/many-files.ts";
import { writePackages } from "../../support/package-set.ts";
import { startPostgres } from "../../support/postgres.ts";
import { s3Problem, startS3Proxy } from "../../support/s3-proxy.ts";
import { startSlowProxy } from "../../support/slow-proxy.ts";
import { until } from "../../support/wait.ts";

/** A bucket that gives this answer to every request from its `after`th upload on. */
async function failingS3(place: MigrationPlace, after: number, problem: ReturnType<typeof s3Problem>) {
  const proxy = await startS3Proxy(place.s3.endpoint);
  let puts = 0;
  proxy.intercept = ({ method }) => {
    if (method === "PUT") puts++;
    return puts > after ? problem : undefined;
  };
  return proxy;
}

// Most of the time these tests wait for a store that does not answer.
describeMigrations("failures in the middle of a migration", { concurrency: 6 }, (test, database) => {
  for (const [what, problem, code, message] of [
    ["the credentials are withdrawn", s3Problem(403, "AccessDenied"), 6, /^error: .*(denied|refused)/m],
    [
      "the store says that it is not available",
      s3Problem(503, "ServiceUnavailable"),
      7,
      /^error: .*cannot serve the request now/m,
    ],
  ] as const) {
    test(`${what}: status ${code}, and the same command finishes`, async (place) => {
      await prepare(place, 60);
      const rows = await dump(place);
      const proxy = await failingS3(place, 40, problem);
      try {
        const command = ["migrate", "run", "web", "--to", ...place.toS3({ endpoint: proxy.endpoint })];
        const broken = await place.any(...command);
        assert.equal(broken.code, code, broken.stdout + broken.stderr);
        assert.match(broken.stderr, message);
        // the marker of the store and its probes are among the 40 requests
        assert.ok((await keysIn(place)).length >= 15);
        assert.partialDeepStrictEqual((await place.run("store", "show", "web", "--json")).json(), { type: "disk" });
        await place.run("import", "web", ...writePackages(place.path("more"), 1, { prefix: "still" }));
        await sound(place, 61);
        proxy.intercept = undefined;
        const again = (await place.run(...command, "--json")).events().at(-1);
        assert.partialDeepStrictEqual(again, { outcome: "switched", failed: 0 });
        assert.deepEqual((await dump(place)).slice(0, 60), rows);
        await sound(place, 61);
      } finally {
        await proxy.stop();
      }
    });
  }

  test("an outage of the target: status 7, and copies made before it are not copied again", async (place) => {
    await prepare(place, 100);
    const proxy = await startSlowProxy(place.s3.endpoint, 20);
    try {
      const command = ["migrate", "run", "web", "--to", ...place.toS3({ endpoint: proxy.endpoint }), "--json"];
      const running = await place.start([...command, "--verbose"]);
      await running.shows('"copied"');
      proxy.down = true;
      const { code, stderr } = await running.finished;
      assert.equal(code, 7, stderr);
      assert.match(stderr, /"code":"unavailable","message":".*the connection to \S+ failed/);
      await sound(place, 100);
      proxy.down = false;
      const again = (await place.run(...command)).events().at(-1)!;
      assert.equal(again["outcome"], "switched");
      assert.ok(Number(again["copied"]) < 100, "what was copied is not copied again");
      await sound(place, 100);
    } finally {
      await proxy.stop();
    }
  });

  test("an outage of the target of some seconds is waited out", async (place) => {
    await prepare(place, 100);
    const proxy = await startSlowProxy(place.s3.endpoint, 20);
    try {
      const to = place.toS3({ endpoint: proxy.endpoint });
      const running = await place.start(["migrate", "run", "web", "--to", ...to, "--json", "--verbose"]);
      await running.shows('"copied"');
      proxy.down = true;
      await running.shows("retrying in");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      proxy.down = false;
      const { code, stderr, events } = await running.finished;
      assert.equal(code, 0, stderr);
      const summary = events().at(-1)!;
      assert.partialDeepStrictEqual(summary, { outcome: "switched", failed: 0 });
      // a blob whose response was lost is found in the target
      assert.equal(Number(summary["copied"]) + Number(summary["verified"]), 100);
      await sound(place, 100);
    } finally {
      await proxy.stop();
    }
  });

  test("a full target disk: status 7, no partial blob, and with more space it continues", async (place, t) => {
    await prepare(place, 60);
    const disk = place.path("disk");
    mkdirSync(disk);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=160k,nr_inodes=1000", "tmpfs", disk]).status !== 0)
      return t.skip("no small disk: a tmpfs cannot be mounted by this user");
    try {
      const command = ["migrate", "run", "web", "--to", "disk", "--path", `${disk}/store`];
      const full = await place.exits(7, ...command);
      assert.match(full.stderr, /error: cannot write .*: no space is left on the disk\nhint: free space/);
      assert.ok(filesBelow(`${disk}/store`).length > 0);
      await sound(place, 60);
      assert.equal(spawnSync("mount", ["-o", "remount,size=10m", disk]).status, 0);
      const again = (await place.run(...command, "--json")).events().at(-1);
      assert.partialDeepStrictEqual(again, { outcome: "switched", failed: 0 });
      await sound(place, 60);
    } finally {
      spawnSync("umount", [disk]);
    }
  });

  test("a catalog that is restarted: status 7 soon, and the same command finishes", async (other, t) => {
    await using server = await startPostgres({ own: true });
    if (server?.stopDuring === undefined) return t.skip("the PostgreSQL here is not ours to restart");
    const secrets = { TEST_ACCESS_KEY: other.s3.accessKey, TEST_SECRET_KEY: other.s3.secretKey };
    await using place = await database.install({ ...secrets, FEEDCTL_DATABASE_URL: await server.createDatabase() });
    assert.ok(place !== undefined);
    // enough blobs that the first pass is shared and the job queue is used
    await prepare(place, 0);
    await fillFeed(place.env["FEEDCTL_DATABASE_URL"]!, "web", place.path("first"), 1100);
    const proxy = await startSlowProxy(other.s3.endpoint, 40);
    try {
      const command = ["migrate", "run", "web", "--to", ...other.toS3({ endpoint: proxy.endpoint }), "--json"];
      const running = await place.start([...command, "--verbose"], { env: { ...place.env, FEEDCTL_CONCURRENCY: "1" } });
      await running.shows('"ranges"');
      const worker = await place.start(["worker", "--json"]);
      await until("both are at work", async () => (await keysIn(other)).length > 20);
      await server.stopDuring(() => sleep(300));
      const { code, stderr } = await running.finished;
      assert.ok((await keysIn(other)).length < 1100, "it notices that it lost its lock before all is copied");
      assert.equal(code, 7, stderr);
      assert.match(stderr, /"code":"unavailable","message":"[^"]*catalog/);
      // a worker holds no lock: it continues
      worker.child.kill("SIGTERM");
      const helped = await worker.finished;
      assert.equal(helped.code, 0, helped.stderr);
      proxy.delay = 0;
      await sound(place, 1100);
      const again = (await place.run(...command)).events().at(-1);
      assert.partialDeepStrictEqual(again, { outcome: "switched", failed: 0 });
      await sound(place, 1100);
    } finally {
      await proxy.stop();
    }
  });

  test("imports and deletions that never pause: all imports are in the new store, and no deleted package is", async (place) => {
    await prepare(place, 250);
    const running = await place.start(["migrate", "run", "web", "--to", ...place.toS3(), "--json"]);
    const ended = running.finished.then(() => true);
    const over = async () => (await Promise.race([ended, Promise.resolve(false)])) || running.child.exitCode !== null;
    let imported = 0;
    let deleted = 0;
    const importing = async (prefix: string) => {
      while (!(await over()) && imported < 2000) {
        const files = writePackages(place.path(prefix), 1, { prefix, version: `1.${imported}.0`, seed: imported++ });
        await place.run("import", "web", ...files);
      }
    };
    const deleting = async () => {
      while (!(await over()) && deleted < 200)
        await place.run("package", "delete", "web", `pack-${String(deleted++).padStart(3, "0")}@1.0.0`, "--yes");
    };
    await Promise.all([importing("one"), importing("two"), deleting()]);
    const { code, stderr, events } = await running.finished;
    assert.equal(code, 0, stderr);
    assert.equal(events().at(-1)?.["outcome"], "switched");
    assert.ok(imported > 1 && deleted > 1, `only ${imported} imports and ${deleted} deletions`);
    await sound(place, 250 + imported - deleted);
  });

  test("a file in the store whose name is no key fails the migration by name, until it is gone", async (place) => {
    await prepare(place, 2);
    const store = (await place.run("store", "show", "web", "--json")).json() as { location: string };
    const odd = join(store.location.replace(/^disk /, ""), "Icon\r");
    writeFileSync(odd, "x");
    const command = ["migrate", "run", "web", "--to", ...place.toS3()];
    const dry = await place.any(...command, "--dry-run", "--json");
    assert.partialDeepStrictEqual(dry.events().at(-1), { copied: 2, failed: 1 });
    const failed = await place.exits(3, ...command, "--json");
    assert.partialDeepStrictEqual(
      failed.events().find((event) => event["outcome"] === "failed"),
      { key: "Icon\r" },
    );
    rmSync(odd);
    assert.partialDeepStrictEqual((await place.run(...command, "--json")).events().at(-1), { outcome: "switched" });
    await sound(place, 2);
  });
});
