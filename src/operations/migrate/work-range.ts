import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import { findMigration } from "../../catalog/migration/feed-migrations.ts";
import type { TakenJob } from "../../catalog/migration/worker-jobs.ts";
import { saveFailures } from "../../catalog/migration/progress.ts";
import { advanceRange, claimRange, proveClaim, touchRange, releaseRanges } from "../../catalog/migration/ranges.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Store } from "../../stores/store.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { Preserve } from "../transfer/preserve.ts";
import { copyRows, type LiveCount } from "./unproven-pass.ts";

export interface RangeWork {
  catalog: Catalog;
  job: TakenJob;
  feedId: number;
  source: Store;
  target: Store;
  targetStoreId: number;
  ownTarget: boolean;
  skipCached: boolean;
  preserve: Preserve | undefined;
  /** As in `RowsInput`. */
  announce: boolean;
  runId: number;
  /** Null when the process that runs the migration works on the range. */
  workerId: number | null;
  /** Counts what is done and not yet in the range's totals. */
  live?: LiveCount | undefined;
  /** When it is aborted, running copies are finished and no more are started. */
  drain?: AbortSignal | undefined;
}

/** Milliseconds between heartbeats. */
const HEARTBEAT = 4000;
/** Milliseconds since the last heartbeat after which another worker may have claimed the range. */
const DOUBT = 10_000;

/**
 * Copies one range of a migration's first pass, from the cursor of its last worker. Returns `left` when it stopped
 * early: another worker has claimed the range, the migration is no longer copying, or `drain` was aborted.
 */
export async function workRange(outer: Context, work: RangeWork): Promise<"done" | "left"> {
  const { catalog, job, workerId, drain } = work;
  const { db } = catalog;
  const { migrationId, number } = job;
  const claim = randomUUID();
  const range = await claimRange(db, { migrationId, number, claim, workerId });
  if (range === undefined) return "done";
  // another worker may have claimed the range, or the migration may have ended
  const alsoProve = async (transaction: Db) => {
    if (!(await proveClaim(transaction, { migrationId, number, claim })))
      throw new FeedctlError("interrupted", "the range is left to another worker");
  };
  const holder: Holder = { proofs: [], alsoProve };
  const stop = new AbortController();
  const end = new AbortController();
  const context = { ...outer, signal: AbortSignal.any([outer.signal, stop.signal]) };
  let seen = performance.now();

  /** Sends a heartbeat, and stops the work when the claim is lost or the migration must stop. */
  async function heartbeat(): Promise<void> {
    const row = await findMigration(db, migrationId);
    const mayContinue = row?.state === "copying" && row.request !== "pause" && row.request !== "cancel";
    if (!mayContinue || !(await touchRange(db, { migrationId, number, claim }))) {
      stop.abort();
      return;
    }
    await job.touch();
    seen = performance.now();
  }

  const beating = (async () => {
    while (!end.signal.aborted) {
      await sleep(HEARTBEAT, undefined, { signal: end.signal, ref: false }).catch(() => {});
      if (!end.signal.aborted) await heartbeat().catch(() => {}); // an outage of the catalog fails the work itself
    }
  })();

  try {
    const { feedId, source, target, targetStoreId, ownTarget, skipCached, preserve, announce, runId } = work;
    const ends = { feedId, source, target, targetStoreId, ownTarget };
    const about = { ...ends, skipCached, preserve, announce, runId, holders: [holder] };
    const steps = copyRows(context, db, {
      ...about,
      migrationId,
      live: work.live,
      after: range.cursor,
      upTo: range.upper,
      async alive() {
        if (performance.now() - seen > DOUBT) await heartbeat();
        if (stop.signal.aborted || drain?.aborted)
          throw new FeedctlError("interrupted", "the range is left to another worker");
      },
    });
    for await (const { cursor, copied, verified, bytes, failures, finished } of steps) {
      const step = { copied, verified, bytes, failed: failures.length, cursor, finished };
      await commit(db, [holder], async (transaction) => {
        await saveFailures(transaction, migrationId, failures, outer.now());
        await advanceRange(transaction, { migrationId, number, claim, ...step });
      });
      if (work.live !== undefined) Object.assign(work.live, { blobs: 0, bytes: 0 });
    }
    return "done";
  } catch (error) {
    const isLeft = stop.signal.aborted || drain?.aborted === true || isFeedctlError(error, "interrupted");
    if (!isLeft || outer.signal.aborted) throw error;
    return "left";
  } finally {
    end.abort();
    await beating;
    await releaseRanges(db, migrationId, claim).catch(() => {});
  }
}
