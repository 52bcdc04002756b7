// What a session of the catalog is, whatever the database, the role or a pooler makes of it.
import assert from "node:assert/strict";
import { sql } from "kysely";
import { writeFileSync } from "node:fs";
import pg from "pg";
import { test, type TestContext } from "node:test";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";
import { startPooler } from "../../support/pooler.ts";
import { startPostgres } from "../../support/postgres.ts";

/** Settings of a database that change what queries mean, or end sessions. */
const hostile = {
  datestyle: "'SQL, DMY'",
  intervalstyle: "sql_standard",
  timezone: "'Asia/Kathmandu'",
  client_encoding: "LATIN1",
  standard_conforming_strings: "off",
  bytea_output: "escape",
  extra_float_digits: "-15",
  transform_null_equals: "on",
  default_transaction_isolation: "serializable",
  synchronous_commit: "off",
  statement_timeout: "'5min'",
  lock_timeout: "'5min'",
  idle_in_transaction_session_timeout: "'5min'",
  idle_session_timeout: "'5min'",
};

/** What feedctl prints of a feed, without the times and places that differ from run to run. */
async function session(place: Installation): Promise<string> {
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("feed", "create", "files", "--type", "asset");
  writeFileSync(place.path("grün.txt"), "grün");
  await place.run("asset", "upload", "files", "grün.txt");
  await place.run("retention", "rule", "add", "web", "--older-than-days", "1", "--delete-package-ids", "p*,a\\*");
  writePackages(place.path("builds"), 20);
  const said = [await place.run("import", "web", place.path("builds"), "--json")];
  for (const command of [
    "package list web",
    "feed list",
    "retention rule list web",
    "retention plan web",
    "verify web",
    "asset list files",
  ])
    said.push(await place.run(...command.split(" "), "--json"));
  const words = said.map(({ stdout }) => stdout).join("");
  return words
    .replaceAll(place.directory, "DIR")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/"(milliseconds|run)":\d+/g, "");
}

onDatabases("sessions", ["PostgreSQL"], (database) => {
  database.test("what a database sets for its sessions changes nothing", async (_t, place) => {
    const other = await database.install();
    assert.ok(other !== undefined);
    const name = new URL(other.env["FEEDCTL_DATABASE_URL"]!).pathname.slice(1);
    for (const [setting, value] of Object.entries(hostile))
      await place.rows(`alter database "${name}" set ${setting} = ${value}`);
    // the first catalog is like the second but for its settings
    assert.equal(await session(other), await session(place));
    await using catalog = await openPostgres(other.env["FEEDCTL_DATABASE_URL"]!);
    const setting = async (of: string) =>
      (await sql<{ value: string }>`select current_setting(${of}) as value`.execute(catalog.db)).rows[0]?.value;
    for (const timeout of Object.keys(hostile).filter((each) => each.endsWith("timeout")))
      assert.equal(await setting(timeout), "0", timeout);
    assert.equal(await setting("synchronous_commit"), "on", "a commit that is reported is durable");
  });

  database.test("behind a pooler that keeps sessions it works, and one that does not is refused", async (_t, place) => {
    const url = place.env["FEEDCTL_DATABASE_URL"]!;
    for (const mode of ["session", "transaction"] as const) {
      await using pooler = await startPooler(url, mode);
      const env = { FEEDCTL_DATABASE_URL: pooler.url };
      const { code, stderr } = await place.feedctl(["feed", "create", mode, "--type", "npm"], { env });
      assert.equal(code, mode === "session" ? 0 : 2, stderr);
      if (mode === "transaction")
        assert.match(
          stderr,
          /^error: the catalog is behind a pooler that does not keep sessions\nhint: .*pool_mode = session/,
        );
    }
    assert.deepEqual(
      ((await place.run("feed", "list", "--json")).json() as { name: string }[]).map(({ name }) => name),
      ["session"],
    );
  });

  database.test("a pooler needs three connections for a run, and fewer are refused at once", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    writePackages(place.path("in"), 3);
    const url = place.env["FEEDCTL_DATABASE_URL"]!;
    await using small = await startPooler(url, "session", 2);
    const refused = await database.install({ FEEDCTL_DATABASE_URL: small.url });
    assert.match(
      (await refused!.exits(7, "feed", "list")).stderr,
      /^error: the catalog gave no session within 10 seconds\nhint: a run uses 3 connections/,
    );
    for (const size of [1, 2]) {
      await using impatient = await startPooler(url, "impatient", size);
      const env = { FEEDCTL_DATABASE_URL: impatient.url };
      const { stderr } = await (await database.install(env))!.exits(7, "feed", "list");
      assert.match(stderr, /gave no session in time: query_wait_timeout\nhint: a run uses 3 connections/, `${size}`);
    }
    await using pooler = await startPooler(url, "session", 3);
    const behind = await database.install({ FEEDCTL_DATABASE_URL: pooler.url });
    for (const args of [
      ["import", "web", place.path("in")],
      ["migrate", "run", "web", "--to", "disk", "--path", place.path("store")],
      ["verify", "web"],
      ["retention", "rule", "add", "web", "--older-than-days", "1"],
      ["retention", "run", "web", "--yes"],
      ["package", "list", "web"],
    ])
      await behind!.run(...args);
  });

  database.test("a pooler that is refused has no session with settings of feedctl", async (_t, place) => {
    await using pooler = await startPooler(place.env["FEEDCTL_DATABASE_URL"]!, "transaction");
    await assert.rejects(openPostgres(pooler.url), { code: "usage" });
    const others = new pg.Client({ connectionString: pooler.url });
    await others.connect();
    try {
      const { rows } = await others.query<{ name: string }>(
        "select name from pg_settings where source = 'session' and name in ('TimeZone', 'intervalstyle', 'statement_timeout')",
      );
      assert.deepEqual(rows, []);
    } finally {
      await others.end();
    }
  });
  database.test("a database whose lower case is Turkish has the same feeds", async (t, base) => {
    const url = new URL(base.env["FEEDCTL_DATABASE_URL"]!);
    const name = `${url.pathname.slice(1)}_tr`;
    url.pathname = `/${name}`;
    try {
      await base.rows(
        `create database "${name}" template template0 encoding 'UTF8' locale_provider icu icu_locale 'tr'`,
      );
    } catch (error) {
      return t.skip(`this PostgreSQL has no ICU: ${(error as Error).message}`);
    }
    const place = await database.install({ FEEDCTL_DATABASE_URL: url.href });
    assert.ok(place !== undefined);
    await place.run("init");
    await place.run("feed", "create", "INTERNAL", "--type", "npm");
    await place.run("feed", "show", "internal");
    await place.exits(5, "feed", "create", "internal", "--type", "npm");
    await place.run("package", "protect", "INTERNAL", "LIB");
    await place.run("package", "unprotect", "INTERNAL", "lib");
    await base.rows(`drop database "${name}" with (force)`);
  });
});

test("a database with another encoding than UTF8 is refused", async (t: TestContext) => {
  await using server = await startPostgres();
  if (server === undefined) return t.skip("no PostgreSQL on this machine");
  const url = new URL(await server.createDatabase());
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  for (const encoding of ["LATIN1", "SQL_ASCII"]) {
    const name = `${url.pathname.slice(1)}_${encoding.toLowerCase()}`;
    await admin.query(
      `create database "${name}" template template0 encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`,
    );
    try {
      const its = new URL(url);
      its.pathname = `/${name}`;
      await assert.rejects(openPostgres(its.href), (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, "usage");
        assert.match(error.message, new RegExp(`encoding ${encoding}; it must be UTF8`));
        assert.match(error.hint, /createdb --encoding UTF8/);
        return true;
      });
    } finally {
      await admin.query(`drop database "${name}" with (force)`);
    }
  }
  await admin.end();
});
