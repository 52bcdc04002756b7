import type { Socket } from "node:net";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Catalog } from "./catalog.ts";
import { registerSecrets, registerUrl } from "../../lib/redact.ts";
import { checkKeys } from "./check-keys.ts";
import { wrapDialect } from "./dialect.ts";
import { isTlsRefused, lacksTls, translateCatalogError } from "./errors.ts";
import { readPassword } from "./password-file.ts";
import { parseServerAddress, type ServerAddress } from "./server-address.ts";
import { sessionLocks } from "./session-locks.ts";
import { prepareSession, requireSessionPooling, type OwnConnection } from "./session.ts";
import type { Environment } from "./tls.ts";
import { requireTrustedSchemas } from "./trust.ts";
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
 * Opens the catalog on a PostgreSQL server, version 14 or newer, and makes a first connection. The URL may hold a
 * password; `location` does not. Throws `usage` when the URL is malformed or the server cannot hold a catalog.
 */
export async function openPostgres(url: string, env: Environment = {}): Promise<Catalog> {
  registerUrl(url);
  const address = await parseServerAddress(url, env);
  const catalog = catalogOn(await connectPool(address, env), address.location);
  try {
    await requireTrustedSchemas(catalog.db);
  } catch (error) {
    await catalog[Symbol.asyncDispose]();
    throw error;
  }
  return catalog;
}

/** The catalog behind a pool of connections, which it closes. `location`: for messages. */
export function catalogOn(pool: Pool, location: string): Catalog {
  const db = new Kysely<Tables>({
    dialect: wrapDialect(new PostgresDialect({ pool }), false),
    plugins: [checkKeys],
  }).withSchema("feedctl");
  const locks = sessionLocks(pool);
  return {
    kind: "postgres",
    location,
    db,
    lock: locks.lock,
    async script(text) {
      try {
        // a text of several statements has several results
        const results: pg.QueryResult | pg.QueryResult[] = await pool.query(text);
        return [results].flat().at(-1)?.rows ?? [];
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
  registerSecrets(typeof config.password === "string" ? config.password : undefined, env["PGPASSWORD"]);
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

/** The part of node-postgres that reads a socket. */
interface Protocol {
  stream: Socket;
  attachListeners(stream: Socket): void;
  on(event: "error", listener: () => void): void;
}

/**
 * A client whose failures are failures of its connection. node-postgres throws in a listener of the socket, and so ends
 * the process, when it does not understand the server, such as a request for Kerberos; and it keeps the connection open
 * when it cannot log in, so that the process does not end before the server closes it.
 */
class CatalogClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const { connection } = this as unknown as { connection: Protocol };
    const attach = connection.attachListeners.bind(connection);
    connection.attachListeners = (stream) => {
      attach(stream);
      for (const read of stream.listeners("data") as ((chunk: Buffer) => void)[]) {
        stream.off("data", read);
        stream.on("data", (chunk) => {
          try {
            read(chunk);
          } catch (error) {
            stream.destroy(error as Error);
          }
        });
      }
    };
    connection.on("error", () => connection.stream.destroy());
  }
}

/** Milliseconds that a connection may take to be made, and that a pooler may take to give it a session of the server. */
const TIMEOUT = 10_000;
const MOST_CONNECTIONS = 8;
/**
 * Behind a pooler, whose sessions others need as well: one for the locks, one for a transaction, one for queries beside
 * it. `requireSessionPooling` has as many at once, so a pool that is too small is found when the catalog is opened.
 */
const POOLED_CONNECTIONS = 3;

function createPool(server: pg.ClientConfig): pg.Pool {
  const connection = { ...server, application_name: server.application_name ?? "feedctl", types };
  /** Whether a pooler was found to keep sessions. It does not change that while it runs. */
  let sessionsKept = false;
  const checkPooler = async () => {
    if (!sessionsKept) await requireSessionPooling(openOwn);
    sessionsKept = true;
    pool.options.max = POOLED_CONNECTIONS;
  };
  // the pool awaits the result, which its type does not say
  const onConnect = (client: pg.ClientBase): unknown => {
    client.on("error", () => {}); // a connection that a transaction holds broke: its next query reports it
    const { processID } = client as { processID?: number };
    const query = async (text: string, values: unknown[] = []) => {
      const config: pg.QueryConfig & { query_timeout: number } = { text, values, query_timeout: TIMEOUT };
      return client.query(config);
    };
    return prepareSession({ query }, processID, checkPooler);
  };
  const hooks = { onConnect, Client: CatalogClient };
  const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 60_000 };
  const pool = new pg.Pool({
    ...connection,
    ...keepAlive,
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: TIMEOUT,
    ...hooks,
  });
  pool.on("error", () => {}); // an idle connection broke: the next query opens another one
  return pool;

  async function openOwn(): Promise<OwnConnection> {
    const client = new CatalogClient({ ...connection, connectionTimeoutMillis: TIMEOUT, query_timeout: TIMEOUT });
    client.on("error", () => {});
    await client.connect();
    return client;
  }
}
