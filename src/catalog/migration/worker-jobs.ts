// The only file that knows pg-boss, which hands out the work that many machines share: coarse jobs (a range of a few
// thousand blobs each), in a schema of its own on the catalog's own PostgreSQL.
import { PgBoss } from "pg-boss";
import { sql } from "kysely";
import type { Catalog } from "../connection/catalog.ts";
import { translateCatalogError } from "../connection/errors.ts";

/** A job in this process's hands: gone to another process when it was not touched for a while. */
export interface TakenJob {
  migrationId: number;
  number: number;
  touch(): Promise<void>;
  /** It is finished, or there is nothing to do. */
  complete(): Promise<void>;
  /** Others may try, after a pause. */
  giveBack(): Promise<void>;
}

/** Each migration has a queue of its own, so that those who run one never see the ranges of another. */
export interface Jobs extends AsyncDisposable {
  /** Makes the migration's queue, unless it is there. */
  open(migrationId: number): Promise<void>;
  /** Hands out ranges; one that waits or is worked on already is left alone. */
  publish(migrationId: number, numbers: readonly number[]): Promise<void>;
  /** Undefined: there is none to be had now. */
  take(migrationId: number): Promise<TakenJob | undefined>;
  /** Removes the queue with all that is in it. */
  drop(migrationId: number): Promise<void>;
}

const SCHEMA = "feedctl_jobs";
const queueOf = (migrationId: number) => `ranges-${migrationId}`;
/** A worker that is silent for so long counts as dead; looked for every few seconds. */
const SILENCE_SECONDS = 15;
const LOOK_SECONDS = 5;

/** Starts the engine; makes its schema on first use. */
export async function openJobs(catalog: Catalog, onError: (error: Error) => void): Promise<Jobs> {
  const { db } = catalog;
  const boss = new PgBoss({
    schema: SCHEMA,
    db: {
      async executeSql(text, values = []) {
        const { query } = sql`select`.compile(db);
        const statement = { sql: text, parameters: values, query, queryId: { queryId: SCHEMA } };
        if (values.length > 0) return { rows: [...(await db.executeQuery<object>(statement)).rows] };
        // a script with a transaction of its own: broken off, it must not leave that to the connection's next user
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
    superviseIntervalSeconds: LOOK_SECONDS,
    monitorIntervalSeconds: LOOK_SECONDS,
    monitorVacuum: false,
    reindex: false,
  });
  boss.on("error", onError);
  try {
    await boss.start();
  } catch (error) {
    throw translateCatalogError(error);
  }
  /** Undefined when the last range was finished, and the queue dropped, since the caller looked or got its job. */
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
        heartbeatSeconds: SILENCE_SECONDS,
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
