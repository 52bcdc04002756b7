import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import type { Catalog, LockRequest } from "../../src/catalog/connection/catalog.ts";
import { openPostgres } from "../../src/catalog/connection/open-postgres.ts";
import { proveLocks } from "../../src/catalog/locks.ts";
import { isFeedctlError } from "../../src/errors.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { until } from "../support/wait.ts";

const write = (mode: LockRequest["mode"]): LockRequest => ({ kind: "write", id: 1, mode });
const isLost = (error: unknown) => isFeedctlError(error, "unavailable") && /its lock is lost/.test(error.message);

/** Ends the connection that holds a catalog's locks, as an outage does. */
async function cut(catalog: Catalog): Promise<void> {
  await sql`select pg_terminate_backend(pid, 10000) from pg_locks join pg_database d on d.oid = database
    where locktype = 'advisory' and objsubid = 1 and datname = current_database()`.execute(catalog.db);
}

describe("locks on PostgreSQL", () => {
  let server: TestPostgres | undefined;
  before(async () => (server = await startPostgres()));
  after(() => server?.stop());

  /** Two processes of one catalog. */
  async function two(): Promise<AsyncDisposable & { one: Catalog; other: Catalog }> {
    const url = await server!.createCatalog();
    const [one, other] = await Promise.all([openPostgres(url), openPostgres(url)]);
    return {
      one,
      other,
      async [Symbol.asyncDispose]() {
        await one[Symbol.asyncDispose]();
        await other[Symbol.asyncDispose]();
      },
    };
  }

  test("exclude other processes, by feed and mode, until they are released", async (t) => {
    if (server === undefined) return t.skip("no PostgreSQL on this machine");
    await using catalogs = await two();
    const { one, other } = catalogs;
    const shared = await one.lock(write("shared"));
    assert.ok(shared !== undefined);
    assert.equal(await other.lock(write("exclusive")), undefined);
    assert.ok((await other.lock({ ...write("exclusive"), id: 2 })) !== undefined);
    await using also = await other.lock(write("shared"));
    assert.ok(also !== undefined);
    await shared[Symbol.asyncDispose]();
    // the locks of one process do not exclude one another
    assert.ok((await other.lock(write("exclusive"))) !== undefined);
    assert.equal(await one.lock({ ...write("shared"), wait: 150 }), undefined);
  });

  test("one whose connection broke is still proven while nobody wants it, and not afterwards", async (t) => {
    if (server === undefined) return t.skip("no PostgreSQL on this machine");
    await using catalogs = await two();
    const { one, other } = catalogs;
    const lock = (await one.lock(write("shared")))!;
    await proveLocks(one.db, lock.proofs);
    await cut(other);
    await proveLocks(one.db, lock.proofs);
    await assert.rejects(lock.assertHeld(), isLost);
    assert.ok((await other.lock(write("exclusive"))) !== undefined);
    await assert.rejects(proveLocks(one.db, lock.proofs), isLost);
    // the process gets a new connection for its next lock
    assert.ok((await one.lock({ ...write("shared"), id: 2 })) !== undefined);
  });

  test("a transaction that has proven its lock keeps it until its end, whatever becomes of the connection", async (t) => {
    if (server === undefined) return t.skip("no PostgreSQL on this machine");
    await using catalogs = await two();
    const { one, other } = catalogs;
    const lock = (await one.lock(write("exclusive")))!;
    await one.db.transaction().execute(async (transaction) => {
      await proveLocks(transaction, lock.proofs);
      await cut(other);
      assert.equal(await other.lock(write("shared")), undefined);
    });
    assert.ok((await other.lock(write("shared"))) !== undefined);
  });

  test("after a crash of the server no lock is left", async (t) => {
    await using own = await startPostgres({ own: true });
    if (own === undefined) return t.skip("no PostgreSQL on this machine");
    await using one = await openPostgres(await own.createCatalog());
    const lock = (await one.lock(write("exclusive")))!;
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(one.db);
    try {
      process.kill(rows[0]!.pid, "SIGKILL"); // PostgreSQL treats that as a crash and recovers
    } catch {
      return t.skip("the server is not a process of this user");
    }
    await until("the server is back", async () => {
      return sql`select from feedctl.locks`.execute(one.db).then(
        () => true,
        () => false,
      );
    });
    await assert.rejects(proveLocks(one.db, lock.proofs), isLost);
  });
});
