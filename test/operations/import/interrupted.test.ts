import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { assertSound, counts, diskFeed, importing, listed } from "../../support/importing.ts";
import { duration, killAfter, killPoints } from "../../support/kill.ts";
import { writePackages } from "../../support/package-set.ts";
import { findingsOf } from "../../support/findings.ts";

type Verified = Record<"match" | "differ" | "missingBlob" | "missingRow" | "unchecked" | "repaired", number>;

async function verify(place: Installation, code: number, ...options: string[]) {
  const result = await place.exits(code, "verify", "web", "--read", "--json", ...options);
  const { match, differ, missingBlob, missingRow, unchecked, repaired } = result.summary() as Verified;
  return { findings: findingsOf(result), found: { match, differ, missingBlob, missingRow, unchecked, repaired } };
}

const found = (change: Partial<Verified>): Verified => ({
  match: 0,
  differ: 0,
  missingBlob: 0,
  missingRow: 0,
  unchecked: 0,
  repaired: 0,
  ...change,
});

/**
 * The state after a kill between the put of the new blob and the commit of its row: an announcement of a dead run with
 * the new row, and the new bytes in the store. Without `stored` the kill came before the put.
 */
async function halfReplaced(place: Installation, stored: boolean): Promise<{ key: string; fresh: string }> {
  const root = await diskFeed(place, "web", "npm");
  const [old = ""] = writePackages(place.path("old"), 1);
  const [fresh = ""] = writePackages(place.path("new"), 1, { seed: 2, size: 3000 });
  // importing the new bytes into another feed gives their row
  await diskFeed(place, "other", "npm");
  await place.run("import", "other", fresh);
  await place.run("import", "web", old);
  const key = (await listed(place, "web"))[0]!.files[0]!.key;
  await place.rows(`insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at, replacement)
    select (select s.id from feedctl.stores s join feedctl.feeds f on f.id = s.feed_id where f.name = 'web' and s.role = 'current'),
      n.key, n.sha256, (select max(id) from feedctl.runs), now(),
      jsonb_build_object('group', p.group_name, 'name', p.name, 'nameKey', p.name_key, 'version', v.version,
        'normalizedVersion', v.normalized_version, 'sortKey', encode(v.sort_key, 'hex'), 'prerelease', v.prerelease,
        'qualifier', n.qualifier, 'key', n.key, 'size', n.size, 'contentType', n.content_type, 'storeTag', null,
        'metadata', v.metadata, 'md5', encode(n.md5, 'hex'), 'sha1', encode(n.sha1, 'hex'),
        'sha256', encode(n.sha256, 'hex'), 'sha512', encode(n.sha512, 'hex'))
    from feedctl.files n join feedctl.versions v on v.id = n.version_id join feedctl.packages p on p.id = v.package_id
    join feedctl.feeds f on f.id = n.feed_id where f.name = 'other'`);
  if (stored) copyFileSync(fresh, join(root, key));
  return { key, fresh };
}

async function assertReplaced(place: Installation, key: string): Promise<void> {
  const [there] = await listed(place, "web");
  const [other] = await listed(place, "other");
  assert.deepEqual(there?.files, other?.files);
  await assertSound(place, "web", 1);
  const audited = await place.rows(`select object, detail->>'finished' as finished from feedctl.audit_events
    where action = 'overwritten'`);
  assert.deepEqual(audited, [{ object: key, finished: "true" }]);
  assert.deepEqual(await place.rows("select key from feedctl.pending_writes"), []);
}

onEachDatabase("an overwrite that was cut off", (database) => {
  database.test("verify reports the interrupted overwrite, and --repair finishes it", async (_t, place) => {
    const { key } = await halfReplaced(place, true);
    const before = await verify(place, 3);
    assert.deepEqual(before.found, found({ differ: 1 }));
    assert.match(before.findings, /interrupted import was replacing it.*--repair finishes/);
    const mended = await verify(place, 0, "--repair");
    assert.deepEqual(mended.found, found({ match: 1, repaired: 1 }));
    assert.doesNotMatch(mended.findings, /differ/);
    await assertReplaced(place, key);
  });

  database.testOnServer("is finished by the next import of anything", async (_t, place) => {
    const { key } = await halfReplaced(place, true);
    await place.run("import", "web", ...writePackages(place.path("more"), 1, { prefix: "more" }));
    await place.run("package", "delete", "web", "more-000@1.0.0", "--yes");
    await assertReplaced(place, key);
  });

  database.testOnServer("is finished by an import of the new bytes, which then exist", async (_t, place) => {
    const { key, fresh } = await halfReplaced(place, true);
    await place.run("import", "web", fresh, "--overwrite");
    const [row] = await listed(place, "web");
    assert.equal(row?.files[0]?.size, readFileSync(fresh).length);
    await assertSound(place, "web", 1);
    assert.equal(row?.files[0]?.key, key);
  });

  database.testOnServer("before the new bytes came is forgotten: the row was true all the time", async (_t, place) => {
    await halfReplaced(place, false);
    const [before] = await listed(place, "web");
    assert.deepEqual((await verify(place, 0)).found, found({ match: 1 }));
    assert.deepEqual((await verify(place, 0, "--repair")).found, found({ match: 1 }));
    assert.deepEqual(await listed(place, "web"), [before]);
    assert.deepEqual(await place.rows("select key from feedctl.pending_writes"), []);
  });
});

onDatabases("SIGKILL during import --overwrite", ["PostgreSQL"], (database) => {
  database.test("the next run finishes it; no row mismatches its blob unannounced", async (t, place) => {
    const KILLS = attempts(3);
    const COUNT = 60;
    await diskFeed(place, "web", "npm");
    const sets = Array.from({ length: 2 }, (_, seed) =>
      writePackages(place.path(`set${seed}`), COUNT, { seed, size: 8000 + seed }),
    );
    await place.run("import", "web", ...sets[0]!);
    const command = (files: readonly string[]) => ["import", "web", ...files, "--overwrite", "--json"];
    let usual = await duration(place, command(sets[1]!));
    let struck = 0;
    let turn = 0;
    for (const part of killPoints(KILLS, 0.4, 1, firstSeed(7))) {
      let files = sets[turn++ % 2]!;
      let kill = await killAfter(place, usual * part, command(files));
      // the command was measured while the machine was busier: it ended before the kill
      for (let tries = 1; !kill.killed && tries < 5; tries++) {
        usual = Math.min(usual, kill.elapsed);
        files = sets[turn++ % 2]!;
        kill = await killAfter(place, usual * part, command(files));
      }
      struck += kill.killed ? 1 : 0;
      const after = await place.any("verify", "web", "--read", "--json");
      const { missingBlob, unchecked, missingRow } = after.summary() as Verified;
      assert.deepEqual({ missingBlob, unchecked, missingRow }, { missingBlob: 0, unchecked: 0, missingRow: 0 });
      for (const line of findingsOf(after)
        .split("\n")
        .filter((text) => /differ/.test(text)))
        assert.match(line, /interrupted import was replacing it/);
      const again = await importing(place, 0, "web", ...files, "--overwrite");
      assert.equal(again.counts.existing + again.counts.overwritten, COUNT);
      await assertSound(place, "web", COUNT);
      assert.deepEqual((await importing(place, 0, "web", ...files)).counts, counts({ existing: COUNT }));
    }
    t.diagnostic(`${struck} of ${KILLS} kills struck before the end (${Math.round(usual)} ms)`);
    assert.ok(struck > 0);
  });
});
