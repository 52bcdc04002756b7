// Migrating a catalog from the first schema: no row is lost or changed, and a migration of a feed can be resumed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { migrations } from "../../../src/catalog/migrations/index.ts";
import { locationOf } from "../../../src/stores/location.ts";
import { type Installation, onEachDatabase, type TestDatabase } from "../../support/databases.ts";

const key = "left/-/left-1.0.0.tgz";
const bytes = Buffer.from("the bytes of a package");
const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest("hex");

const at = (path: string) => JSON.stringify(locationOf({ type: "disk", path }));

/** The first schema, with a feed of one file whose migration to another directory was interrupted. */
const firstSchema = (from: string, to: string) => `
  create schema feedctl;
  create table feedctl.schema_migrations (version int primary key, name text not null, applied_at timestamptz not null default now());
  ${migrations[0]!.sql}
  insert into feedctl.schema_migrations (version, name) values (1, '${migrations[0]!.name}');
  insert into feedctl.settings values ('Feeds.AllowDropPathImportOverwrite', 'true', '2026-01-02T03:04:05Z');
  insert into feedctl.feeds (name, type, description, created_at) values ('web', 'npm', 'Über', '2026-01-02T03:04:05.678901Z');
  insert into feedctl.stores (feed_id, type, options, location, role, created_at) values
    (1, 'disk', '{"path": "${from}"}', '${at(from)}', 'current', '2026-01-02T03:04:05Z'),
    (1, 'disk', '{"path": "${to}"}', '${at(to)}', 'target', '2026-01-02T03:04:05Z');
  insert into feedctl.packages (feed_id, group_name, name, name_key) values (1, '', 'left', 'left');
  insert into feedctl.versions (package_id, version, normalized_version, sort_key, prerelease, listed, allowed, cached, published_at, published_by, downloads, metadata)
    values (1, '1.0.0', '1.0.0', '\\x0102', false, false, true, false, '2019-01-02T03:04:05.678901Z', 'somebody', 123456789012, '{"b": 1, "a": [2]}');
  insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at)
    values (1, 1, '', '${key}', ${bytes.length}, '\\x${hex("md5")}', '\\x${hex("sha1")}', '\\x${hex("sha256")}', '\\x${hex("sha512")}', 'application/octet-stream', '2026-01-02T03:04:05Z');
  insert into feedctl.runs (command, feed_id, actor, host, pid, state, started_at) values ('migrate run', 1, 'root', 'box', 1, 'running', '2026-01-02T03:04:05Z');
  insert into feedctl.migrations (feed_id, from_store_id, to_store_id, state, run_id, started_at) values (1, 1, 2, 'copying', 1, '2026-01-02T03:04:05Z');
  insert into feedctl.proofs values (2, 'gone', 'tag', '\\x00', '2026-01-02T03:04:05Z');
  insert into feedctl.pending_deletes values (1, 'gone', 1, '2026-01-02T03:04:05Z');
  insert into feedctl.audit_events (run_id, at, actor, action, feed_id, object) values (1, '2026-01-02T03:04:05Z', 'root', 'feed created', 1, 'web');`;

const tables = [
  "settings",
  "feeds",
  "stores",
  "packages",
  "versions",
  "files",
  "runs",
  "migrations",
  "proofs",
  "pending_deletes",
  "audit_events",
];

/** Every row of every table, as it was written. */
async function everything(place: Installation): Promise<Record<string, unknown>[]> {
  const all = tables.map((table) => `select '${table}' as name, to_jsonb(t) as row from feedctl.${table} t`);
  return place.rows(`select * from (${all.join(" union all ")}) every order by name, row::text`);
}

async function createFirst(database: TestDatabase, place: Installation): Promise<void> {
  const path = join(place.path("from"), key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  const sql = firstSchema(place.path("from"), place.path("to"));
  if (database.name === "embedded") {
    mkdirSync(place.data, { recursive: true });
    await using pglite = await PGlite.create(join(place.data, "catalog"));
    await pglite.exec(sql);
    return;
  }
  const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
  await client.connect();
  await client.query(sql);
  await client.end();
}

onEachDatabase(
  "a catalog of the first schema",
  (database) => {
    database.test("is migrated with every row, and its migration of a feed continues", async (_t, place) => {
      await createFirst(database, place);
      const before = await everything(place);
      assert.equal(before.length, 12);
      if (database.name === "PostgreSQL") {
        const { stderr } = await place.exits(2, "feed", "list");
        assert.match(stderr, /^error: the catalog's schema is version 1, this feedctl needs \d+$/m);
        assert.match(stderr, /^hint: run: feedctl db migrate$/m);
      }
      // the embedded catalog is migrated automatically
      const { stdout } = await place.run(...(database.name === "embedded" ? ["init"] : ["db", "migrate"]));
      assert.match(stdout, database.name === "embedded" ? /^the catalog is ready/ : /^applied .*migrations that go on/);
      const after = await everything(place);
      // there may be new columns; the old ones must be unchanged
      assert.partialDeepStrictEqual(after, before);
      assert.equal(after.length, before.length);
      assert.match(
        (await place.run("migrate", "status", "web")).stdout,
        /^feed web: copying; no process is working on it$/m,
      );
      await place.run("migrate", "resume", "web", "--cutover", "auto");
      assert.partialDeepStrictEqual((await place.run("verify", "web", "--read", "--json")).summary(), { match: 1 });
      const [file] = await place.rows("select store_tag from feedctl.files");
      assert.notEqual(file?.["store_tag"], null);
    });
  },
  { empty: true },
);
