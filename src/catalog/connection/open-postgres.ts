import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { FeedctlError } from "../../errors.ts";
import type { Catalog } from "./catalog.ts";
import { checkKeys } from "./check-keys.ts";
import { wrapDialect } from "./dialect.ts";
import { translateCatalogError } from "./errors.ts";
import { sessionLocks } from "./session-locks.ts";
import { requireTrustedSchemas } from "./trust.ts";
import type { Tables } from "../schema/core.ts";

// int8 as number: ids and byte counts stay far below 2^53
const int8 = 20;

/**
 * Opens the catalog on a PostgreSQL server, version 14 or newer. The URL may hold a password; `location` does not.
 * Throws `usage` when the URL is malformed.
 */
export async function openPostgres(url: string): Promise<Catalog> {
  const types: pg.CustomTypesConfig = {
    getTypeParser: ((oid: number, format?: "text") =>
      oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
  };
  const wrong = (cause: unknown) =>
    new FeedctlError("usage", "the database URL cannot be read", {
      cause,
      hint: "its form is postgres://USER:PASSWORD@HOST:PORT/DATABASE",
    });
  // pg would treat anything else as a database name, and its error messages would show it, password included
  if (!/^(postgres|postgresql|socket):|^\//i.test(url)) throw wrong(undefined);
  let pool: pg.Pool;
  try {
    void new pg.Client({ connectionString: url }); // the pool parses the URL only when it first connects
    pool = new pg.Pool({
      connectionString: url,
      max: 8,
      connectionTimeoutMillis: 10_000,
      application_name: "feedctl",
      keepAlive: true,
      keepAliveInitialDelayMillis: 60_000,
      types,
    });
  } catch (error) {
    throw wrong((error as Error).name);
  }
  pool.on("error", () => {}); // an idle connection broke: the next query reports it
  pool.on("connect", (client) => {
    client.on("error", () => {}); // the same for a connection that a transaction holds between two queries
    // other roles may place functions in the schemas of the default path
    void client.query("set search_path = pg_catalog").catch(() => {});
  });
  const db = new Kysely<Tables>({
    dialect: wrapDialect(new PostgresDialect({ pool }), false),
    plugins: [checkKeys],
  }).withSchema("feedctl");
  try {
    await requireTrustedSchemas(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const locks = sessionLocks(pool);
  return {
    kind: "postgres",
    location: withoutPassword(url),
    db,
    lock: locks.lock,
    async script(text) {
      try {
        await pool.query(text);
      } catch (error) {
        throw translateCatalogError(error);
      }
    },
    async [Symbol.asyncDispose]() {
      await locks.close();
      await db.destroy();
    },
  };
}

function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.password = "";
    parsed.search = "";
    return parsed.href;
  } catch {
    return "PostgreSQL";
  }
}
