import assert from "node:assert/strict";
import fs, { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import type { Catalog } from "../../../src/catalog/connection/catalog.ts";
import { openPglite } from "../../../src/catalog/connection/open-pglite.ts";
import { freshBuild, repository } from "../../support/build.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { isolation, sandbox } from "../../support/feedctl.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { createRandom } from "../../support/fuzz.ts";
import { runHere } from "../../support/in-process.ts";
import { applyCut, recordFiles, type Cut, type Recording } from "../../support/power-cut.ts";

const ROWS = 40;
const snapshot = join(repository, "dist", "catalog-snapshot.tar.gz");
/** Flushing costs nothing there. */
const memory = "/dev/shm";

/** Commits transactions of `ROWS` rows, with a checkpoint and a change of the log's file between them. */
async function commit(dataDir: string, recording: Recording, from: number, to: number): Promise<void> {
  await using catalog = await openPglite({ dataDir, snapshot, wait: 0 });
  await catalog.script("create table if not exists cuts (number int, row int, text text, primary key (number, row))");
  for (let number = from; number <= to; number++) {
    await catalog.db.transaction().execute(async (transaction) => {
      await sql`insert into cuts select ${number}, row, repeat('text ', row) from generate_series(1, ${sql.lit(ROWS)}) row`.execute(
        transaction,
      );
      await sql`update cuts set text = ${`${number}`} where row = 1`.execute(transaction);
    });
    recording.mark(`committed ${number}`);
    if (number % 3 === 0) await catalog.script("checkpoint");
    if (number % 4 === 0) await catalog.script("select pg_switch_wal()");
  }
}

/** What must hold on what the disk has: the catalog opens, and has whole transactions, the committed ones among them. */
async function check(dataDir: string, committed: number, attempted: number, what: string): Promise<void> {
  await using catalog = await openPglite({ dataDir, snapshot, wait: 0 });
  const exists = await sql<{ name: string | null }>`select to_regclass('cuts')::text as name`.execute(catalog.db);
  if (exists.rows[0]?.name === null) return assert.equal(committed, 0, `${what}: the table is lost`);
  for (const plan of ["enable_indexscan, enable_indexonlyscan, enable_bitmapscan", "enable_seqscan"]) {
    for (const setting of plan.split(", ")) await catalog.script(`set ${setting} = off`);
    const { rows } = await sql<{ number: number; rows: number; touched: string }>`
      select number, count(*)::int as rows, min(text) filter (where row = 1) as touched
      from cuts where number > 0 group by number order by number`.execute(catalog.db);
    const last = rows.length;
    assert.ok(last >= committed && last <= attempted, `${what}: ${last} transactions, ${committed} had been committed`);
    const whole = rows.map((_, index) => ({ number: index + 1, rows: ROWS, touched: `${last}` }));
    assert.deepEqual(rows, whole, what);
    await catalog.script("reset all");
  }
}

test("a power cut loses no commit that has returned, whatever of the unflushed writes the disk has kept", async (t) => {
  await freshBuild();
  await using place = await sandbox();
  const dir = join(place.data, "catalog");
  const before = place.path("before");
  await (await openPglite({ dataDir: place.data, snapshot, wait: 0 }))[Symbol.asyncDispose]();
  cpSync(dir, before, { recursive: true, mode: 0 });
  using recording = recordFiles(dir);
  await commit(place.data, recording, 1, 5);
  await commit(place.data, recording, 6, 8);
  recording[Symbol.dispose]();

  const marks = [...recording.steps.entries()].filter(([, step]) => step.kind === "mark").map(([index]) => index);
  assert.equal(marks.length, 8);
  const random = createRandom(firstSeed(1));
  const cuts: (Cut & { what: string })[] = marks.map((mark) => ({
    at: mark + 1,
    keeps: () => false,
    what: `nothing unflushed is kept after step ${mark}`,
  }));
  for (let n = 0; n < attempts(4); n++) {
    const at = random(recording.steps.length + 1);
    const percent = [5, 50, 95, 100][random(4)]!;
    cuts.push({ at, keeps: () => random(100) < percent, what: `cut ${n}: step ${at}, ${percent} % kept` });
  }
  t.diagnostic(`${recording.steps.length} steps, ${cuts.length} cuts`);
  for (const cut of cuts) {
    const dataDir = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), "feedctl-cut-"));
    try {
      const target = join(dataDir, "catalog");
      cpSync(before, target, { recursive: true });
      applyCut(target, recording, cut);
      const committed = marks.filter((mark) => mark < cut.at).length;
      await check(dataDir, committed, Math.min(committed + 1, marks.length), cut.what);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  }
});

test("a source file is deleted when the catalog with its package is on the disk", async (t) => {
  await freshBuild();
  await using place = await sandbox();
  const where = (data: string) => ({
    cwd: place.directory,
    env: { ...isolation(place.directory), FEEDCTL_DATA_DIR: data },
  });
  const run = async (data: string, ...args: string[]) => {
    const result = await runHere(args, where(data));
    assert.equal(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  await run(place.data, "feed", "create", "web", "--type", "npm");
  await run(place.data, "store", "set", "web", "disk", "--path", place.path("store"));
  mkdirSync(place.path("source"));
  const source = place.path("source", "left.tgz");
  writeFileSync(source, npmTarball({ name: "left", version: "1.0.0" }));
  const after = place.path("after", "catalog");
  cpSync(join(place.data, "catalog"), after, { recursive: true });

  using recording = recordFiles(join(place.data, "catalog"), source);
  await run(place.data, "import", "web", place.path("source"), "--move");
  recording[Symbol.dispose]();
  const at = recording.steps.findIndex((step) => step.kind === "mark");
  assert.ok(at > 0, "the source was deleted before the catalog was closed");
  t.diagnostic(`the source was gone after ${at} of ${recording.steps.length} steps`);
  applyCut(after, recording, { at, keeps: () => false });
  assert.match(await run(place.path("after"), "package", "list", "web"), /left/);
  assert.match(await run(place.path("after"), "verify", "web"), /sound: 1 match/);
});

for (const { what, call, code, error } of [
  { what: "flush", call: "fsyncSync", code: "unavailable", error: { code: "EIO", message: "EIO: i/o error" } },
  { what: "write of the log", call: "writeSync", code: "full", error: { code: "ENOSPC", message: "ENOSPC: no space" } },
] as const) {
  test(`a failed ${what} ends every later query with an error, and nothing is written after it`, async () => {
    await freshBuild();
    await using place = await sandbox();
    const insert = (catalog: Catalog, number: number) =>
      catalog.db.transaction().execute(async (transaction) => {
        await sql`insert into cuts values (${number})`.execute(transaction);
      });
    const open = () => openPglite({ dataDir: place.data, snapshot, wait: 0 });
    {
      await using catalog = await open();
      await catalog.script("create table cuts (number int)");
      await insert(catalog, 1);
      const original = fs[call];
      const failed = { code, message: new RegExp(`could not be written to disk: ${error.message}`) };
      try {
        Object.assign(fs, {
          [call]: () => {
            throw Object.assign(new Error(error.message), { code: error.code });
          },
        });
        syncBuiltinESMExports();
        await assert.rejects(insert(catalog, 2), failed);
      } finally {
        Object.assign(fs, { [call]: original });
        syncBuiltinESMExports();
      }
      await assert.rejects(insert(catalog, 3), failed);
      await assert.rejects(catalog.script("insert into cuts values (4)"), failed);
      await assert.rejects(sql`select * from cuts`.execute(catalog.db), failed);
    }
    await using again = await open();
    const { rows } = await sql<{ number: number }>`select number from cuts where number <> 2`.execute(again.db);
    assert.deepEqual(rows, [{ number: 1 }]);
  });
}
