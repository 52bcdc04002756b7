// The only file that imports pg-boss. It distributes coarse jobs (a range of a few thousand blobs each) among workers
// on many machines, and keeps its queues in a schema of its own in the catalog's database.
import { PgBoss } from "pg-boss";
import { sql } from "kysely";
import type { Catalog } from "../connection/catalog.ts";
import { translateCatalogError } from "../connection/errors.ts";

/** A job that this worker holds. Without a heartbeat (`touch`) it goes to another worker. */
export interface TakenJob {
  migrationId: number;
  number: number;
  touch(): Promise<void>;
  /** The range is finished, or there is nothing to do. */
  complete(): Promise<void>;
  /** Returns the job to the queue for another attempt, after a delay. */
  giveBack(): Promise<void>;
}

/** Each migration has a queue of its own, so that its workers never see the ranges of another migration. */
export interface Jobs extends AsyncDisposable {
  /** Creates the migration's queue if it does not exist. */
  open(migrationId: number): Promise<void>;
  /** Queues ranges. A range that is queued or worked on already is skipped. */
  publish(migrationId: number, numbers: readonly number[]): Promise<void>;
  /** The next job; undefined when none is available now. */
  take(migrationId: number): Promise<TakenJob | undefined>;
  /** Deletes the queue with its jobs. */
  drop(migrationId: number): Promise<void>;
}

const SCHEMA = "feedctl_jobs";
/**
 * pg-boss serialises its changes by advisory locks of numbers that anyone can compute, and any role that may connect
 * could hold them. A row to lock needs rights on it.
 */
const ADVISORY_LOCK = /SELECT pg_advisory_xact_lock\(.*\)(?=;)/g;
const queueOf = (migrationId: number) => `ranges-${migrationId}`;
/** A worker without a heartbeat for this long counts as dead. */
const HEARTBEAT_SECONDS = 15;
/** How often pg-boss looks for dead workers. */
const SUPERVISE_SECONDS = 5;

/** Starts pg-boss, which creates its schema on first use unless an administrator has made it. */
export async function openJobs(catalog: Catalog, onError: (error: Error) => void): Promise<Jobs> {
  const { db } = catalog;
  const schema = await sql`select where to_regnamespace(${SCHEMA}) is not null`.execute(db);
  const boss = new PgBoss({
    schema: SCHEMA,
    createSchema: schema.rows.length === 0,
    db: {
      async executeSql(given, values = []) {
        const text = given.replaceAll(ADVISORY_LOCK, "SELECT FROM feedctl.mutexes WHERE name = 'jobs' FOR UPDATE");
        const { query } = sql`select`.compile(db);
        const statement = { sql: text, parameters: values, query, queryId: { queryId: SCHEMA } };
        if (values.length > 0) return { rows: [...(await db.executeQuery<object>(statement)).rows] };
        // a script opens its own transaction, which must not stay open on the pooled connection when the script fails
        return db.connection().execute(async (one) => {
          try {
            return { rows: [...(await one.executeQuery<object>(statement)).rows] };
          } catch (error) {
            await sql`rollback`.execute(one).catch(() => {});
            throw error;
          }
        });
      },
    },
    schedule: false,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    monitorVacuum: false,
    reindex: false,
  });
  boss.on("error", onError);
  try {
    await boss.start();
  } catch (error) {
    throw translateCatalogError(error);
  }
  /** Returns undefined when the call fails because the queue was dropped meanwhile: the last range was finished. */
  async function unlessDropped<T>(queue: string, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if ((await boss.getQueue(queue)) === null) return undefined;
      throw error;
    }
  }
  return {
    open: (migrationId) =>
      boss.createQueue(queueOf(migrationId), {
        policy: "exclusive",
        heartbeatSeconds: HEARTBEAT_SECONDS,
        expireInSeconds: 23 * 3600,
        retryLimit: 1000,
        retryDelay: 1,
        deleteAfterSeconds: 24 * 3600,
      }),
    async publish(migrationId, numbers) {
      const jobs = numbers.map((number) => ({ data: { number }, singletonKey: String(number) }));
      if (jobs.length > 0) await boss.insert(queueOf(migrationId), jobs);
    },
    async take(migrationId) {
      const queue = queueOf(migrationId);
      const [job] = (await unlessDropped(queue, () => boss.fetch<{ number: number }>(queue))) ?? [];
      if (job === undefined) return undefined;
      const attempt = { id: job.id, retryCount: job.retryCount };
      return {
        migrationId,
        number: job.data.number,
        touch: async () => void (await unlessDropped(queue, () => boss.touch(queue, attempt))),
        complete: async () => void (await unlessDropped(queue, () => boss.complete(queue, attempt))),
        giveBack: async () => void (await unlessDropped(queue, () => boss.fail(queue, attempt))),
      };
    },
    drop: (migrationId) => boss.deleteQueue(queueOf(migrationId)),
    [Symbol.asyncDispose]: () => boss.stop({ graceful: false }),
  };
}
