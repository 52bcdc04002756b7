import { sql } from "kysely";
import { FeedctlError } from "../../errors.ts";
import type { Catalog } from "./catalog.ts";
import { migrations, newestSchema } from "../migrations/index.ts";

export interface SchemaState {
  /** Applied migrations, 0 for an empty database. */
  version: number;
  /** What this feedctl needs. */
  newest: number;
}

export async function schemaState(catalog: Catalog): Promise<SchemaState> {
  const found = await sql<{
    there: string | null;
  }>`select to_regclass('feedctl.schema_migrations')::text as there`.execute(catalog.db);
  if (!found.rows[0]?.there) return { version: 0, newest: newestSchema };
  const newest = await sql<{
    version: number;
  }>`select coalesce(max(version), 0)::int as version from feedctl.schema_migrations`.execute(catalog.db);
  return { version: newest.rows[0]?.version ?? 0, newest: newestSchema };
}

/** `PostgreSQL 17.2`. */
export async function serverVersion(catalog: Catalog): Promise<string> {
  const answer = await sql<{ version: string }>`select version() as version`.execute(catalog.db);
  return answer.rows[0]?.version.split(" on ")[0] ?? "";
}

/** Applies what is missing, each migration in its own transaction, under a lock. Returns the names of those applied. */
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
 * Makes sure the schema is the one this feedctl was built for. An empty database is set up at once; an older schema of
 * the embedded catalog is brought up to date; an older one on a server is the administrator's decision.
 */
export async function requireSchema(catalog: Catalog): Promise<void> {
  const { version, newest } = await settledState(catalog);
  if (version === newest) return;
  if (version > newest) {
    throw new FeedctlError("usage", `the catalog's schema is version ${version}, this feedctl knows only ${newest}`, {
      hint: "update feedctl",
    });
  }
  if (version > 0 && catalog.kind === "postgres") {
    throw new FeedctlError("usage", `the catalog's schema is version ${version}, this feedctl needs ${newest}`, {
      hint: "run: feedctl db migrate",
    });
  }
  await migrateCatalog(catalog);
}

/** An older schema may be one that another process is setting up right now: what counts is what it is when that is done. */
async function settledState(catalog: Catalog): Promise<SchemaState> {
  const state = await schemaState(catalog);
  if (state.version === 0 || state.version >= state.newest) return state;
  await using _lock = await catalog.lock({ kind: "schema", id: 0, mode: "shared", wait: 30_000 });
  return await schemaState(catalog);
}
