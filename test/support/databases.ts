import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import pg from "pg";
import { copyEmbeddedCatalog } from "./embedded-template.ts";
import { type FeedctlResult, isolation, resultOf, type Sandbox, sandbox } from "./feedctl.ts";
import { runHere, type TestClock } from "./in-process.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { PATIENCE } from "./wait.ts";

/** A sandbox with its own catalog of one kind. */
export interface Installation extends Sandbox {
  readonly env: Record<string, string>;
  /** The clocks of feedctl in this process. */
  readonly clock: TestClock;
  /** Runs feedctl inside this process. */
  any(...args: string[]): Promise<FeedctlResult>;
  /** The same, and asserts exit status 0. */
  run(...args: string[]): Promise<FeedctlResult>;
  /** The same, and asserts this exit status. */
  exits(code: number, ...args: string[]): Promise<FeedctlResult>;
  /** Runs SQL on the catalog directly. No feedctl may run meanwhile: only one process can open the embedded catalog. */
  rows(sql: string): Promise<Record<string, unknown>[]>;
}

export interface TestDatabase {
  readonly name: "embedded" | "PostgreSQL";
  /** Registers a test with its own installation; skipped with a reason when this machine lacks the database. */
  test(name: string, body: (t: TestContext, place: Installation) => Promise<void>): void;
  /** The same, but on the embedded catalog only with FEEDCTL_TEST_EMBEDDED=all: opening it costs ten times as much. */
  testOnServer: TestDatabase["test"];
  /** Creates an installation, for tests that need none or several; undefined when this machine lacks the database. */
  install(env?: Record<string, string>): Promise<Installation | undefined>;
}

export interface CatalogOptions {
  /** A database without a schema, for tests of the migrations. By default it is a copy that has the newest one. */
  empty?: boolean | undefined;
}
/** Timeout of one test. Longer than that of a feedctl process, whose error has the output of feedctl. */
const TEST_TIME = 2 * PATIENCE;

interface Started {
  /** The environment of a new installation. */
  create(): Promise<Record<string, string>>;
  /** Makes what the installation has in its data directory. */
  prepare?(data: string): Promise<void>;
  stop(): Promise<void>;
}

interface Kind {
  start(options: CatalogOptions): Promise<Started | undefined>;
  query(place: Sandbox, env: Record<string, string>, sql: string): Promise<Record<string, unknown>[]>;
}

/** Both kinds of catalog. */
export const DATABASES = {
  embedded: {
    start: async ({ empty = false }) => ({
      create: async () => ({}),
      ...(!empty && { prepare: copyEmbeddedCatalog }),
      stop: async () => {},
    }),
    async query(place, _env, sql) {
      const { PGlite } = await import("@electric-sql/pglite");
      const pglite = await PGlite.create(join(place.data, "catalog"), {
        startParams: [...PGlite.defaultStartParams, "-c", "shared_buffers=32MB"],
      });
      try {
        return (await pglite.query<Record<string, unknown>>(sql)).rows;
      } finally {
        await pglite.close();
      }
    },
  },
  PostgreSQL: {
    async start({ empty = false }) {
      const server: TestPostgres | undefined = await startPostgres();
      if (server === undefined) return undefined;
      const create = empty ? server.createDatabase : server.createCatalog;
      return { create: async () => ({ FEEDCTL_DATABASE_URL: await create() }), stop: server.stop };
    },
    async query(_place, env, sql) {
      const client = new pg.Client({ connectionString: env["FEEDCTL_DATABASE_URL"] });
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(sql)).rows;
      } finally {
        await client.end();
      }
    },
  },
} satisfies Record<TestDatabase["name"], Kind>;

export interface OpenDatabase extends AsyncDisposable {
  install(env?: Record<string, string>): Promise<Installation>;
}

/** Starts the database; undefined when this machine lacks it. */
export async function openDatabase(
  name: TestDatabase["name"],
  options: CatalogOptions = {},
): Promise<OpenDatabase | undefined> {
  const kind: Kind = DATABASES[name];
  const started = await kind.start(options);
  if (started === undefined) return undefined;
  return {
    async install(env = {}) {
      const place = await installation(kind, { ...(await started.create()), ...env });
      if (env["FEEDCTL_DATA_DIR"] === undefined) await started.prepare?.(place.data);
      return place;
    },
    [Symbol.asyncDispose]: () => started.stop(),
  };
}

/** Registers the same tests for each of the databases. `concurrency` is for tests that mostly wait. */
export function onDatabases(
  title: string,
  names: readonly TestDatabase["name"][],
  register: (database: TestDatabase) => void,
  { concurrency = 1, ...catalog }: CatalogOptions & { concurrency?: number | undefined } = {},
): void {
  for (const name of names) {
    describe(`${title} (${name} catalog)`, { concurrency }, () => {
      let opened: OpenDatabase | undefined;
      before(async () => {
        opened = await openDatabase(name, catalog);
      });
      after(() => opened?.[Symbol.asyncDispose]());
      const install: TestDatabase["install"] = async (env) => opened?.install(env);
      const add: TestDatabase["test"] = (behaviour, body) =>
        void test(behaviour, { timeout: TEST_TIME }, async (t) => {
          await using place = await install();
          if (place === undefined) return t.skip(`no ${name} on this machine`);
          return await body(t, place);
        });
      const left = name === "embedded" && process.env["FEEDCTL_TEST_EMBEDDED"] !== "all";
      register({ name, install, test: add, testOnServer: left ? () => {} : add });
    });
  }
}

export function onEachDatabase(
  title: string,
  register: (database: TestDatabase) => void,
  options?: CatalogOptions,
): void {
  onDatabases(title, Object.keys(DATABASES) as TestDatabase["name"][], register, options);
}

async function installation(kind: Kind, env: Record<string, string>): Promise<Installation> {
  const place = await sandbox(env);
  const clock: TestClock = {};
  const where = { cwd: place.directory, env: { ...isolation(place.directory), ...env }, clock };
  const any = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHere(args, where);
    return resultOf(code, stdout, stderr);
  };
  const exits = async (code: number, ...args: string[]) => expectExit(code, args, await any(...args));
  return {
    ...place,
    env,
    clock,
    any,
    exits,
    run: (...args) => exits(0, ...args),
    rows: (sql) => kind.query(place, env, sql),
  };
}

/** Asserts the exit status; the error has all output of feedctl. */
export function expectExit(code: number, args: readonly string[], result: FeedctlResult): FeedctlResult {
  const said = `feedctl ${args.join(" ")}\n${result.stdout}${result.stderr}`;
  assert.equal(result.code, code, `exit status ${result.code} instead of ${code}: ${said}`);
  return result;
}
