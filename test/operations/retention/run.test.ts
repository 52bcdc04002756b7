import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Catalog } from "../../../src/catalog/connection/catalog.ts";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import { isFeedctlError } from "../../../src/errors.ts";
import type { Context } from "../../../src/operations/context.ts";
import { planRetention } from "../../../src/operations/retention/plan.ts";
import type { FeedOutcome, RetentionEvent } from "../../../src/operations/retention/outcome.ts";
import { runRetention } from "../../../src/operations/retention/run.ts";
import { openStore } from "../../../src/stores/providers.ts";
import { expectExit, type Installation, onDatabases } from "../../support/databases.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { startS3 } from "../../support/s3-server.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { duration, killAfter, killPoints } from "../../support/kill.ts";
import { until } from "../../support/wait.ts";
import { isBlobName } from "../../support/store-files.ts";
import { holdLock } from "../../support/hold-lock.ts";

/** Imports versions 1.0.0 to 1.N.0 of each package into feed `web`, whose store is `store`. */
async function prepare(place: Installation, versions: number, names = ["left", "right"]): Promise<void> {
  mkdirSync(place.path("in"));
  for (const name of names)
    for (let minor = 0; minor < versions; minor++)
      writeFileSync(
        place.path("in", `${name.replace("/", "-")}-${minor}.tgz`),
        npmTarball({ name, version: `1.${minor}.0` }),
      );
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("store"));
  await place.run("import", "web", place.path("in"), "--quiet");
}

const blobs = (place: Installation, store = "store") =>
  readdirSync(place.path(store), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".tgz"))
    .map((entry) => entry.name)
    .toSorted();

async function listed(place: Installation): Promise<string[]> {
  const rows = (await place.run("package", "list", "web", "--json")).json() as { name: string; version: string }[];
  return rows.map(({ name, version }) => `${name}-${version}.tgz`).toSorted();
}

const summaryOf = (events: Record<string, unknown>[]) => events.at(-1) as unknown as FeedOutcome & { dryRun: boolean };
const query = async (place: Installation, text: string) => {
  const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};

/** A context for operations that run in this process, so that a test can act between their steps. */
function contextOf(place: Installation, catalog: Catalog): Context {
  const context: Partial<Context> = {
    catalog: async () => catalog,
    signal: new AbortController().signal,
    now: () => new Date(),
    clockAhead: async () => 0,
    monotonic: () => performance.now(),
    actor: "test",
    host: "test",
    pid: 1,
    lockWait: 0,
    dataDir: place.data,
    platform: "linux",
    env: () => undefined,
    concurrency: 2,
    configuredSettings: new Map(),
    notice: () => {},
    openStore,
  };
  return context as Context;
}

/** Resolves when another connection waits for a row lock. */
async function waitUntilBlocked(place: Installation): Promise<void> {
  const waiting = "select count(*)::int as waiting from pg_locks where not granted";
  await until("a connection waits", async () => (await query(place, waiting))[0]?.["waiting"] !== 0);
}

onDatabases("retention run", ["PostgreSQL"], (database) => {
  database.test(
    "deletes what the plan selects, rows and blobs, with one audit event per version",
    async (_t, place) => {
      await prepare(place, 5);
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "3", "--name", "newest");
      // a blob that is already missing frees nothing: the reported bytes are measured
      const there = blobs(place).filter((name) => name === "left-1.0.0.tgz" || /^right-1\.[01]\.0/.test(name));
      assert.equal(there.length, 3);
      const size = (name: string) => statSync(place.path("store", name.replace(/-1\..*/, ""), "-", name)).size;
      const measured = there.reduce((sum, name) => sum + size(name), 0);
      rmSync(place.path("store", "left", "-", "left-1.1.0.tgz"));
      const plan = (await place.run("retention", "plan", "web", "--json")).json() as {
        delete: { name: string; version: string; bytes: number }[];
        totals: { versions: number; bytes: number };
      };
      assert.equal(plan.totals.versions, 4);
      assert.equal(
        plan.totals.bytes,
        plan.delete.reduce((sum, { bytes }) => sum + bytes, 0),
      );

      const events = (await place.run("retention", "run", "web", "--yes", "--json")).events();
      assert.deepEqual(
        events
          .filter(({ type }) => type === "version")
          .map(({ name, version }) => `${String(name)}@${String(version)}`),
        plan.delete.map(({ name, version }) => `${name}@${version}`),
      );
      const { deleted, blobs: gone, bytes, left, waiting } = summaryOf(events);
      assert.deepEqual(
        { deleted, gone, bytes, left, waiting },
        { deleted: 4, gone: 3, bytes: measured, left: 0, waiting: 0 },
      );
      assert.deepEqual(await listed(place), blobs(place));
      const audit = await query(
        place,
        "select a.object, a.detail, r.command from feedctl.audit_events a join feedctl.runs r on r.id = a.run_id where action = 'purged' order by a.id",
      );
      assert.deepEqual(
        audit.map(({ object, command }) => `${String(object)} ${String(command)}`),
        plan.delete.map(({ name, version }) => `${name}@${version} retention run`),
      );
      assert.partialDeepStrictEqual(audit[0]?.["detail"], {
        rule: 1,
        ruleName: "newest",
        files: ["left/-/left-1.0.0.tgz"],
      });
      await place.run("verify", "web");
      const again = summaryOf((await place.run("retention", "run", "web", "--yes", "--json")).events());
      assert.equal(again.planned + again.deleted + again.blobs, 0);
    },
  );

  database.test("leaves versions that changed since they were planned", async (_t, place) => {
    await prepare(place, 4, ["left"]);
    await place.run("retention", "rule", "add", "web", "--delete-versions", "*");
    await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"] ?? "");
    const context = contextOf(place, catalog);
    const events: RetentionEvent[] = [];
    const asked: string[] = [];
    for await (const event of runRetention(context, {
      feeds: ["web"],
      async approve(_plan, what) {
        asked.push(what);
        await query(place, "update feedctl.versions set downloads = downloads + 1 where version = '1.0.0'");
        await query(
          place,
          "insert into feedctl.protections (feed_id, package, version, created_at, created_by) values (1, 'LEFT', '1.1.*', now(), 'test')",
        );
        await query(place, "update feedctl.files set size = size + 1 where key like '%1.2.0%'");
      },
    }))
      events.push(event);
    assert.match(asked[0] ?? "", /^delete 4 versions \(.*\) of feed web$/);
    const actions = events.flatMap((event) => (event.type === "version" ? [`${event.version} ${event.action}`] : []));
    assert.deepEqual(actions, ["1.0.0 left", "1.1.0 left", "1.2.0 left", "1.3.0 deleted"]);
    assert.deepEqual(blobs(place), ["left-1.0.0.tgz", "left-1.1.0.tgz", "left-1.2.0.tgz"]);
    assert.deepEqual(await query(place, "select * from feedctl.retention_items"), []);
  });

  database.test("a planned version that is imported again before its deletion stays", async (_t, place) => {
    await prepare(place, 3, ["left"]);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"] ?? "");
    const actions: string[] = [];
    for await (const event of runRetention(contextOf(place, catalog), {
      feeds: ["web"],
      async approve() {
        const { stdout } = await place.run("import", "web", place.path("in", "left-0.tgz"));
        assert.match(stdout, /1 already there/);
      },
    }))
      if (event.type === "version") actions.push(`${event.version} ${event.action}`);
    assert.deepEqual(actions, ["1.0.0 left", "1.1.0 deleted"]);
    assert.deepEqual(blobs(place), ["left-1.0.0.tgz", "left-1.2.0.tgz"]);
  });

  database.test("an import does not report a package as existing while a run deletes it", async (_t, place) => {
    await prepare(place, 2, ["left"]);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    await place.run("retention", "run", "web", "--yes", "--quarantine", "7");
    const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
    await client.connect();
    try {
      await client.query("begin");
      await client.query("select from feedctl.feeds where id = 1 for no key update"); // as a batch of deletions does
      await client.query("delete from feedctl.versions where quarantined_at is not null");
      const late = place.exits(3, "import", "web", place.path("in", "left-0.tgz"));
      await waitUntilBlocked(place);
      await client.query("commit");
      assert.match((await late).stdout, /FAILED.*it was deleted meanwhile; import it again/);
    } finally {
      await client.end();
    }
    assert.match((await place.run("import", "web", place.path("in", "left-0.tgz"))).stdout, /imported 1 file/);
    assert.deepEqual(await listed(place), ["left-1.0.0.tgz", "left-1.1.0.tgz"]);
  });

  database.test(
    "a catalog that becomes unreachable is reported as unavailable, whatever the run waits for",
    async (_t, place) => {
      await prepare(place, 3, ["left"]);
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
      const cut = () =>
        query(
          place,
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
      const unavailable = (error: unknown) => isFeedctlError(error, "unavailable");
      const url = place.env["FEEDCTL_DATABASE_URL"] ?? "";
      {
        await using catalog = await openPostgres(url);
        const approve = async () => void (await cut());
        const events = runRetention(contextOf(place, catalog), { feeds: ["web"], approve });
        await assert.rejects(Array.fromAsync(events), unavailable);
      }
      {
        await using catalog = await openPostgres(url);
        await assert.rejects(async () => {
          await using plan = await planRetention(contextOf(place, catalog), "web");
          await cut();
          await sleep(100);
          await Array.fromAsync(plan.versions());
        }, unavailable);
      }
      assert.equal(blobs(place).length, 3);
      assert.partialDeepStrictEqual(
        summaryOf((await place.run("retention", "run", "web", "--yes", "--json")).events()),
        { deleted: 2, blobs: 2 },
      );
    },
  );

  database.test("refuses to delete nearly all of a feed unless --max-delete allows it", async (_t, place) => {
    await prepare(place, 51);
    await place.run("retention", "rule", "add", "web", "--delete-package-ids", "*", "--keep-versions", "1.50.0");
    const { stderr } = await place.exits(8, "retention", "run", "web", "--yes", "--max-delete", "99");
    assert.match(stderr, /--max-delete allows 99/);
    // 100 of 102 is less than 99 %
    const dry = await place.run("retention", "run", "web", "--dry-run", "--quiet");
    assert.equal(dry.stderr, "");
    await place.run("retention", "rule", "set", "web", "1", "--keep-versions=");
    for (const option of [[], ["--quarantine", "7"]]) {
      const refused = await place.exits(8, "retention", "run", "web", "--yes", ...option);
      assert.match(
        refused.stderr,
        /would delete 102 versions of 102, which is more than 99%\nhint: .*--max-delete 100%/,
      );
    }
    assert.match((await place.run("retention", "run", "web", "--dry-run")).stderr, /a run would be refused: the rules/);
    assert.match(
      (await place.run("retention", "run", "web", "--dry-run", "--max-delete", "5")).stderr,
      /a run would be refused: .*--max-delete allows 5/,
    );
    assert.equal(blobs(place).length, 102);
    await place.run("retention", "run", "web", "--yes", "--max-delete", "100%");
    assert.deepEqual(blobs(place), []);
  });

  database.test("refuses a plan that deletes more than --max-delete, before the first deletion", async (_t, place) => {
    await prepare(place, 5);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    for (const most of ["7", "79%", "0", "0%"]) {
      const { stderr } = await place.exits(8, "retention", "run", "web", "--yes", "--max-delete", most);
      assert.match(stderr, /would delete 8 versions/);
    }
    assert.equal(blobs(place).length, 10);
    await place.exits(2, "retention", "run", "web", "--yes", "--max-delete", "101%");
    await place.exits(2, "retention", "run", "web", "--yes", "--max-delete", "some");
    await place.exits(8, "retention", "run", "web");
    assert.equal(blobs(place).length, 10);
    await place.run("retention", "run", "web", "--yes", "--max-delete", "80%");
    assert.equal(blobs(place).length, 2);
  });

  database.test(
    "one at a time: a second run of a feed exits with 75, and runs of other feeds still finish",
    async (_t, place) => {
      await prepare(place, 2, ["left"]);
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
      await place.run("feed", "create", "other", "--type", "npm");
      await place.run("feed", "create", "files", "--type", "asset");
      {
        await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "retention", id: 1 });
        assert.match(
          (await place.exits(75, "retention", "run", "web", "--yes")).stderr,
          /running for feed "web" already/,
        );
        const all = await place.exits(75, "retention", "run", "--all", "--yes", "--json");
        assert.partialDeepStrictEqual(all.events(), [
          { type: "feed", feed: "files", feedType: "asset", outcome: "done" },
          { type: "feed", feed: "other", outcome: "done" },
          { type: "feed-failed", feed: "web", code: "locked" },
          { type: "summary", feeds: 3, failed: 1 },
        ]);
        // a feed without rules costs nothing, not even a run
        assert.deepEqual(
          await query(place, "select from feedctl.runs where command = 'retention run' and feed_id <> 1"),
          [],
        );
        await place.run("retention", "run", "web", "--dry-run");
        await place.exits(3, "retention", "run", "nowhere", "other", "--yes");
        await place.exits(4, "retention", "run", "nowhere", "--yes");
        await place.exits(2, "retention", "run", "--all", "web", "--yes");
        await place.run("retention", "run", "--feed", "other", "--yes");
      }
      await place.run("retention", "run", "web", "--yes");
      assert.equal(blobs(place).length, 1);
    },
  );

  database.test("--max-duration leaves the rest to the next run, reports it and exits with 0", async (_t, place) => {
    await prepare(place, 5);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    const events = (await place.run("retention", "run", "web", "--yes", "--json", "--max-duration", "1ms")).events();
    assert.partialDeepStrictEqual(events, [
      { type: "feed", outcome: "stopped", planned: 8, deleted: 0 },
      { type: "summary", stopped: 1 },
    ]);
    await place.run("feed", "create", "later", "--type", "npm");
    const several = await place.run("retention", "run", "web", "later", "--yes", "--json", "--max-duration", "1ms");
    assert.partialDeepStrictEqual(several.events(), [
      { feed: "web", outcome: "stopped" },
      { feed: "later", outcome: "stopped" },
      { type: "summary", feeds: 2, stopped: 2, failed: 0 },
    ]);
    assert.match(
      (await place.run("retention", "run", "web", "--yes", "--quiet", "--max-duration", "1h")).stdout,
      /^web: deleted 8 versions, [^\n]* reclaimed\n$/,
    );
    assert.equal(blobs(place).length, 2);
  });

  database.test(
    "quarantine hides versions, deletes them later, and shows again what is restored, used or imported",
    async (_t, place) => {
      await prepare(place, 6, ["left"]);
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
      const hidden = summaryOf(
        (await place.run("retention", "run", "web", "--yes", "--json", "--quarantine", "7")).events(),
      );
      assert.partialDeepStrictEqual(hidden, { hidden: 5, deleted: 0, blobs: 0 });
      assert.equal(blobs(place).length, 6);
      assert.deepEqual(await listed(place), ["left-1.5.0.tgz"]);
      assert.match(
        (await place.exits(4, "package", "download", "web", "left@1.0.0")).stderr,
        /retention restore web left@1\.0\.0/,
      );
      await place.run("verify", "web");

      // the next run neither plans nor deletes them
      assert.partialDeepStrictEqual(
        summaryOf((await place.run("retention", "run", "web", "--yes", "--json")).events()),
        { planned: 0, freed: 0 },
      );
      await place.run("retention", "restore", "web", "left@1.0.0", "--protect");
      await query(
        place,
        "update feedctl.versions set last_used_at = now() + interval '1 minute' where version = '1.1.0'",
      );
      writeFileSync(
        place.path("in", "other.tgz"),
        npmTarball({ name: "left", version: "1.2.0", files: { "other.txt": "other" } }),
      );
      assert.match(
        (await place.exits(3, "import", "web", place.path("in", "other.tgz"))).stdout,
        /CONFLICT.*hidden by retention/,
      );
      assert.match((await place.run("import", "web", place.path("in", "left-2.tgz"))).stdout, /is shown again/);
      await place.run("package", "protect", "web", "left@1.3.0");
      assert.deepEqual(await listed(place), ["left-1.0.0.tgz", "left-1.2.0.tgz", "left-1.5.0.tgz"]);

      await query(
        place,
        "update feedctl.versions set quarantined_until = now() - interval '1 minute' where quarantined_at is not null",
      );
      const dry = summaryOf((await place.run("retention", "run", "web", "--dry-run", "--json")).events());
      assert.partialDeepStrictEqual(dry, { freed: 1, restored: 2 });
      const freed = (await place.run("retention", "run", "web", "--yes", "--json")).events();
      assert.partialDeepStrictEqual(summaryOf(freed), { freed: 1, restored: 2, deleted: 1, blobs: 2 });
      assert.partialDeepStrictEqual(freed.slice(0, 4), [
        { action: "restored", version: "1.1.0", reason: "used since it was hidden" },
        { action: "restored", version: "1.3.0", reason: "no rule selects it any more" },
        { action: "freed", version: "1.4.0", rule: 1 },
        { action: "deleted", version: "1.2.0", rule: 1 },
      ]);
      // 1.0.0 and 1.3.0 are protected, 1.1.0 was hidden when the plan was made
      assert.deepEqual(await listed(place), ["left-1.0.0.tgz", "left-1.1.0.tgz", "left-1.3.0.tgz", "left-1.5.0.tgz"]);
      assert.deepEqual(blobs(place), ["left-1.0.0.tgz", "left-1.1.0.tgz", "left-1.3.0.tgz", "left-1.5.0.tgz"]);
      const audit = await query(
        place,
        "select action, count(*)::int as count from feedctl.audit_events where action in ('quarantined', 'purged', 'restored') group by 1 order by 1",
      );
      assert.deepEqual(audit, [
        { action: "purged", count: 2 },
        { action: "quarantined", count: 5 },
        { action: "restored", count: 4 },
      ]);
    },
  );

  database.test("hidden versions are judged again before they are deleted", async (_t, place) => {
    await prepare(place, 2);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    const hide = () => place.run("retention", "run", "web", "--yes", "--quarantine", "7");
    const expire = () => query(place, "update feedctl.versions set quarantined_until = now() - interval '1 minute'");
    await hide();
    await place.run("package", "delete", "web", "left@1.1.0", "--yes");
    await expire();
    // left 1.0.0 is the newest now
    assert.match(
      (await place.exits(8, "retention", "run", "web", "--yes", "--max-delete", "0")).stderr,
      /would delete 1 version,/,
    );
    const events = (await place.run("retention", "run", "web", "--yes", "--json")).events();
    assert.partialDeepStrictEqual(events, [
      { action: "restored", name: "left", version: "1.0.0", rule: null },
      { action: "freed", name: "right", version: "1.0.0", rule: 1 },
    ]);
    assert.partialDeepStrictEqual(summaryOf(events), { restored: 1, freed: 1, blobs: 1 });
    await place.run("import", "web", place.path("in"), "--quiet");
    await hide();
    await place.run("retention", "rule", "remove", "web", "1");
    await expire();
    assert.match((await place.run("retention", "run", "web", "--dry-run")).stdout, /, and show 2 again/);
    assert.match((await place.run("retention", "run", "web", "--yes")).stdout, /deleted 0 versions, showed 2 again/);
    assert.equal((await listed(place)).length, 4);
  });

  database.test(
    "a run ends before its next batch when retention is switched off or its rules change",
    async (t, place) => {
      await prepare(place, 3, ["left"]);
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
      const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
      await client.connect();
      t.after(() => client.end());
      const stops = [
        ["retention is off for feed web", "update feedctl.feeds set retention_rules_enabled = "],
        ["the rules of feed web were changed", "update feedctl.retention_rules set enabled = "],
      ] as const;
      for (const [why, update] of stops) {
        await client.query("begin");
        await client.query("select from feedctl.feeds where id = 1 for no key update");
        const halted = place.exits(8, "retention", "run", "web", "--yes");
        await waitUntilBlocked(place);
        await client.query(`${update} false`);
        await client.query("commit");
        const { stderr, stdout } = await halted;
        assert.ok(stderr.includes(`${why}: the run ends, and 2 versions of its plan are left`), stderr);
        assert.match(stdout, /deleted 0 versions, left 2, .*ended before its plan was done/);
        await client.query(`${update} true`);
      }
      assert.equal(blobs(place).length, 3);

      await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"] ?? "");
      const context = contextOf(place, catalog);
      const approve = async () => void (await place.run("settings", "set", "FeedRetentionDryRun", "true"));
      const events = await Array.fromAsync(runRetention(context, { feeds: ["web"], approve }));
      assert.partialDeepStrictEqual(events[0], { outcome: "halted", deleted: 0, left: 2 });
      await place.run("settings", "reset", "FeedRetentionDryRun");
    },
  );

  database.test("a version stays when the newer one that the plan keeps is deleted meanwhile", async (_t, place) => {
    await prepare(place, 3);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
    await client.connect();
    try {
      await client.query("begin");
      await client.query("select from feedctl.feeds where id = 1 for no key update");
      const late = place.exits(3, "retention", "run", "web", "--yes");
      await waitUntilBlocked(place);
      await client.query(
        "delete from feedctl.versions v using feedctl.packages p where p.id = v.package_id and p.name = 'left' and v.version = '1.2.0'",
      );
      await client.query("commit");
      assert.match(
        (await late).stdout,
        /^left +left 1\.0\.0: .*\nleft +left 1\.1\.0: .*\n.*deleted 2 versions, left 2 that/,
      );
    } finally {
      await client.end();
    }
    assert.deepEqual(await listed(place), ["left-1.0.0.tgz", "left-1.1.0.tgz", "right-1.2.0.tgz"]);
  });

  database.test("restore accepts patterns and skips versions that were deleted meanwhile", async (_t, place) => {
    await prepare(place, 4, ["left", "right", "@our/left"]);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    await place.run("retention", "run", "web", "--yes", "--quarantine", "7");
    const hidden = async () =>
      ((await place.run("retention", "quarantine", "web", "--json")).json() as { name: string; version: string }[]).map(
        ({ name, version }) => `${name}@${version}`,
      );
    assert.equal((await hidden()).length, 9);
    assert.match((await place.run("retention", "restore", "web", "LEFT@1.*")).stdout, /: 3 versions/);
    assert.equal((await hidden()).length, 6);
    await place.run("retention", "restore", "web", "*@1.0.0");
    assert.deepEqual(await hidden(), ["right@1.1.0", "right@1.2.0", "left@1.1.0", "left@1.2.0"]);

    // a run holds the row lock and deletes the version while restore waits
    const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
    await client.connect();
    try {
      await client.query("begin");
      await client.query("select * from feedctl.versions where version = '1.1.0' for update");
      await client.query("delete from feedctl.versions where version = '1.1.0' and quarantined_at is not null");
      const late = place.exits(4, "retention", "restore", "web", "right@1.1.0");
      await waitUntilBlocked(place);
      await client.query("commit");
      assert.match((await late).stderr, /has no hidden version right@1\.1\.0/);
    } finally {
      await client.end();
    }
    const audit = await query(
      place,
      "select object from feedctl.audit_events where action = 'restored' order by object",
    );
    assert.deepEqual(
      audit.map(({ object }) => object),
      ["left@1.0.0", "left@1.1.0", "left@1.2.0", "our/left@1.0.0", "right@1.0.0"],
    );
    await place.run("retention", "restore", "web", "*");
    assert.deepEqual(await hidden(), []);
  });

  database.test("with retention switched off nothing is deleted, not even hidden versions", async (_t, place) => {
    await prepare(place, 3, ["left"]);
    await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
    await place.run("feed", "set", "web", "--no-retention");
    const off = (await place.run("retention", "run", "web", "--yes", "--json")).events();
    assert.partialDeepStrictEqual(off, [{ type: "feed", outcome: "disabled", planned: 0 }, { type: "summary" }]);
    await place.run("feed", "set", "web", "--retention");
    await place.run("settings", "set", "FeedRetentionDryRun", "true");
    const dry = (await place.run("retention", "run", "web", "--yes", "--json")).events();
    assert.partialDeepStrictEqual(dry.at(-1), { dryRun: true, planned: 2, deleted: 0 });
    // set in the configuration file, in ProGet's spelling
    await place.run("settings", "reset", "FeedRetentionDryRun");
    writeFileSync(place.path("dry.json"), JSON.stringify({ settings: { FeedRetentionDryRun: "True" } }));
    const configured = await place.run(
      "retention",
      "run",
      "web",
      "--yes",
      "--json",
      "--config",
      place.path("dry.json"),
    );
    assert.partialDeepStrictEqual(configured.events().at(-1), { dryRun: true, planned: 2, deleted: 0 });
    assert.equal(blobs(place).length, 3);
  });

  database.test(
    "a blob that another row names stays; earlier stores and migration targets delete theirs later",
    async (_t, place) => {
      await prepare(place, 3, ["left"]);
      await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("second"));
      await place.run("migrate", "start", "web", "--to", "disk", "--path", place.path("third"));
      const stores = await query(place, "select id, role from feedctl.stores order by id");
      assert.deepEqual(
        stores.map(({ role }) => role),
        ["previous", "previous", "current", "target"].slice(-stores.length),
      );
      // the state after a run died with the rows deleted, and the version was imported again
      await query(
        place,
        "insert into feedctl.runs (command, actor, host, pid, state, started_at) values ('retention run', 'x', 'x', 1, 'failed', now())",
      );
      await query(
        place,
        `insert into feedctl.pending_deletes select s.id, 'left/-/left-1.2.0.tgz', (select max(id) from feedctl.runs), now() from feedctl.stores s where role = 'current'`,
      );
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1");
      await place.run("retention", "run", "web", "--yes");
      assert.deepEqual(blobs(place, "second"), ["left-1.2.0.tgz"]);
      const pending = await query(
        place,
        "select s.role, count(*)::int as count from feedctl.pending_deletes d join feedctl.stores s on s.id = d.store_id group by 1 order by 1",
      );
      assert.deepEqual(pending, [
        { role: "previous", count: 2 },
        { role: "target", count: 2 },
      ]);
      await place.run("migrate", "cutover", "web");
      assert.deepEqual(blobs(place, "third"), ["left-1.2.0.tgz"]);
      await place.run("verify", "web", "--read");
    },
  );

  database.test("deletes the blobs of a feed in S3, and reports the bytes that the bucket held", async (_t, place) => {
    const s3 = await startS3();
    try {
      const bucket = `retention-${process.pid}`;
      await s3.createBucket(bucket);
      await prepare(place, 4, ["left"]);
      const keys = ["--access-key", s3.accessKey, "--secret-key", s3.secretKey];
      const at = ["--bucket", bucket, "--endpoint", s3.endpoint, "--path-style", "--region", s3.region];
      await place.run("migrate", "run", "web", "--to", "s3", "--target-path", "feeds/web", ...at, ...keys);
      const listing = async () =>
        ((await s3.client.listObjectsV2({ Bucket: bucket })).Contents ?? []).filter(({ Key = "" }) => isBlobName(Key));
      const before = await listing();
      await place.run("retention", "rule", "add", "web", "--versions-range", "<1.3.0");
      const run = summaryOf((await place.run("retention", "run", "web", "--yes", "--json")).events());
      const after = await listing();
      assert.deepEqual(
        after.map(({ Key }) => Key),
        ["feeds/web/left/-/left-1.3.0.tgz"],
      );
      const held = (objects: typeof before) => objects.reduce((sum, { Size = 0 }) => sum + Size, 0);
      assert.deepEqual([run.blobs, run.bytes], [3, held(before) - held(after)]);
      await place.run("verify", "web");
    } finally {
      await s3.stop();
    }
  });

  database.test(
    "killed at any moment, the next run finishes: rows and blobs agree, and only planned versions are deleted",
    async (t, place) => {
      await prepare(place, 330);
      await place.run("retention", "rule", "add", "web", "--keep-versions-count", "20");
      let killed = 0;
      // a real run continues where a dry run ends
      const dry = await duration(place, ["retention", "run", "web", "--dry-run", "--quiet"]);
      for (const point of killPoints(attempts(4), 0.7, 1.3, firstSeed(6))) {
        const run = await killAfter(place, dry * point, ["retention", "run", "web", "--yes", "--quiet"]);
        killed += run.killed ? 1 : 0;
      }
      const last = await place.feedctl(["retention", "run", "web", "--yes", "--json"]);
      expectExit(0, ["retention run"], last);
      t.diagnostic(`${killed} runs were killed; the last one deleted ${summaryOf(last.events()).deleted}`);
      assert.ok(killed > 0, "no run was killed");
      const kept = ["left", "right"].flatMap((name) =>
        Array.from({ length: 20 }, (_, index) => `${name}-1.${310 + index}.0.tgz`),
      );
      assert.deepEqual(await listed(place), kept.toSorted());
      assert.deepEqual(blobs(place), kept.toSorted());
      assert.deepEqual(
        await query(
          place,
          "select (select count(*) from feedctl.pending_deletes)::int as deletes, (select count(*) from feedctl.retention_items)::int as items",
        ),
        [{ deletes: 0, items: 0 }],
      );
      const audit = await query(
        place,
        "select count(*)::int as events, count(distinct object)::int as objects from feedctl.audit_events where action = 'purged'",
      );
      assert.deepEqual(audit, [{ events: 620, objects: 620 }]);
      assert.ok(existsSync(join(place.directory, "store")));
      await place.run("verify", "web");
    },
  );
});
