import { FeedctlError } from "../../errors.ts";

/** A connection to a server. */
export interface Connection {
  query(text: string, parameters?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** A connection of its own, outside any pool. */
export interface OwnConnection extends Connection {
  end(): Promise<void>;
}

/**
 * What the code relies on in a session. A database, a role or `options` in the URL may set anything else: dates in
 * another order, backslashes as escapes, time-outs that end a session while a large blob is stored.
 */
const settings = {
  // other roles may place functions in the schemas of the default path
  search_path: "pg_catalog",
  client_encoding: "UTF8",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  timezone: "UTC",
  standard_conforming_strings: "on",
  bytea_output: "hex",
  extra_float_digits: "1",
  transform_null_equals: "off",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  statement_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
};

/** Since PostgreSQL 17. */
const newerSettings = { transaction_timeout: "0" };

const OLDEST_VERSION = 140_000;

// Behind a pooler the settings count for this statement alone, until the pooler is known to keep sessions: otherwise
// they would stay on a connection that other programs get. The names have their schema, because the search path is not
// set yet.
const local = "pg_catalog.pg_backend_pid() operator(pg_catalog.<>) $1::pg_catalog.int4";
const assignments = [
  ...Object.entries(settings).map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', ${local})`),
  ...Object.entries(newerSettings).map(
    ([name, value]) =>
      `case when pg_catalog.current_setting('${name}', true) is not null then pg_catalog.set_config('${name}', '${value}', ${local}) end`,
  ),
  // a source file is deleted after its row was committed, so a commit must survive a power cut
  `case when pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off' then pg_catalog.set_config('synchronous_commit', 'on', ${local}) end`,
];
const PREPARE = `select pg_catalog.pg_backend_pid() as pid, pg_catalog.current_setting('server_encoding') as encoding,
  pg_catalog.current_setting('server_version_num')::pg_catalog.int4 as number,
  pg_catalog.current_setting('server_version') as version,
  pg_catalog.concat(${assignments.join(", ")}) as assigned`;

/**
 * Sets what the code relies on in a new session. `reportedPid` is the process id that the server reported at the login:
 * a pooler reports another one than the session has, and then `checkPooler` is called first. Throws `usage`
 * when the server or the database cannot hold a catalog.
 */
export async function prepareSession(
  connection: Connection,
  reportedPid: number | undefined,
  checkPooler: () => Promise<void>,
): Promise<void> {
  const { pid, encoding, number, version } = await assign(connection, reportedPid ?? -1);
  if (number < OLDEST_VERSION)
    throw new FeedctlError(
      "usage",
      `the catalog's server is PostgreSQL ${version}; feedctl needs version 14 or newer`,
      {
        hint: "upgrade the server, or let FEEDCTL_DATABASE_URL name another one",
      },
    );
  if (encoding !== "UTF8")
    throw new FeedctlError("usage", `the catalog's database has the encoding ${encoding}; it must be UTF8`, {
      hint: "create another one: createdb --encoding UTF8 --template template0 NAME",
    });
  if (pid === reportedPid) return;
  await checkPooler();
  await assign(connection, pid);
}

interface SessionFacts {
  pid: number;
  encoding: string;
  /** As in `server_version_num`: 170002 is 17.2. */
  number: number;
  version: string;
}

async function assign(connection: Connection, pid: number): Promise<SessionFacts> {
  const { rows } = await connection.query(PREPARE, [pid]);
  return rows[0] as SessionFacts;
}

/** The error for a pooler that gives a session's next query to another server process. */
function poolerRefused(): FeedctlError {
  return new FeedctlError("usage", "the catalog is behind a pooler that does not keep sessions", {
    hint: "locks need sessions: set pool_mode = session in PgBouncer, or connect to PostgreSQL itself",
  });
}

/**
 * Throws when the pooler between here and the server assigns server connections to transactions, not to sessions.
 * While a second session is in a transaction, the first one must still have the server process that it had before.
 * Tried in an order that shows it both when the pooler prefers the connection that was used last and when it takes
 * turns.
 */
export async function requireSessionPooling(connect: () => Promise<OwnConnection>): Promise<void> {
  const first = await connect();
  try {
    const own = await backend(first);
    if ((await backend(first)) !== own) throw poolerRefused();
    const second = await connect();
    try {
      await begin(second);
      if ((await backend(second)) === own || (await backend(first)) !== own) throw poolerRefused();
    } finally {
      await second.end();
    }
  } finally {
    await first.end();
  }
}

/** PgBouncer refuses a transaction when it gives even a single statement to any connection. */
async function begin(connection: Connection): Promise<void> {
  try {
    await connection.query("begin");
  } catch (error) {
    throw error instanceof Error && /statement pooling/.test(error.message) ? poolerRefused() : error;
  }
}

async function backend(connection: Connection): Promise<number> {
  const { rows } = await connection.query("select pg_backend_pid() as pid");
  return (rows[0] as { pid: number }).pid;
}
