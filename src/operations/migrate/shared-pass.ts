import { setTimeout as sleep } from "node:timers/promises";
import type { Jobs } from "../../catalog/migration/worker-jobs.ts";
import { feedTotals } from "../../catalog/feeds.ts";
import { startPass, updatePass } from "../../catalog/migration/progress.ts";
import {
  divideFeed,
  listStaleRanges,
  rangeTotals,
  listUnfinishedRanges,
  type RangeTotals,
} from "../../catalog/migration/ranges.ts";
import { countUnproven } from "../../catalog/migration/proofs.ts";
import { isFeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import { noPass } from "./pass-log.ts";
import type { MigrateEvent, MigrateSummary } from "./events.ts";
import { passCounts, type Session, type Watch } from "./session.ts";
import type { LiveCount } from "./unproven-pass.ts";
import { workRange } from "./work-range.ts";

/** Blobs in a range: many enough that distributing it costs little, few enough that a dead worker loses little work. */
const RANGE = 500;
/** Milliseconds between polls of the queue when it is empty. */
const POLL = 1000;
/** Milliseconds without a heartbeat after which a range is queued again. */
const LOST = 60_000;
/** Milliseconds between searches for lost ranges, while the queue is empty and ranges are unfinished. */
const SEARCH = 5000;

/**
 * Runs the first pass of a large feed, divided into ranges that `feedctl worker` processes on other machines may claim;
 * this process claims ranges too. Ends when every range is done. Blobs that failed, and blobs without rows, are left to
 * the next passes. Does nothing for a small feed, or when the catalog is embedded.
 */
export async function* shareFirstPass(
  session: Session,
  watch: Watch,
  summary: MigrateSummary,
): AsyncGenerator<MigrateEvent> {
  const { context, catalog, feed, migration, run, holders, source, target } = session;
  const { db } = catalog;
  const { files, bytes } = await feedTotals(db, feed.id);
  const open = await listUnfinishedRanges(db, migration.id);
  if (catalog.kind !== "postgres") return;
  if (open.length === 0 && (await countUnproven(db, feed.id, migration.to_store_id)) <= RANGE) return;
  await using jobs = await tryOpenJobs(session);
  if (jobs === undefined) return;
  await jobs.open(migration.id); // before the ranges: workers find a migration by its ranges and then use the queue
  await commit(db, holders, (transaction) => divideFeed(transaction, migration.id, feed.id, RANGE));
  if ((await listUnfinishedRanges(db, migration.id)).length === 0) return;

  const about = { migrationId: migration.id, kind: "full", runId: run.id, expectedBlobs: files, expectedBytes: bytes };
  const number = await commit(db, holders, (transaction) =>
    startPass(transaction, { ...about, kind: "full", now: context.now() }),
  );
  summary.passes++;
  const proven = Math.max(0, files - (await countUnproven(db, feed.id, migration.to_store_id)));
  yield { type: "pass", number: summary.passes, kind: "full", frozen: false, blobs: files };
  let totals = await rangeTotals(db, migration.id);
  const before = totals;
  const counts = () => ({ ...noPass, ...since(before, totals) });
  watch.follow(number, counts);
  const live: LiveCount = { blobs: 0, bytes: 0 };
  const progress = async (): Promise<MigrateEvent> => {
    totals = await rangeTotals(db, migration.id);
    const { ranges, finished, copied, failed, bytes: moved } = totals;
    const { copied: now, verified } = counts();
    const blobs = Math.min(files, proven + now + verified + live.blobs);
    return { type: "ranges", ranges, finished, blobs, copied, failed, bytes: moved + live.bytes };
  };
  let published = -Infinity;
  const ends = {
    feedId: feed.id,
    source,
    target,
    targetStoreId: migration.to_store_id,
    ownTarget: session.ownTarget,
    skipCached: migration.plan.cached === "skip",
    preserve: migration.plan.preserve,
    announce: migration.plan.fresh === true,
    runId: run.id,
    live,
  };
  for (;;) {
    context.signal.throwIfAborted();
    const left = await listUnfinishedRanges(db, migration.id);
    yield await progress();
    if (left.length === 0) break;
    const job = await jobs.take(migration.id);
    if (job === undefined) {
      const search = performance.now() - published > SEARCH;
      if (search) {
        await jobs.publish(migration.id, await listStaleRanges(db, migration.id, LOST));
        published = performance.now();
      } else await sleep(POLL, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted());
      continue;
    }
    const work = workRange(context, { catalog, job, ...ends, workerId: null });
    try {
      while (!(await hasEnded(work, POLL))) yield await progress();
    } finally {
      await work.catch(() => {}); // thrown below
    }
    const outcome = await work;
    await (outcome === "done" ? job.complete() : job.giveBack());
  }
  await jobs.drop(migration.id);
  const done = counts();
  const ended = { now: context.now(), finished: true };
  const pass = { migrationId: migration.id, number };
  await commit(db, holders, (transaction) => updatePass(transaction, pass, passCounts(done), ended));
  summary.copied += done.copied;
  summary.verified += done.verified;
  summary.bytes += done.bytes;
}

/** Whether the work ends, or fails, within so many milliseconds. */
async function hasEnded(work: Promise<unknown>, within: number): Promise<boolean> {
  const waiting = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  const later = sleep(within, false, { signal: waiting.signal }).catch(() => false);
  try {
    return await Promise.race([ended, later]);
  } finally {
    waiting.abort();
  }
}

function since(before: RangeTotals, now: RangeTotals) {
  return {
    copied: now.copied - before.copied,
    verified: now.verified - before.verified,
    failed: now.failed - before.failed,
    bytes: now.bytes - before.bytes,
  };
}

/** Opens the job queue. Undefined, with a notice, when the database user may not create its schema. */
async function tryOpenJobs({ context, catalog }: Session): Promise<Jobs | undefined> {
  const { openJobs } = await import("../../catalog/migration/worker-jobs.ts");
  try {
    return await openJobs(catalog, (error) => context.notice(`the job queue: ${error.message}`));
  } catch (error) {
    if (!isFeedctlError(error, "denied")) throw error;
    context.notice(`workers cannot help: ${error.message}`);
    return undefined;
  }
}
