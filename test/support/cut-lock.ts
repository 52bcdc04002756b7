import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import { runSources } from "./in-process.ts";
import { until } from "./wait.ts";

runSources();

/** Called before each query of a run that `listQueries` or `cutLock` watches. */
const watched = new AsyncLocalStorage<(text: string) => Promise<void>>();

const query = pg.Client.prototype.query as (this: pg.Client, ...parameters: unknown[]) => unknown;
Object.assign(pg.Client.prototype, {
  query(this: pg.Client, ...parameters: unknown[]): unknown {
    const before = watched.getStore();
    return before === undefined
      ? query.apply(this, parameters)
      : before(String(parameters[0])).then(() => query.apply(this, parameters));
  },
});

/** The queries that a run makes, in order. */
export async function listQueries(run: () => Promise<unknown>): Promise<string[]> {
  const queries: string[] = [];
  await watched.run(async (text) => void queries.push(text), run);
  return queries;
}

/**
 * Runs `run`, but before its query number `at` its lock connection is cut, and `others` run. The run goes on when they
 * have ended, or when one of them waits for a row that the run has locked. Returns what the run returns, and whether
 * there was such a query.
 */
export async function cutLock<T>(
  url: string,
  at: number,
  run: () => Promise<T>,
  others: () => Promise<void>,
): Promise<{ result: T; struck: boolean }> {
  let count = 0;
  let done: Promise<void> | undefined;
  const before = async () => {
    count++;
    if (count !== at) return;
    await watched.exit(async () => {
      await using admin = await connect(url);
      await admin.client.query(
        `select pg_terminate_backend(pid, 10000) from pg_locks join pg_database d on d.oid = database
         where locktype = 'advisory' and objsubid = 1 and datname = current_database()`,
      );
      let ended = false;
      done = others().finally(() => (ended = true));
      done.catch(() => {}); // awaited below
      const waits = `select from pg_locks l join pg_stat_activity a using (pid) where not granted and a.datname = current_database()`;
      await until("the others end or wait", async () => ended || (await admin.client.query(waits)).rowCount !== 0);
    });
  };
  const result = await watched.run(before, run);
  await done;
  return { result, struck: done !== undefined };
}

async function connect(url: string): Promise<AsyncDisposable & { client: pg.Client }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
