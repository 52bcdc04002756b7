import { sql } from "kysely";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Catalog } from "./catalog.ts";
import { refuseMissingCatalog } from "./open.ts";
import { migrations, newestSchema } from "../migrations/index.ts";

export interface SchemaState {
  /** Applied migrations, 0 for an empty database. */
  version: number;
  /** The version that this feedctl needs. */
  newest: number;
}

export async function schemaState(catalog: Pick<Catalog, "db">): Promise<SchemaState> {
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

/** Milliseconds to wait for another process that migrates the catalog. */
const LONGEST_WAIT = 30_000;

/**
 * Applies the missing migrations in one transaction, so that no other process sees an intermediate version. Returns
 * their names. Throws `locked` when another process migrates the catalog for more than 30 seconds.
 */
export async function migrateCatalog(catalog: Catalog): Promise<string[]> {
  for (;;) {
    const { version } = await stateAfterMigration(catalog);
    const missing = migrations.slice(version);
    if (missing.length === 0) return [];
    try {
      // one simple query of several statements is one implicit transaction: all or nothing
      await catalog.script(scriptOf(version));
      return missing.map(({ name }) => name);
    } catch (error) {
      // another process has applied them at the same moment
      if (!isFeedctlError(error, "conflict") || (await schemaState(catalog)).version === version) throw error;
    }
  }
}

/** Applies all migrations after `version`. The first statement that two processes cannot both execute fails in one. */
function scriptOf(version: number): string {
  const steps = migrations.slice(version).map(
    ({ name, sql: statements }, index) => `
      insert into feedctl.schema_migrations (version, name) values (${version + index + 1}, '${name}');
      ${statements}`,
  );
  // "if not exists" asks for the right to create a schema even when it exists: an administrator may have made it
  const prepare =
    version === 0
      ? `do $$ begin if to_regnamespace('feedctl') is null then create schema if not exists feedctl; end if; end $$;
         create table if not exists feedctl.schema_migrations (version int primary key, name text not null, applied_at timestamptz not null default now());`
      : "";
  // readers wait for the end: between the first and the last migration no version would be right
  return `set local lock_timeout = ${LONGEST_WAIT}; ${prepare}
    lock table feedctl.schema_migrations in access exclusive mode; ${steps.join("")}`;
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
 * The schema's version. Waits for a process that is migrating the catalog. Throws `locked` after 30 seconds. One round
 * trip, because every command asks.
 */
async function stateAfterMigration(catalog: Catalog): Promise<SchemaState> {
  if (catalog.kind === "pglite") return schemaState(catalog);
  try {
    const [row] = await catalog.script(`set local lock_timeout = ${LONGEST_WAIT};
      select coalesce(max(version), 0)::int as version from feedctl.schema_migrations`);
    return { version: (row as { version: number }).version, newest: newestSchema };
  } catch (error) {
    // undefined_table
    if ((error as { code?: unknown }).code !== "42P01") throw error;
    return { version: 0, newest: newestSchema };
  }
}
