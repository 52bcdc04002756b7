import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import { findMigration, wasCurrentStore } from "../../catalog/migration/feed-migrations.ts";
import { findFeedById } from "../../catalog/feeds.ts";
import type { TakenJob } from "../../catalog/migration/worker-jobs.ts";
import { listSharedMigrations } from "../../catalog/migration/ranges.ts";
import { listStoresOfFeed } from "../../catalog/stores.ts";
import {
  insertWorker,
  listWorkers as listWorkerRows,
  markWorkerSeen,
  type WorkerRow,
} from "../../catalog/migration/workers.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { openProvenStore } from "../feed-store/open-feed-store.ts";
import { createOutages } from "./outages.ts";
import { workRange, type RangeWork } from "./work-range.ts";

export interface WorkEvent {
  type: "range";
  migration: number;
  number: number;
  outcome: "done" | "given-back";
  reason?: string;
}

export interface WorkSummary {
  type: "summary";
  worker: number;
  ranges: number;
  givenBack: number;
}

/** Milliseconds between polls of the queues when they are empty. */
const POLL = 1000;
/** Milliseconds between heartbeats of the worker. */
const HEARTBEAT = 5000;
/** Milliseconds during which the worker skips a migration after a failure, such as missing credentials. */
const SKIP = 30_000;

/** Both stores of a migration, kept open while its ranges are unfinished. */
type Ends = Omit<RangeWork, "catalog" | "job" | "workerId" | "drain">;

/**
 * Copies ranges of all migrations that share their first pass, until the signal is aborted. `drain` ends it after the
 * running copies. With `once` it ends when no range is left, or when the catalog cannot be reached.
 */
export async function* runWorker(
  context: Context,
  { once, drain }: { once: boolean; drain: AbortSignal },
): AsyncGenerator<WorkEvent | WorkSummary> {
  const stop = AbortSignal.any([drain, context.signal]);
  const outages = createOutages(context, stop);
  const survive = async (error: unknown) => {
    if (once) throw error;
    await outages.survive(error);
  };
  const { catalog, worker, ...begun } = await begin(context, stop, survive);
  await using jobs = begun.jobs;
  outages.over();
  const summary: WorkSummary = { type: "summary", worker, ranges: 0, givenBack: 0 };
  const opened = new Map<number, Ends>();
  /** When a migration may be tried again after a failure, by its id. */
  const retryAt = new Map<number, number>();
  const heartbeat = setInterval(
    () => void markWorkerSeen(catalog.db, worker, context.now()).catch(() => {}),
    HEARTBEAT,
  );
  try {
    while (!stop.aborted) {
      let job;
      try {
        job = await takeOne();
        outages.over();
      } catch (error) {
        await survive(error);
        continue;
      }
      if (job === undefined) {
        if (once) break;
        await sleep(POLL, undefined, { signal: stop }).catch(() => {});
        continue;
      }
      const event = await work(catalog, job);
      if (event.outcome === "done") summary.ranges++;
      else summary.givenBack++;
      yield event;
    }
  } finally {
    clearInterval(heartbeat);
    for (const migrationId of opened.keys()) await close(migrationId);
    await markWorkerSeen(catalog.db, worker, context.now(), true).catch(() => {});
  }
  yield summary;

  async function takeOne(): Promise<TakenJob | undefined> {
    const shared = await listSharedMigrations(catalog.db);
    for (const migrationId of opened.keys()) if (!shared.includes(migrationId)) await close(migrationId);
    for (const migrationId of shared) {
      if ((retryAt.get(migrationId) ?? -Infinity) > performance.now()) continue;
      const job = await jobs.take(migrationId);
      if (job !== undefined) return job;
    }
    return undefined;
  }

  async function close(migrationId: number): Promise<void> {
    const ends = opened.get(migrationId);
    opened.delete(migrationId);
    await ends?.source[Symbol.asyncDispose]();
    await ends?.target[Symbol.asyncDispose]();
  }

  async function work(db: Catalog, job: TakenJob): Promise<WorkEvent> {
    const range = { type: "range", migration: job.migrationId, number: job.number } as const;
    try {
      const ends = opened.get(job.migrationId) ?? (await open(job.migrationId));
      const about = { catalog: db, job, workerId: worker, drain };
      const outcome = ends === undefined ? "done" : await workRange(context, { ...about, ...ends });
      await (outcome === "done" ? job.complete() : job.giveBack());
      return outcome === "done" ? { ...range, outcome } : { ...range, outcome: "given-back", reason: "not finished" };
    } catch (error) {
      await job.giveBack().catch(() => {});
      // this machine may lack credentials or a connection that another one has
      if (!isFeedctlError(error)) throw error;
      retryAt.set(job.migrationId, performance.now() + SKIP);
      await close(job.migrationId); // reopened later, with credentials that may have changed
      return { ...range, outcome: "given-back", reason: error.message };
    }
  }

  /** Opens both stores of a migration; undefined when the migration has ended. */
  async function open(migrationId: number): Promise<Ends | undefined> {
    const migration = await findMigration(catalog.db, migrationId);
    const feed = migration === undefined ? undefined : await findFeedById(catalog.db, migration.feed_id);
    if (migration === undefined || feed === undefined || migration.finished_at !== null) return undefined;
    const stores = await listStoresOfFeed(catalog.db, feed.id);
    const [from, to] = [migration.from_store_id, migration.to_store_id].map((id) =>
      stores.find((row) => row.id === id),
    );
    if (from === undefined || to === undefined) return undefined;
    const source = await openProvenStore(context, catalog.db, feed, { row: from, intent: "read" });
    const target = await openProvenStore(context, catalog.db, feed, { row: to, intent: "read" });
    const { runId, announce } = { runId: migration.run_id, announce: migration.plan.fresh === true };
    const { preserve } = migration.plan;
    const skipCached = migration.plan.cached === "skip";
    const ownTarget = await wasCurrentStore(catalog.db, feed.id, to.id);
    const how = { ownTarget, skipCached, preserve, runId, announce };
    const ends = { feedId: feed.id, source, target, targetStoreId: to.id, ...how };
    opened.set(migrationId, ends);
    await requireNotEmpty(source);
    return ends;
  }
}

/** Connects to the catalog and registers the worker. `survive` is called for each failure, and rejects to give up. */
async function begin(context: Context, stop: AbortSignal, survive: (error: unknown) => Promise<void>) {
  const { host, pid, actor, concurrency } = context;
  for (;;) {
    try {
      const catalog = await context.catalog();
      if (catalog.kind !== "postgres")
        throw new FeedctlError(
          "usage",
          "workers need a catalog on PostgreSQL: the embedded one has one process at a time",
          {
            hint: "set FEEDCTL_DATABASE_URL, or databaseUrl in the configuration file",
          },
        );
      const { openJobs } = await import("../../catalog/migration/worker-jobs.ts");
      let reported: string | undefined;
      const jobs = await openJobs(catalog, ({ message }) => {
        if (message !== reported) context.notice(`the job queue: ${message}`);
        reported = message;
      });
      try {
        const worker = await insertWorker(catalog.db, { host, pid, actor, concurrency, now: context.now() });
        return { catalog, worker, jobs };
      } catch (error) {
        await jobs[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      await survive(error);
      if (stop.aborted) throw error;
    }
  }
}

/**
 * Throws when the source is empty: the disk is probably not mounted here, as migrations of empty feeds are not shared.
 */
async function requireNotEmpty(source: Store): Promise<void> {
  for await (const _ of source.list("")) return;
  throw new FeedctlError("unavailable", `${source.name} is empty, as seen from this machine`, {
    hint: "a worker needs both stores: is the disk mounted here, under the same path?",
  });
}

export interface Worker extends Pick<WorkerRow, "id" | "host" | "pid" | "actor" | "concurrency"> {
  /** `lost`: without a heartbeat for a minute, and not stopped. */
  state: "working" | "idle" | "stopped" | "lost";
  startedAt: Date;
  seenAt: Date;
  /** Number of ranges that it finished. */
  ranges: number;
}

const DAY = 86_400_000;
/** Milliseconds without a heartbeat after which a worker counts as lost. */
const HEARTBEAT_TIMEOUT = 60_000;

/** Lists the workers of the last day, newest first. */
export async function listWorkers(context: Context): Promise<Worker[]> {
  const { db } = await context.catalog();
  const now = context.now().getTime();
  return (await listWorkerRows(db, new Date(now - DAY))).map((row) => {
    const { id, host, pid, actor, concurrency, started_at: startedAt, seen_at: seenAt } = row;
    const lost = now - seenAt.getTime() > HEARTBEAT_TIMEOUT;
    const state = row.stopped_at !== null ? "stopped" : lost ? "lost" : row.working > 0 ? "working" : "idle";
    return { id, host, pid, actor, concurrency, state, startedAt, seenAt, ranges: row.finished };
  });
}
