import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { dropFolder, makeDrop, scan, scanned } from "../../support/drops.ts";
import { binary, isolation } from "../../support/feedctl.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { writePackages } from "../../support/package-set.ts";
import { startPostgres } from "../../support/postgres.ts";
import { temporaryFolder } from "../../support/temporary-disk.ts";
import { PATIENCE, until } from "../../support/wait.ts";
import { holdLock } from "../../support/hold-lock.ts";

const verified = async (place: Installation) => (await place.run("verify", "web", "--read", "--json")).summary();

onDatabases("drop paths with problems", ["PostgreSQL"], (database) => {
  database.test(
    "while one scan is running another skips the feed, or fails with 75 when it is named",
    async (_t, place) => {
      const drop = await makeDrop(place, "web");
      const other = await makeDrop(place, "other");
      for (const each of [drop, other]) each.npm({ name: "it", version: "1.0.0" });
      {
        await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "drop", id: 1 });
        const { counts, feeds } = await scan(place, 0);
        assert.deepEqual(counts, { imported: 1 });
        assert.match(String(feeds.find(({ feed }) => feed === "web")?.["skipped"]), /another scan .* is running/);
        assert.match((await place.run("drop", "scan")).stderr, /skipped feed web: another scan/);
        assert.match((await place.exits(75, "drop", "scan", "--feed", "web")).stderr, /another scan/);
        assert.deepEqual(drop.all(), ["it-1.0.0.tgz"]);
      }
      {
        // as a migration that is switching the feed's store
        await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "write", id: 1 });
        const frozen = await place.feedctl(["drop", "scan", "--json"], { env: { FEEDCTL_LOCK_WAIT: "0" } });
        assert.equal(frozen.code, 0, frozen.stderr);
        const web = frozen.events().find(({ type, feed }) => type === "feed" && feed === "web");
        assert.match(String(web?.["skipped"]), /is frozen/);
        assert.deepEqual(drop.all(), ["it-1.0.0.tgz"]);
      }
      assert.deepEqual((await scan(place, 0, "--feed", "web")).counts, { imported: 1 });
    },
  );

  database.test("two scans and a moving import at once import each file once, and none fails", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    writePackages(drop.path, 120);
    const all = await Promise.all([
      place.feedctl(["drop", "scan", "--settle", "0s", "--json"]),
      place.feedctl(["drop", "scan", "--settle", "0s", "--json"]),
      place.feedctl(["import", "web", drop.path, "--move", "--json"]),
    ]);
    const [first, second] = all.map((result) => scanned(result.events(), result.stderr).counts);
    assert.deepEqual([all[0].code, all[1].code], [0, 0], JSON.stringify([first, second]));
    const imported = all.map((result) => Number(result.events().at(-1)?.["imported"]));
    assert.equal(
      imported.reduce((sum, count) => sum + count, 0),
      120,
      JSON.stringify(imported),
    );
    assert.deepEqual(await place.rows("select path from feedctl.drop_files"), []);
    assert.deepEqual(drop.all(), []);
    assert.partialDeepStrictEqual(await verified(place), { match: 120, missingRow: 0, missingBlob: 0 });
  });

  database.test(
    "a share that becomes unreachable half-way is reported, loses no files, and recovers",
    async (t, place) => {
      const drop = await makeDrop(place, "web");
      writePackages(drop.path, 800, { size: 2_000 });
      const running = await place.start(["drop", "scan", "--settle", "0s", "--json"]);
      await running.shows('"imported"');
      renameSync(drop.path, `${drop.path}.away`);
      const result = await running.finished;
      const { counts, feeds } = scanned(result.events());
      t.diagnostic(JSON.stringify(counts));
      assert.equal(result.code, 3, result.stderr);
      assert.match(String(feeds[0]?.["problem"]), /drop path .*web does not exist/);
      assert.equal(counts["failed"], undefined, "a missing file is not a failed one");
      assert.ok((counts["imported"] ?? 0) < 800);
      renameSync(`${drop.path}.away`, drop.path);
      const rest = await scan(place, 0, "--settle", "0s");
      assert.equal(
        Object.keys(rest.counts).every((key) => key === "imported" || key === "existing"),
        true,
      );
      assert.deepEqual(drop.all(), []);
      assert.partialDeepStrictEqual(await verified(place), { match: 800, missingRow: 0 });
    },
  );

  database.test("files that are deleted or replaced while they are read are not failures", async (t, place) => {
    const drop = await makeDrop(place, "web");
    const files = writePackages(drop.path, 600, { size: 2_000 });
    const running = await place.start(["drop", "scan", "--settle", "0s", "--json"]);
    let next = files.length;
    running.child.stdout?.on("data", () => {
      for (let i = 0; i < 4 && next > 2; i++) if (existsSync(files[--next]!)) unlinkSync(files[next]!);
      if (next > 2 && existsSync(files[--next]!))
        writeFileSync(files[next]!, npmTarball({ name: `n${next}`, version: "1.0.0" }));
    });
    const result = await running.finished;
    const { counts, files: reported } = scanned(result.events());
    t.diagnostic(JSON.stringify(counts));
    assert.equal(
      result.code,
      0,
      `${result.stderr}${reported.filter((line) => !line.startsWith("imported")).join("\n")}`,
    );
    assert.ok((counts["imported"] ?? 0) < files.length);
    await scan(place, 0, "--settle", "0s");
    assert.deepEqual(drop.all(), []);
  });

  database.test(
    "watch imports what arrives, continues through an outage, and ends when interrupted",
    async (_t, place) => {
      const drop = await makeDrop(place, "web");
      drop.npm({ name: "first", version: "1.0.0" });
      const running = await place.start(["drop", "watch", "--interval", "60s", "--settle", "100ms"]);
      await running.shows("imported  first");
      await until("the first file is gone", () => drop.all().length === 0);
      await sleep(300); // the scan ends and the wait begins
      const elsewhere = dropFolder(place.path("elsewhere"));
      mkdirSync(join(drop.path, "deep"));
      renameSync(elsewhere.npm({ name: "second", version: "1.0.0" }), join(drop.path, "deep/second.tgz"));
      await running.shows("imported  second");
      await until("the second file is gone", () => !existsSync(join(drop.path, "deep")));
      // without a terminal, as under nohup, SIGHUP does not end it
      running.child.kill("SIGHUP");
      renameSync(elsewhere.npm({ name: "more", version: "1.0.0" }), join(drop.path, "more.tgz"));
      await running.shows("imported  more");
      running.child.kill("SIGTERM");
      assert.equal((await running.finished).code, 0);

      renameSync(drop.path, `${drop.path}.away`);
      const polling = await place.start(["drop", "watch", "--interval", "200ms", "--json"]);
      await polling.shows("does not exist");
      await sleep(500);
      renameSync(`${drop.path}.away`, drop.path);
      renameSync(elsewhere.npm({ name: "third", version: "1.0.0" }), join(drop.path, "third.tgz"));
      await polling.shows('"third"');
      await polling.shows('"summary"');
      polling.child.kill("SIGINT");
      const { code, events } = await polling.finished;
      assert.equal(code, 130);
      const problems = events().filter(({ problem }) => typeof problem === "string");
      assert.equal(problems.length, 1, "a lasting problem is reported once");
    },
  );
});

test("a file that could not be deleted is imported, reported once, and deleted when permitted", async (t) => {
  const { path, cleanup } = await temporaryFolder();
  t.after(cleanup);
  await using postgres = await startPostgres();
  const catalog = postgres && { FEEDCTL_DATABASE_URL: await postgres.createCatalog() };
  const drop = dropFolder(join(path, "drop"));
  mkdirSync(join(path, "data"));
  // root may delete everything, so another user has to run the command
  const nobody = 65_534;
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if ("uid" in user) for (const folder of [path, join(path, "data")]) chownSync(folder, nobody, nobody);
  const feedctl = (...args: string[]) =>
    promisify(execFile)(process.execPath, [binary, ...args], {
      ...user,
      env: { ...isolation(path), ...catalog },
      cwd: "/",
      timeout: PATIENCE,
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  const made = await feedctl("feed", "create", "web", "--type", "npm");
  if (/EACCES.*(bin|dist|src|node_modules)/.test(made.stderr)) return t.skip("another user cannot run this checkout");
  drop.npm({ name: "it", version: "1.0.0" }, "locked/it.tgz");
  drop.npm({ name: "free", version: "1.0.0" }, "open/free.tgz");
  drop.npm({ name: "secret", version: "1.0.0" }, "secret.tgz");
  for (const folder of [drop.path, join(drop.path, "open")]) chmodSync(folder, 0o777);
  chmodSync(join(drop.path, "secret.tgz"), 0o000);
  chmodSync(join(drop.path, "locked"), 0o555);
  assert.equal((await feedctl("drop", "set", "web", drop.path)).code, 0);
  const first = await feedctl("drop", "scan");
  assert.equal(first.code, 3, first.stderr);
  assert.match(first.stdout, /FAILED {4}it 1\.0\.0 -> web: the feed has it, but the file cannot be deleted: EACCES/);
  assert.match(first.stdout, /FAILED .*secret\.tgz -> web: .*(?:access|permission) denied/);
  assert.match(first.stdout, /imported 1 file .* 2 failed/);
  const status = await feedctl("drop", "status");
  assert.match(status.stdout, /problem: {4}locked\/it\.tgz: the feed has it, but the file cannot be deleted/);
  const second = await feedctl("drop", "scan");
  assert.deepEqual(
    [second.code, /2 waiting since earlier/.test(second.stdout)],
    [0, true],
    second.stdout + second.stderr,
  );

  chmodSync(join(drop.path, "locked"), 0o777);
  chmodSync(join(drop.path, "secret.tgz"), 0o644);
  const third = await feedctl("drop", "scan", "--json");
  assert.deepEqual(
    scanned(
      third.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    ).counts,
    {
      existing: 1,
      imported: 1,
    },
  );
  assert.deepEqual(drop.all(), []);

  chmodSync(drop.path, 0o000);
  const denied = await feedctl("drop", "scan", "--feed", "web");
  chmodSync(drop.path, 0o777);
  assert.equal(denied.code, 6, denied.stderr);
  assert.match(denied.stderr, /could not read the drop path .*: permission denied/);
});
