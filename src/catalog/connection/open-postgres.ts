import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { FeedctlError } from "../../errors.ts";
import { lockKinds, type Catalog, type CatalogLock, type LockRequest } from "./catalog.ts";
import { wrapDialect } from "./dialect.ts";
import { isTlsRefused, lacksTls, translateCatalogError } from "./errors.ts";
import { readPassword } from "./password-file.ts";
import { parseServerAddress, type ServerAddress } from "./server-address.ts";
import { poolerRefused, prepareSession, requireSessionPooling, type OwnConnection } from "./session.ts";
import type { Environment } from "./tls.ts";
import type { Tables } from "../schema/core.ts";

// int8 as number: ids and byte counts stay far below 2^53
const int8 = 20;
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text") =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * Opens the catalog on a PostgreSQL server, version 14 or newer, and makes a first connection. The URL may hold a
 * password; `location` does not. Throws `usage` when the URL is malformed or the server cannot hold a catalog.
 */
export async function openPostgres(url: string, env: Environment = {}): Promise<Catalog> {
  const address = await parseServerAddress(url, env);
  const pool = await connectPool(address, env);
  const db = new Kysely<Tables>({ dialect: wrapDialect(new PostgresDialect({ pool }), false) }).withSchema("feedctl");
  const locks = sessionLocks(pool);
  return {
    kind: "postgres",
    location: address.location,
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

/** Returns a pool with one connection, the first that the server accepts. */
async function connectPool({ config, tls }: ServerAddress, env: Environment): Promise<pg.Pool> {
  // its type lacks the argument, and undefined, which is allowed for a server that asks for no password
  const password = config.password || env["PGPASSWORD"] || (readPassword as () => Promise<string>);
  let refusal: unknown;
  for (const ssl of tls.attempts) {
    const pool = createPool({ ...config, password, ssl, sslnegotiation: tls.negotiation });
    try {
      (await pool.connect()).release();
      return pool;
    } catch (error) {
      await pool.end();
      // the first reason counts, unless it is only that this server has no TLS
      if (refusal === undefined || lacksTls(refusal)) refusal = error;
      if (!isTlsRefused(error)) break;
    }
  }
  throw translateCatalogError(refusal, { connecting: true });
}

/** Milliseconds that a connection may take to be made. */
const TIMEOUT = 10_000;

function createPool(server: pg.ClientConfig): pg.Pool {
  const connection = { ...server, application_name: server.application_name ?? "feedctl", types };
  /** Whether a pooler was found to keep sessions. It does not change that while it runs. */
  let sessionsKept = false;
  const checkPooler = async () => {
    if (!sessionsKept) await requireSessionPooling(openOwn);
    sessionsKept = true;
  };
  // the pool awaits the result, which its type does not say
  const onConnect = (client: pg.ClientBase): unknown => {
    client.on("error", () => {}); // a connection that a transaction holds broke: its next query reports it
    const { processID } = client as { processID?: number };
    return prepareSession(client, processID, checkPooler);
  };
  const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 60_000 };
  const pool = new pg.Pool({ ...connection, ...keepAlive, max: 8, connectionTimeoutMillis: TIMEOUT, onConnect });
  pool.on("error", () => {}); // an idle connection broke: the next query opens another one
  return pool;

  async function openOwn(): Promise<OwnConnection> {
    const client = new pg.Client({ ...connection, connectionTimeoutMillis: TIMEOUT });
    client.on("error", () => {});
    await client.connect();
    return client;
  }
}

/** A connection that holds locks. */
interface LockSession {
  client: pg.PoolClient;
  /** Process id of the server's side: a pooler that does not keep sessions would exchange it. */
  pid: number;
  /** The connection broke, and its locks with it. */
  lost: boolean;
  /** Resolves when the last query was answered: all locks share the connection. */
  last: Promise<unknown>;
}

/**
 * Session-level advisory locks on one dedicated connection: they outlive transactions and end when they are released or
 * when the process ends. When the connection breaks, all its locks are lost and their `assertHeld` rejects; the next
 * lock gets a new connection.
 */
function sessionLocks(pool: pg.Pool) {
  let current: Promise<LockSession> | undefined;

  /** Runs a query, which returns the `pid` of its process, after those before it. */
  async function ask<R extends { pid: number }>(session: LockSession, text: string, parameters: number[]): Promise<R> {
    const answer = session.last.then(() => session.client.query<R>(text, parameters));
    session.last = answer.catch(() => {});
    const row = (await answer).rows[0]!;
    if (row.pid !== session.pid) throw poolerRefused();
    return row;
  }

  async function connect(): Promise<LockSession> {
    const client = await pool.connect();
    const session: LockSession = { client, pid: 0, lost: false, last: Promise.resolve() };
    const lose = () => (session.lost = true);
    client.on("error", lose);
    client.on("end", lose);
    try {
      session.pid = (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;
    } catch (error) {
      client.release(true);
      throw error;
    }
    return session;
  }

  /** The session for further locks. A failed or broken one is replaced. */
  async function liveSession(): Promise<LockSession> {
    const found = (current ??= connect());
    try {
      const session = await found;
      if (!session.lost) return session;
      if (current === found) {
        current = undefined;
        session.client.release(true);
      }
    } catch (error) {
      if (current === found) current = undefined;
      throw error;
    }
    return await liveSession();
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
          const session = await liveSession();
          const { ok } = await ask<{ ok: boolean; pid: number }>(
            session,
            `select pg_try_advisory_lock${suffix}($1, $2) as ok, pg_backend_pid() as pid`,
            parameters,
          );
          if (ok) {
            return {
              async assertHeld() {
                // a vanished server goes unnoticed until a query is sent
                if (!session.lost)
                  await ask(session, "select pg_backend_pid() as pid", []).catch(() => (session.lost = true));
                if (session.lost)
                  throw new FeedctlError("unavailable", "the connection to the catalog broke: its lock is lost", {
                    hint: "run the command again",
                  });
              },
              async [Symbol.asyncDispose]() {
                if (session.lost) return;
                const unlock = `select pg_advisory_unlock${suffix}($1, $2), pg_backend_pid() as pid`;
                await ask(session, unlock, parameters).catch(() => {});
              },
            };
          }
        } catch (error) {
          throw translateCatalogError(error, { connecting: true });
        }
        if (performance.now() >= deadline) return undefined;
        if (!waiting) request.onWait?.();
        waiting = true;
        await sleep(100, undefined, { signal: request.signal });
      }
    },
    async close() {
      const session = await current?.catch(() => undefined);
      session?.client.release(true);
    },
  };
}
