import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { FeedctlError } from "../../errors.ts";
import { lockKinds, type Catalog, type CatalogLock, type LockRequest } from "./catalog.ts";
import { wrapDialect } from "./dialect.ts";
import { translateCatalogError } from "./errors.ts";
import type { Tables } from "../schema/core.ts";

// int8 as number: ids and byte counts stay far below 2^53
const int8 = 20;

/** How the values of columns are parsed. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text") =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** The part of `pg.Pool` that a catalog needs. */
export type Pool = Pick<pg.Pool, "query" | "end" | "options"> & { connect(): Promise<pg.PoolClient> };

/**
 * Opens the catalog on a PostgreSQL server, version 14 or newer. The URL may hold a password; `location` does not.
 * Throws `usage` when the URL is malformed.
 */
export async function openPostgres(url: string): Promise<Catalog> {
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
  pool.on("connect", (client) => client.on("error", () => {})); // the same for a connection that a transaction holds between two queries
  return catalogOn(pool, withoutPassword(url));
}

/** The catalog behind a pool of connections, which it closes. `location`: for messages. */
export function catalogOn(pool: Pool, location: string): Catalog {
  const db = new Kysely<Tables>({ dialect: wrapDialect(new PostgresDialect({ pool }), false) }).withSchema("feedctl");
  const locks = sessionLocks(pool);
  return {
    kind: "postgres",
    location,
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

/**
 * Session-level advisory locks on one dedicated connection: they outlive transactions and end when they are released or
 * when the process ends. When the connection breaks, all locks are lost and `assertHeld` rejects.
 */
function sessionLocks(pool: Pool) {
  let session: Promise<{ client: pg.PoolClient; lost: boolean }> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** Runs queries one after the other, because all locks share the connection. */
  function ask<R extends pg.QueryResultRow>(
    client: pg.PoolClient,
    text: string,
    parameters: number[],
  ): Promise<pg.QueryResult<R>> {
    const answer = last.then(() => client.query<R>(text, parameters));
    last = answer.catch(() => {});
    return answer;
  }

  async function connect() {
    const client = await pool.connect();
    const state = { client, lost: false };
    client.on("error", () => (state.lost = true));
    client.on("end", () => (state.lost = true));
    await client.query("set idle_session_timeout = 0"); // it idles while large blobs are stored
    return state;
  }

  return {
    async lock(request: LockRequest): Promise<CatalogLock | undefined> {
      const suffix = request.mode === "shared" ? "_shared" : "";
      const parameters = [lockKinds[request.kind], request.id];
      const deadline = performance.now() + (request.wait ?? 0);
      let waiting = false;
      for (;;) {
        request.signal?.throwIfAborted();
        try {
          const state = await (session ??= connect());
          const answer = await ask<{ ok: boolean }>(
            state.client,
            `select pg_try_advisory_lock${suffix}($1, $2) as ok`,
            parameters,
          );
          if (answer.rows[0]?.ok === true) {
            return {
              async assertHeld() {
                // a vanished server goes unnoticed until a query is sent
                if (!state.lost) await ask(state.client, "select", []).catch(() => (state.lost = true));
                if (state.lost)
                  throw new FeedctlError("unavailable", "the connection to the catalog broke: its lock is lost", {
                    hint: "run the command again",
                  });
              },
              async [Symbol.asyncDispose]() {
                if (!state.lost)
                  await ask(state.client, `select pg_advisory_unlock${suffix}($1, $2)`, parameters).catch(() => {});
              },
            };
          }
        } catch (error) {
          throw translateCatalogError(error);
        }
        if (performance.now() >= deadline) return undefined;
        if (!waiting) request.onWait?.();
        waiting = true;
        await sleep(100, undefined, { signal: request.signal });
      }
    },
    async close() {
      const state = await session?.catch(() => undefined);
      state?.client.release(true);
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
