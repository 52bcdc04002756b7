import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { FeedctlError } from "../../errors.ts";
import { lockKinds, type CatalogLock, type LockRequest } from "./catalog.ts";
import { translateCatalogError } from "./errors.ts";
import { poolerRefused } from "./session.ts";

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
export function sessionLocks(pool: pg.Pool) {
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
