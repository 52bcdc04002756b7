import { EventEmitter } from "node:events";
import { setTimeout as realSleep } from "node:timers";
import pg from "pg";
import { types, type Pool } from "../../src/catalog/connection/open-postgres.ts";
import type { Actor, Outcome, Session } from "./schedule.ts";

/** The sessions of one server that all schedules share; opening one costs more than a schedule's moves. */
export interface Server extends AsyncDisposable {
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  take(): Promise<Backend>;
  /** Rolls back, releases all locks and keeps the session for the next schedule. */
  giveBack(backend: Backend): Promise<void>;
  isBlocked(backend: Backend): Promise<boolean>;
  cancel(backend: Backend): Promise<void>;
}

interface Backend {
  client: pg.Client;
  pid: number;
  /** How often each statement was seen. */
  seen: Map<string, number>;
  /** The names of prepared statements. */
  prepared: Map<string, string>;
}

/** From this many uses on a statement is prepared, which halves its cost. */
const PREPARE = 2;

export async function connectServer(url: string): Promise<Server> {
  const free: Backend[] = [];
  const all: pg.Client[] = [];
  const open = async () => {
    const client = new pg.Client({
      connectionString: url,
      types,
      options: "-c jit=off -c deadlock_timeout=20ms -c search_path=pg_catalog",
    });
    client.on("error", () => {});
    await client.connect();
    all.push(client);
    return client;
  };
  const monitor = await open();
  return {
    query: async (text, values) => (await monitor.query(text, values)).rows,
    async take() {
      const kept = free.pop();
      if (kept !== undefined) return kept;
      const client = await open();
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      return { client, pid: rows[0]!.pid, seen: new Map(), prepared: new Map() };
    },
    async giveBack(backend) {
      await backend.client.query("rollback; select pg_advisory_unlock_all()");
      free.push(backend);
    },
    async isBlocked({ pid }) {
      const { rows } = await monitor.query<{ blocked: boolean }>(
        "select cardinality(pg_blocking_pids($1)) > 0 as blocked",
        [pid],
      );
      return rows[0]!.blocked;
    },
    async cancel({ pid }) {
      await monitor.query("select pg_cancel_backend($1)", [pid]);
    },
    async [Symbol.asyncDispose]() {
      for (const client of all) await client.end();
    },
  };
}

/** Milliseconds after which the server is asked whether a lock blocks a statement. */
const PATIENCE = 3;

/** One actor's pool of connections: every statement is a call of the schedule. */
export class ScheduledPool implements Pick<Pool, "connect" | "query" | "end"> {
  readonly options = {} as Pool["options"];
  readonly #server: Server;
  readonly #actor: Actor;
  readonly #open = new Set<Connection>();
  #idle: Connection[] = [];
  #count = 0;

  constructor(server: Server, actor: Actor) {
    this.#server = server;
    this.#actor = actor;
  }

  async connect(): Promise<pg.PoolClient> {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle?.lost === true) continue;
      const connection =
        idle ?? new Connection(this.#server, this.#actor, ++this.#count, (one) => this.#idle.push(one));
      this.#open.add(connection);
      return connection as unknown as pg.PoolClient;
    }
  }

  query: Pool["query"] = async (...parameters: unknown[]) => {
    const client = await this.connect();
    try {
      const query: (...all: unknown[]) => Promise<never> = client.query;
      return await query.apply(client, parameters);
    } finally {
      client.release();
    }
  };

  sessions(): Session[] {
    return [...this.#open].filter((connection) => !connection.lost && connection.used);
  }

  async end(): Promise<void> {
    for (const connection of this.#open) await connection.close();
    this.#open.clear();
    this.#idle = [];
  }
}

/** A statement that was sent to the server. */
interface Running {
  answer: Promise<Outcome>;
  outcome?: Outcome;
}

class Connection extends EventEmitter implements Session {
  readonly name: string;
  lost = false;
  used = false;
  readonly #server: Server;
  readonly #actor: Actor;
  readonly #onRelease: (one: Connection) => void;
  #backend: Promise<Backend> | undefined;
  #running: Running | undefined;
  #broken = Promise.withResolvers<never>();

  constructor(server: Server, actor: Actor, number: number, onRelease: (one: Connection) => void) {
    super();
    this.name = `connection ${number}`;
    this.#server = server;
    this.#actor = actor;
    this.#onRelease = onRelease;
    this.on("error", () => {});
    this.#broken.promise.catch(() => {});
  }

  async query(text: string, values?: unknown[]): Promise<unknown> {
    if (this.lost) throw terminated();
    this.used = true;
    const call = this.#actor.schedule.call({
      actor: this.#actor,
      session: this,
      label: `${this.name}: ${text.replaceAll(/\s+/g, " ").trim().slice(0, 110)}`,
      perform: () => this.#perform(text, values),
      blocked: () => this.#outcome(),
    });
    return Promise.race([call, this.#broken.promise]);
  }

  release(): void {
    if (!this.lost) this.#onRelease(this);
  }

  async cut(): Promise<void> {
    await this.close();
    const error = terminated();
    this.#broken.reject(error);
    this.emit("error", error);
    this.emit("end");
  }

  async close(): Promise<void> {
    if (this.lost) return;
    this.lost = true;
    const backend = await this.#backend;
    if (backend === undefined) return;
    if (this.#running !== undefined && this.#running.outcome === undefined) await this.#server.cancel(backend);
    await this.#running?.answer;
    await this.#server.giveBack(backend);
  }

  async #perform(text: string, values: unknown[] | undefined): Promise<Outcome | undefined> {
    if (this.lost) return { error: terminated() };
    const backend = await (this.#backend ??= this.#server.take());
    const query = statementOf(backend, text, values);
    const running: Running = {
      answer: backend.client.query(query).then(
        (value): Outcome => ({ value }),
        (error: unknown): Outcome => ({ error }),
      ),
    };
    running.answer = running.answer.then((outcome) => (running.outcome = outcome));
    this.#running = running;
    return this.#outcome();
  }

  /** The outcome of the running statement; undefined while a lock blocks it. */
  async #outcome(): Promise<Outcome | undefined> {
    const running = this.#running;
    const backend = await this.#backend;
    if (running === undefined || backend === undefined) return { error: terminated() };
    for (;;) {
      const done = await Promise.race([running.answer, pause(PATIENCE)]);
      if (done !== undefined) return done;
      if (await this.#server.isBlocked(backend)) return running.outcome;
    }
  }
}

function statementOf({ seen, prepared }: Backend, text: string, values: unknown[] | undefined): pg.QueryConfig {
  const query = { text, ...(values !== undefined && { values }) };
  if (values === undefined || text.includes(";")) return query;
  const uses = (seen.get(text) ?? 0) + 1;
  seen.set(text, uses);
  if (uses >= PREPARE && !prepared.has(text)) prepared.set(text, `s${prepared.size}`);
  const name = prepared.get(text);
  return name === undefined ? query : { ...query, name };
}

function terminated(): Error {
  return new Error("Connection terminated unexpectedly");
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => void realSleep(resolve, milliseconds, undefined));
}
