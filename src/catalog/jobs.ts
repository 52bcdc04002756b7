// The only file that knows pg-boss, which hands out the work that many machines share: coarse jobs (a range of a few
// thousand blobs each), in a schema of its own on the catalog's own PostgreSQL.
import { PgBoss } from "pg-boss";
import { sql } from "kysely";
import type { Catalog } from "./catalog.ts";
import { translateCatalogError } from "./errors.ts";

export interface RangeJob {
  migrationId: number;
  number: number;
}

/** A job in this process's hands: gone to another process when it was not touched for a while. */
export interface TakenJob extends RangeJob {
  touch(): Promise<void>;
  /** It is finished, or there is nothing to do. */
  complete(): Promise<void>;
  /** Others may try, after a pause. */
  giveBack(): Promise<void>;
}

export interface Jobs extends AsyncDisposable {
  publish(jobs: readonly RangeJob[]): Promise<void>;
  /** Undefined: there is none to be had now. */
  take(): Promise<TakenJob | undefined>;
}

const SCHEMA = "feedctl_jobs";
const QUEUE = "ranges";
/** A worker that is silent for so long counts as dead; looked for every few seconds. */
const SILENCE_SECONDS = 15;
const LOOK_SECONDS = 5;

/** Starts the engine; makes its schema on first use. */
export async function openJobs(catalog: Catalog, onError: (error: Error) => void): Promise<Jobs> {
  const { db } = catalog;
  const boss = new PgBoss({
    schema: SCHEMA,
    db: {
      async executeSql(text, values) {
        const { rows } = await db.executeQuery<object>({
          sql: text,
          parameters: values ?? [],
          query: sql`select`.compile(db).query,
          queryId: { queryId: SCHEMA },
        });
        return { rows: [...rows] };
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
    await boss.createQueue(QUEUE, {
      heartbeatSeconds: SILENCE_SECONDS,
      expireInSeconds: 23 * 3600,
      retryLimit: 1000,
      retryDelay: 1,
      deleteAfterSeconds: 24 * 3600,
    });
  } catch (error) {
    throw translateCatalogError(error);
  }
  return {
    async publish(jobs) {
      await boss.insert(
        QUEUE,
        jobs.map((data) => ({ data })),
      );
    },
    async take() {
      const [job] = await boss.fetch<RangeJob>(QUEUE);
      if (job === undefined) return undefined;
      const attempt = { id: job.id, retryCount: job.retryCount };
      return {
        ...job.data,
        touch: async () => void (await boss.touch(QUEUE, attempt)),
        complete: async () => void (await boss.complete(QUEUE, attempt)),
        giveBack: async () => void (await boss.fail(QUEUE, attempt)),
      };
    },
    [Symbol.asyncDispose]: () => boss.stop({ graceful: false }),
  };
}
