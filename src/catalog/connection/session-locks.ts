import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { CatalogLock, LockRequest } from "./catalog.ts";
import { lockLost, translateCatalogError } from "./errors.ts";

/** The connection of this process whose life is the life of its locks. */
interface Session {
  client: pg.PoolClient;
  /** A random 63-bit number, in decimal. The connection holds the advisory lock of this number. */
  number: string;
  lost: boolean;
  /** Resolves when the last query was answered: all locks share the connection. */
  last: Promise<unknown>;
}

/**
 * Locks are rows of `feedctl.locks`: taking one needs rights on that table. A row counts while the connection that
 * inserted it lives, which others recognise by an advisory lock: of a random number, held by the recorded backend and
 * role, so that no other role can pretend to be alive. Rows of dead connections are deleted by whoever wants the lock.
 *
 * A process whose connection broke may not know it yet. Therefore a transaction that relies on a lock calls
 * `proveLocks`, which locks the row: either the row was deleted and the transaction fails, or nobody can delete the row
 * before the transaction ends.
 */
export function sessionLocks(pool: { connect(): Promise<pg.PoolClient> }) {
  let session: Promise<Session> | undefined;

  /** Runs queries one after the other, because all locks share the connection. */
  async function ask(state: Session, text: string): Promise<pg.QueryResult | undefined> {
    // a text of several statements has several results
    const answer = state.last.then((): Promise<pg.QueryResult | pg.QueryResult[]> => state.client.query(text));
    state.last = answer.catch(() => {});
    return [await answer].flat().at(-1);
  }

  /** The open session, or a new one when its connection broke: the old one's locks can be taken over by others. */
  async function openSession(): Promise<Session> {
    const current = session;
    const state = await current?.catch(() => undefined);
    if (state !== undefined && !state.lost) return state;
    if (session === current || session === undefined) {
      state?.client.release(true);
      session = connect();
      session.catch(() => (session = undefined));
    }
    return session;
  }

  async function connect(): Promise<Session> {
    const client = await pool.connect();
    const number = (randomBytes(8).readBigUInt64BE() >> 1n).toString();
    const state: Session = { client, number, lost: false, last: Promise.resolve() };
    client.on("error", () => (state.lost = true));
    client.on("end", () => (state.lost = true));
    try {
      // it idles while large blobs are stored
      await client.query(`set idle_session_timeout = 0; select pg_advisory_lock(${number})`);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return state;
  }

  async function tryLock(request: LockRequest): Promise<CatalogLock | undefined> {
    try {
      const state = await openSession();
      const id = (await ask(state, takeLock(request, state.number)))?.rows[0]?.id as string | undefined;
      if (id === undefined) return undefined;
      return {
        proofs: [id],
        async assertHeld() {
          // a vanished server goes unnoticed until a query is sent
          const found = state.lost
            ? undefined
            : await ask(state, `select id from feedctl.locks where id = '${id}'`).catch(() => undefined);
          if (found?.rowCount !== 1) throw lockLost();
        },
        async [Symbol.asyncDispose]() {
          // the row of a lost connection is deleted by the next one that wants the lock
          if (!state.lost) await ask(state, `delete from feedctl.locks where id = '${id}'`).catch(() => {});
        },
      };
    } catch (error) {
      throw translateCatalogError(error, { connecting: true });
    }
  }

  return {
    async lock(request: LockRequest): Promise<CatalogLock | undefined> {
      const deadline = performance.now() + (request.wait ?? 0);
      let waiting = false;
      for (;;) {
        request.signal?.throwIfAborted();
        const lock = await tryLock(request);
        if (lock !== undefined || performance.now() >= deadline) return lock;
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

/**
 * Takes a lock when nobody else's row excludes it, in one implicit transaction of three statements. The table lock
 * serialises those who take locks, but neither `proveLocks` nor readers.
 */
function takeLock({ kind, id, mode }: LockRequest, session: string): string {
  const others = `l.kind = '${kind}' and l.object_id = ${id} and l.session <> ${session}${
    mode === "exclusive" ? "" : " and l.mode = 'exclusive'"
  }`;
  return `lock table feedctl.locks in share row exclusive mode;
    delete from feedctl.locks where id in (
      select l.id from feedctl.locks l where ${others} and not ${isAlive} for update skip locked);
    insert into feedctl.locks (kind, object_id, mode, session, pid, role_id)
    select '${kind}', ${id}, '${mode}', ${session}, pg_backend_pid(), quote_ident(session_user)::regrole::oid
    where not exists (select from feedctl.locks l where ${others})
    returning id;`;
}

/**
 * Whether the connection that inserted the row `l` of `feedctl.locks` still lives. The functions behind `pg_locks` and
 * `pg_stat_activity`: planning the joins of those views took the server three times as long as the rest of `takeLock`.
 */
const isAlive = `exists (
  select from pg_lock_status() a, pg_stat_get_activity(l.pid) s
  where a.locktype = 'advisory' and a.objsubid = 1 and a.granted and a.mode = 'ExclusiveLock' and a.pid = l.pid
    and (a.classid::bigint << 32) | a.objid::bigint = l.session and s.usesysid = l.role_id)`;
