import { sql } from "kysely";
import { FeedctlError } from "../../errors.ts";
import type { Catalog } from "./catalog.ts";
import { refuseMissingCatalog } from "./open.ts";
import { migrations, newestSchema } from "../migrations/index.ts";

export interface SchemaState {
  /** Applied migrations, 0 for an empty database. */
  version: number;
  /** The version that this feedctl needs. */
  newest: number;
}

export async function schemaState(catalog: Catalog): Promise<SchemaState> {
  const found = await sql<{
    name: string | null;
  }>`select to_regclass('feedctl.schema_migrations')::text as name`.execute(catalog.db);
  if (!found.rows[0]?.name) return { version: 0, newest: newestSchema };
  const newest = await sql<{
    version: number;
  }>`select coalesce(max(version), 0)::int as version from feedctl.schema_migrations`.execute(catalog.db);
  return { version: newest.rows[0]?.version ?? 0, newest: newestSchema };
}

/** For example `PostgreSQL 17.2`. */
export async function serverVersion(catalog: Catalog): Promise<string> {
  const answer = await sql<{ version: string }>`select version() as version`.execute(catalog.db);
  return answer.rows[0]?.version.split(" on ")[0] ?? "";
}

/**
 * Applies the missing migrations under a lock, each in its own transaction. Returns their names. Throws `locked` when
 * another process holds the lock for more than 30 seconds.
 */
export async function migrateCatalog(catalog: Catalog): Promise<string[]> {
  await using lock = await catalog.lock({ kind: "schema", id: 0, mode: "exclusive", wait: 30_000 });
  if (lock === undefined)
    throw new FeedctlError("locked", "another process is migrating the catalog", { hint: "try again in a minute" });
  const state = await schemaState(catalog);
  const applied: string[] = [];
  for (const [index, migration] of migrations.entries()) {
    const version = index + 1;
    if (version <= state.version) continue;
    // one simple query of several statements is one implicit transaction: all or nothing
    await catalog.script(`create schema if not exists feedctl;
      create table if not exists feedctl.schema_migrations (version int primary key, name text not null, applied_at timestamptz not null default now());
      ${migration.sql}
      insert into feedctl.schema_migrations (version, name) values (${version}, '${migration.name}');`);
    applied.push(migration.name);
  }
  return applied;
}

/**
 * Ensures that the schema has the version that this feedctl needs. Migrates an older embedded catalog and, with
 * `create`, an empty database; returns whether the database was empty. Throws `unavailable` for an empty database
 * otherwise, and `usage` for a newer schema, and for an older one on a server: upgrading that is the administrator's
 * decision.
 */
export async function requireSchema(catalog: Catalog, { create }: { create: boolean }): Promise<boolean> {
  const { version, newest } = await stateAfterMigration(catalog);
  if (version === newest) return false;
  if (version > newest) {
    throw new FeedctlError("usage", `the catalog's schema is version ${version}, this feedctl knows only ${newest}`, {
      hint: "update feedctl",
    });
  }
  if (version === 0 && !create) refuseMissingCatalog(catalog.location);
  if (version > 0 && catalog.kind === "postgres") {
    throw new FeedctlError("usage", `the catalog's schema is version ${version}, this feedctl needs ${newest}`, {
      hint: "run: feedctl db migrate",
    });
  }
  await migrateCatalog(catalog);
  return version === 0;
}

/**
 * The schema's version. When it is old, another process may be migrating it right now: waits for that process first.
 */
async function stateAfterMigration(catalog: Catalog): Promise<SchemaState> {
  const state = await schemaState(catalog);
  if (state.version === 0 || state.version >= state.newest) return state;
  await using _lock = await catalog.lock({ kind: "schema", id: 0, mode: "shared", wait: 30_000 });
  return await schemaState(catalog);
}
