import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";
import { findingsOf } from "../../support/findings.ts";

interface Prepared {
  /** Path of the blob of package number `index`. */
  blob(index: number): string;
  verify(code: number, ...flags: string[]): Promise<{ counts: Record<string, number>; findings: string }>;
}

async function prepare(place: Installation): Promise<Prepared> {
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("store"));
  await place.run("import", "web", ...writePackages(place.path("in"), 4));
  const listed = (await place.run("package", "list", "web", "--json")).json() as { files: { key: string }[] }[];
  return {
    blob: (index) => join(place.path("store"), listed[index]!.files[0]!.key),
    async verify(code, ...flags) {
      const result = await place.exits(code, "verify", "web", "--json", ...flags);
      const { match, differ, missingBlob, missingRow, unchecked } = result.summary() as Record<string, number>;
      return {
        counts: { match, differ, missingBlob, missingRow, unchecked } as Record<string, number>,
        findings: findingsOf(result),
      };
    },
  };
}

const counts = (change: Record<string, number>) => ({
  match: 4,
  differ: 0,
  missingBlob: 0,
  missingRow: 0,
  unchecked: 0,
  ...change,
});

onEachDatabase("verify", (database) => {
  database.testOnServer("each kind of difference is found, named and counted", async (_t, place) => {
    const { blob, verify } = await prepare(place);
    assert.deepEqual((await verify(0, "--read")).counts, counts({}));
    const bytes = readFileSync(blob(0));

    rmSync(blob(0));
    const missing = await verify(3);
    assert.deepEqual(missing.counts, counts({ match: 3, missingBlob: 1 }));
    assert.match(missing.findings, /missing-blob: .*pack-000.*: the store has no such blob/);
    writeFileSync(blob(0), bytes);

    const flipped = Buffer.from(bytes);
    flipped[flipped.length >> 1]! ^= 1;
    writeFileSync(blob(0), flipped);
    assert.deepEqual((await verify(0)).counts, counts({}), "the size is the same: only reading finds it");
    const read = await verify(3, "--read");
    assert.deepEqual(read.counts, counts({ match: 3, differ: 1 }));
    assert.match(read.findings, /differ: .*hashes to sha256 [0-9a-f]{64} instead of/);

    truncateSync(blob(0), bytes.length - 1);
    const short = await verify(3);
    assert.deepEqual(short.counts, counts({ match: 3, differ: 1 }));
    assert.match(short.findings, new RegExp(`has ${bytes.length - 1} bytes instead of ${bytes.length}`));
    writeFileSync(blob(0), bytes);

    mkdirSync(place.path("store", "by hand"));
    writeFileSync(place.path("store", "by hand", "stray"), "x");
    symlinkSync(blob(0), place.path("store", "link"));
    const stray = await verify(3);
    assert.deepEqual(stray.counts, counts({ missingRow: 1 }));
    assert.match(stray.findings, /missing-row: by hand\/stray/);
    assert.match(stray.findings, /foreign: link/);
    const repaired = await verify(3, "--repair");
    assert.deepEqual(repaired.counts, counts({ missingRow: 1 }), "its origin is unknown: repair leaves it");
    rmSync(place.path("store", "by hand"), { recursive: true });
    assert.deepEqual((await verify(0, "--read")).counts, counts({}));
  });

  database.test(
    "--repair finishes the work of dead runs: removes unrecorded blobs, carries out pending deletes",
    async (_t, place) => {
      const { blob, verify } = await prepare(place);
      const key = (index: number) => blob(index).slice(place.path("store").length + 1);
      const state = "from feedctl.stores s, feedctl.runs r where s.role = 'current' group by s.id";
      await place.rows(`with gone as (delete from feedctl.packages where name = 'pack-000' returning 1)
      insert into feedctl.pending_deletes select s.id, '${key(0)}', max(r.id), now() ${state}`);
      await place.rows(`with file as (select sha256 from feedctl.files where key = '${key(1)}'),
      gone as (delete from feedctl.packages where name = 'pack-001' returning 1)
      insert into feedctl.pending_writes select s.id, '${key(1)}', (select sha256 from file), max(r.id), now() ${state}`);
      const before = await verify(3);
      assert.deepEqual(before.counts, counts({ match: 2, missingRow: 1 }));
      assert.match(before.findings, /pending: pack-000.*: waits for its deletion; --repair deletes it/);
      assert.match(before.findings, /missing-row: pack-001.*interrupted import; --repair removes it/);
      assert.deepEqual((await verify(0, "--repair")).counts, counts({ match: 2 }));
      assert.deepEqual(
        await place.rows("select from feedctl.pending_writes union all select from feedctl.pending_deletes"),
        [],
      );
    },
  );

  database.testOnServer("a store that does not exist is an outage, not a missing blob", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("import", "web", ...writePackages(place.path("in"), 1));
    const s3 = ["s3", "--bucket", "b", "--endpoint", "http://127.0.0.1:9", "--path-style"];
    await place.run("store", "set", "web", "--no-check", ...s3, "--access-key", "not-used", "--secret-key", "not-used");
    const down = await place.exits(7, "verify", "web", "--json");
    assert.equal(down.stdout, "");
    assert.match(down.stderr, /"unavailable"/);
  });
});
