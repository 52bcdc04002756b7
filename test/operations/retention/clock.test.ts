import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { isolation } from "../../support/feedctl.ts";
import { runHere } from "../../support/in-process.ts";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Runs a command on a machine whose clock differs from the real time by `ahead` milliseconds. */
async function runAhead(place: Installation, ahead: number, ...args: string[]) {
  const env = { ...isolation(place.directory), ...place.env };
  return runHere(args, { cwd: place.directory, env, clock: { hoursOff: ahead / 3_600_000 } });
}

async function prepare(place: Installation): Promise<void> {
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("import", "web", ...writePackages(place.path("in"), 3), "--quiet");
  await place.run("retention", "rule", "add", "web", "--older-than-days", "30");
}

const countVersions = async (place: Installation) =>
  Number((await place.rows("select count(*)::int as count from feedctl.versions"))[0]?.["count"]);

onDatabases("the clock of a catalog's server", ["PostgreSQL"], (database) => {
  database.test("decides what is old: a machine with another time deletes nothing by age", async (_t, place) => {
    await prepare(place);
    const wrong = {
      "400 days ahead of": 400 * DAY,
      "10 minutes ahead of": 10 * MINUTE,
      "3 hours behind": -180 * MINUTE,
    };
    for (const [words, ahead] of Object.entries(wrong)) {
      const run = await runAhead(place, ahead, "retention", "run", "web", "--yes");
      assert.equal(run.code, 8, run.stderr);
      assert.ok(run.stderr.includes(`this machine's clock is ${words} the catalog's`), run.stderr);
    }
    const hidden = await runAhead(place, 400 * DAY, "retention", "run", "web", "--yes", "--quarantine", "14");
    assert.equal(hidden.code, 8, hidden.stderr);
    assert.equal(await countVersions(place), 3);
    const planned = await runAhead(place, 400 * DAY, "retention", "run", "web", "--dry-run");
    assert.match(planned.stdout, /would delete 0 versions/);
    assert.match(planned.stderr, /a run would be refused: nothing is deleted by age/);

    await place.rows(
      "update feedctl.versions set published_at = now() - interval '40 days' where id = (select min(id) from feedctl.versions)",
    );
    const right = await runAhead(place, 2 * MINUTE, "retention", "run", "web", "--yes");
    assert.match(right.stdout, /deleted 1 version/, right.stderr);
    assert.equal(await countVersions(place), 2);
  });

  database.test("gives the times that are recorded, whatever the machine's clock", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    const stored = await runAhead(place, -100 * DAY, "import", "web", ...writePackages(place.path("in"), 1));
    assert.equal(stored.code, 0, stored.stderr);
    const [times] = await place.rows(`select
      (select abs(extract(epoch from now() - published_at)) < 600 from feedctl.versions) as published,
      (select bool_and(abs(extract(epoch from now() - started_at)) < 600) from feedctl.runs) as started`);
    assert.deepEqual(times, { published: true, started: true });
  });

  database.test("decides about earlier content of assets and unfinished uploads as well", async (_t, place) => {
    await place.run("feed", "create", "files", "--type", "asset");
    await place.run("asset", "versioning", "files", "on");
    mkdirSync(place.path("in"));
    for (const content of ["one", "two"]) {
      writeFileSync(place.path("in", "f"), content);
      await place.run("asset", "upload", "files", place.path("in", "f"), "--overwrite", "--quiet");
    }
    const prune = ["asset", "history", "files", "--prune", "--older-than", "30d", "--yes"];
    const refused = await runAhead(place, 400 * DAY, ...prune);
    assert.equal(refused.code, 8, refused.stderr);
    assert.equal((await place.rows("select from feedctl.asset_history")).length, 1);
    const repaired = await runAhead(place, 400 * DAY, "verify", "files", "--repair");
    assert.equal(repaired.code, 3, repaired.stderr);
    assert.match(repaired.stderr, /warning: incomplete uploads were not removed: .*400 days ahead/);
  });

  database.test("publish dates after it are reported", async (_t, place) => {
    await prepare(place);
    const future = "update feedctl.versions set published_at = now() + interval '1 year' where id = ";
    await place.rows(`${future} (select min(id) from feedctl.versions)`);
    const words = /1 version of feed web has a publish date in the future, up to 20.*; no rule considers it old/;
    assert.match((await place.run("retention", "plan", "web")).stderr, words);
    assert.match((await place.run("retention", "run", "web", "--yes")).stderr, words);
    assert.equal(await countVersions(place), 3);
  });
});
