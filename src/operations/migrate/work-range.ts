import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import { findMigration } from "../../catalog/migration/feed-migrations.ts";
import type { TakenJob } from "../../catalog/migration/worker-jobs.ts";
import { saveFailures } from "../../catalog/migration/progress.ts";
import { advanceRange, claimRange, touchRange, releaseRanges } from "../../catalog/migration/ranges.ts";
import { FeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyRows } from "./unproven-pass.ts";

export interface RangeWork {
  catalog: Catalog;
  job: TakenJob;
  feedId: number;
  source: Store;
  target: Store;
  targetStoreId: number;
  skipCached: boolean;
  /** As in `RowsInput`. */
  announce: boolean;
  runId: number;
  /** Null: the process that runs the migration itself. */
  workerId: number | null;
  /** Aborted: blobs in hand are finished, and no more are begun. */
  drain?: AbortSignal | undefined;
}

const BEAT = 4000;
/** After so long a silence (a machine that slept, a process that was stopped) another may have the range. */
const DOUBT = 10_000;

/**
 * Copies one range of a migration's first pass, from where its last worker left off. Ends early, without harm, when
 * somebody else has taken it over, or when the migration is no longer copying.
 */
export async function workRange(outer: Context, work: RangeWork): Promise<"done" | "left"> {
  const { catalog, job, workerId, drain } = work;
  const { db } = catalog;
  const { migrationId, number } = job;
  const claim = randomUUID();
  const range = await claimRange(db, { migrationId, number, claim, workerId });
  if (range === undefined) return "done";
  const stop = new AbortController();
  const end = new AbortController();
  const context = { ...outer, signal: AbortSignal.any([outer.signal, stop.signal]) };
  let seen = performance.now();

  /** Tells everybody that this process is alive, and finds out whether it still may go on. */
  async function beat(): Promise<void> {
    const row = await findMigration(db, migrationId);
    const wanted = row?.state === "copying" && row.request !== "pause" && row.request !== "cancel";
    if (!wanted || !(await touchRange(db, { migrationId, number, claim }))) {
      stop.abort();
      return;
    }
    await job.touch();
    seen = performance.now();
  }

  const beating = (async () => {
    while (!end.signal.aborted) {
      await sleep(BEAT, undefined, { signal: end.signal, ref: false }).catch(() => {});
      if (!end.signal.aborted) await beat().catch(() => {}); // a catalog that is away is met by the work itself
    }
  })();

  try {
    const { feedId, source, target, targetStoreId, skipCached, announce, runId } = work;
    const about = { feedId, source, target, targetStoreId, skipCached, announce, runId };
    const steps = copyRows(context, db, {
      ...about,
      migrationId,
      after: range.cursor,
      upTo: range.upper,
      async alive() {
        if (performance.now() - seen > DOUBT) await beat();
        if (stop.signal.aborted || drain?.aborted)
          throw new FeedctlError("interrupted", "the range is left to another");
      },
    });
    for await (const { cursor, copied, verified, bytes, failures, finished } of steps) {
      await saveFailures(db, migrationId, failures, outer.now());
      const step = { copied, verified, bytes, failed: failures.length, cursor, finished };
      if (!(await advanceRange(db, { migrationId, number, claim, ...step }))) return "left";
    }
    return "done";
  } catch (error) {
    if ((!stop.signal.aborted && !drain?.aborted) || outer.signal.aborted) throw error;
    return "left";
  } finally {
    end.abort();
    await beating;
    await releaseRanges(db, migrationId, claim).catch(() => {});
  }
}
