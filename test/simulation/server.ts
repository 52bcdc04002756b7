import { existsSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { catalogOn, types, type Pool } from "../../src/catalog/connection/open-postgres.ts";
import { insertInstallation, saveDefaultRoot } from "../../src/catalog/installation.ts";
import type { Catalog } from "../../src/catalog/connection/catalog.ts";

/** The sessions of one server that all schedules share; opening one costs more than a schedule's moves. */
export interface Server extends AsyncDisposable {
  /** The catalog beside the schedules, for what they begin with. */
  readonly catalog: Catalog;
  /** The id of the installation. */
  readonly installation: string;
  /** Runs a statement beside the schedules. */
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  take(): Promise<Backend>;
  /** Rolls back, releases all locks and keeps the session for the next schedule. */
  giveBack(backend: Backend): Promise<void>;
  isBlocked(backend: Backend): Promise<boolean>;
  cancel(backend: Backend): Promise<void>;
}

/**
 * Settings of the sessions. A statement is planned once in each session: with the few rows of a schedule its plan does
 * not depend on the values.
 */
const OPTIONS = ["jit=off", "deadlock_timeout=20ms", "search_path=pg_catalog", "plan_cache_mode=force_generic_plan"];

export async function connectServer(url: string): Promise<Server> {
  const free: Backend[] = [];
  const all: Backend[] = [];
  const connectionString = await localUrl(url);
  const open = async () => {
    const client = new pg.Client({
      connectionString,
      types,
      options: OPTIONS.map((option) => `-c ${option}`).join(" "),
    });
    client.on("error", () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const backend = new Backend(client, rows[0]!.pid);
    all.push(backend);
    return backend;
  };
  const monitor = await open();
  const query: Server["query"] = async (text, values = []) => (await monitor.run(text, values)).rows as never[];
  const catalog = catalogOn(poolOf(monitor), "the simulated catalog");
  const { id } = await insertInstallation(catalog.db, { host: "simulation", now: new Date() });
  await saveDefaultRoot(catalog.db, "/simulation/packages");
  return {
    catalog,
    query,
    installation: id,
    take: async () => free.pop() ?? (await open()),
    async giveBack(backend) {
      await backend.reset();
      free.push(backend);
    },
    async isBlocked({ pid }) {
      const [row] = await query<{ blocked: boolean }>("select cardinality(pg_blocking_pids($1)) > 0 as blocked", [pid]);
      return row!.blocked;
    },
    async cancel({ pid }) {
      await query("select pg_cancel_backend($1)", [pid]);
    },
    async [Symbol.asyncDispose]() {
      for (const backend of all) await backend.end();
    },
  };
}

/** The URL by the server's own socket, which takes less processor time than a port; the same URL if it has none. */
async function localUrl(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ folder: string; port: string }>(
    "select current_setting('unix_socket_directories') as folder, current_setting('port') as port",
  );
  await client.end();
  const { folder, port } = rows[0]!;
  if (!existsSync(join(folder, `.s.PGSQL.${port}`))) return url;
  const local = new URL(url);
  local.hostname = "localhost";
  local.port = port;
  local.searchParams.set("host", folder);
  return local.href;
}

/** The id of a lock is part of its statements, which would be planned each time. */
const UUID = /'([\da-f]{8}-[\da-f-]{27})'/;

/** A session with the server. Its statements stay prepared: parsing and planning one costs more than carrying it out. */
export class Backend {
  readonly pid: number;
  readonly #client: pg.Client;
  /** The names of prepared statements. */
  readonly #names = new Map<string, string>();
  #hasLocks = false;

  constructor(client: pg.Client, pid: number) {
    this.#client = client;
    this.pid = pid;
  }

  run(text: string, values?: readonly unknown[]): Promise<pg.QueryResult> {
    // several statements in one text cannot be prepared
    if (text.includes(";")) {
      this.#hasLocks ||= text.includes("advisory");
      return this.#client.query(text, values as unknown[]);
    }
    const id = values === undefined ? UUID.exec(text) : null;
    if (id !== null) return this.run(text.replace(id[0], "$1"), [id[1]]);
    if (values === undefined) return this.#client.query(text);
    let name = this.#names.get(text);
    if (name === undefined) this.#names.set(text, (name = `s${this.#names.size}`));
    return this.#client.query({ name, text, values: values as unknown[] });
  }

  /** Whether the last statement has ended its transaction, and so released the locks of rows and tables. */
  isIdle(): boolean {
    return this.#client.getTransactionStatus() === "I";
  }

  /** Rolls back and releases what the session itself has locked. */
  async reset(): Promise<void> {
    if (!this.isIdle()) await this.run("rollback");
    if (this.#hasLocks) await this.run("select pg_advisory_unlock_all()", []);
    this.#hasLocks = false;
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

/** A pool of one session, for one caller at a time. */
function poolOf(backend: Backend): Pool {
  const query = (text: string, values?: unknown[]) => backend.run(text, values);
  const client = { query, release() {}, on() {}, off() {} };
  return { options: {}, query, connect: async () => client, async end() {} } as unknown as Pool;
}
