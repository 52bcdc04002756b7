import { EventEmitter } from "node:events";
import { clearTimeout, setTimeout as setRealTimeout } from "node:timers";
import type pg from "pg";
import type { Pool } from "../../src/catalog/connection/open-postgres.ts";
import type { Actor, CallKind, Outcome, Session } from "./actor.ts";
import type { Backend, Server } from "./server.ts";

/**
 * Milliseconds after which the server is asked whether a lock blocks a statement. Doubled each time, because asking
 * costs more than most statements, and on a busy machine all of them take that long.
 */
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
  text: string;
  answer: Promise<Outcome>;
  outcome?: Outcome;
}

class Connection extends EventEmitter implements Session {
  readonly name: string;
  lost = false;
  used = false;
  hasLocks = false;
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
    this.hasLocks ||= text.includes("pg_advisory_lock");
    const call = this.#actor.schedule.call({
      actor: this.#actor,
      session: this,
      label: `${this.name}: ${shorten(text)}`,
      kind: kindOf(text),
      perform: () => this.#perform(text, values),
      blocked: () => this.#outcome(),
      releases: async () => (await this.#backend)?.isIdle() ?? false,
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
    const running: Running = {
      text,
      answer: backend.run(text, values).then(
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
    if (!canBeBlocked(running.text)) return running.answer;
    for (let patience = PATIENCE; ; patience *= 2) {
      const done = await within(patience, running.answer);
      if (done !== undefined) return done;
      if (await this.#server.isBlocked(backend)) return running.outcome;
    }
  }
}

function kindOf(text: string): CallKind {
  return text === "begin" || text === "commit" ? text : "statement";
}

/** Nothing blocks those that only read: no table is locked against readers. */
function canBeBlocked(text: string): boolean {
  return /\b(insert|update|delete|lock|share|pg_advisory_lock)\b/i.test(text);
}

const labels = new Map<string, string>();

function shorten(text: string): string {
  let label = labels.get(text);
  if (label === undefined) labels.set(text, (label = text.replaceAll(/\s+/g, " ").trim().slice(0, 110)));
  return label;
}

function terminated(): Error {
  return new Error("Connection terminated unexpectedly");
}

/** What the promise resolves to, undefined when that takes longer than so many real milliseconds. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setRealTimeout(resolve, milliseconds, undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
