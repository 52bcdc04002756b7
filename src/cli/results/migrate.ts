import type { RequestResult } from "../../operations/migrate/control.ts";
import type { CancelResult } from "../../operations/migrate/cancel.ts";
import type { MigrateEvent } from "../../operations/migrate/events.ts";
import type { ManyEvent } from "../../operations/migrate/many.ts";
import type { RetireEvent } from "../../operations/migrate/retire-events.ts";
import type { Migration, MigrationStatus } from "../../operations/migrate/status.ts";
import type { Worker, WorkEvent, WorkSummary } from "../../operations/migrate/worker.ts";
import { keptMembers } from "./kept.ts";
import type * as result from "./schemas/migrate.ts";
import { findingLine } from "./verify.ts";

export function migrateLine(event: MigrateEvent): result.MigrateLine {
  switch (event.type) {
    case "pass": {
      const { type, number, kind, frozen, blobs } = event;
      return { type, number, kind, frozen, blobs };
    }
    case "ranges": {
      const { type, ranges, finished, copied, failed, bytes } = event;
      return { type, ranges, finished, copied, failed, bytes };
    }
    case "blob": {
      const { type, outcome, key, size, reason } = event;
      return { type, outcome, key, size, reason };
    }
    case "summary": {
      const { type, feed, migration, from, to, outcome, passes, frozenMilliseconds, estimate, ...counts } = event;
      const { copied, verified, same, failed, stale, foreign, bytes } = counts;
      return {
        type,
        feed,
        from,
        to,
        copied,
        verified,
        same,
        failed,
        stale,
        foreign,
        bytes,
        passes,
        frozenMilliseconds,
        outcome,
        migration,
        estimate: estimate && { requests: estimate.requests, seconds: estimate.seconds },
      };
    }
  }
}

export function migrateManyLine(event: ManyEvent): result.MigrateManyLine {
  switch (event.type) {
    case "feed-failed": {
      const { type, feed, code, reason } = event;
      return { type, feed, code, reason };
    }
    case "total": {
      const { type, feeds, switched, ready, already, planned, incomplete, paused, failed } = event;
      return { type, feeds, switched, ready, already, planned, incomplete, paused, failed };
    }
    default:
      return migrateLine(event);
  }
}

export function migrationResult(migration: Migration): result.MigrationResult {
  const { id, feed, from, to, state, reverses, startedAt, switchedAt, finishedAt, ...others } = migration;
  const { blobs, bytes, frozenMilliseconds } = others;
  return {
    id,
    feed,
    from,
    to,
    state,
    reverses,
    startedAt,
    switchedAt,
    finishedAt,
    blobs,
    bytes,
    frozenMilliseconds,
  };
}

export function migrationStatusResult(status: MigrationStatus): result.MigrationStatusResult {
  const { tags = false, storageClass = false } = status.plan.preserve ?? {};
  const {
    running,
    problem,
    toRetire,
    plan,
    request,
    ranges,
    blobsPerSecond,
    bytesPerSecond,
    remainingSeconds,
    updatedAt,
  } = status;
  return {
    ...migrationResult(status),
    running,
    problem,
    toRetire,
    plan: { cutover: plan.cutover, cached: plan.cached, fresh: plan.fresh, preserve: { tags, storageClass } },
    request,
    passes: status.passes.map(passResult),
    ranges: ranges && { ranges: ranges.ranges, finished: ranges.finished, failed: ranges.failed },
    blobsPerSecond,
    bytesPerSecond,
    remainingSeconds,
    failures: status.failures.map(({ key, reason }) => ({ key, reason })),
    updatedAt,
  };
}

function passResult(pass: MigrationStatus["passes"][number]) {
  const { number, kind, startedAt, finishedAt, expected, copied, verified, same, failed, bytes } = pass;
  return { number, kind, startedAt, finishedAt, expected, copied, verified, same, failed, bytes };
}

export function migrationPausedResult({ feed, migration, outcome }: RequestResult): result.MigrationPausedResult {
  return { feed, migration, outcome };
}

export function migrationCancelledResult(gone: CancelResult): result.MigrationCancelledResult {
  const { feed, target, removed, left } = gone;
  return { feed, target, removed, left, ...keptMembers(gone) };
}

/** Undefined for the summary of the preceding verification, which is not printed. */
export function retireLine(event: RetireEvent): result.RetireLine | undefined {
  switch (event.type) {
    case "finding":
      return findingLine(event);
    case "kept":
      return { type: event.type, key: event.key };
    case "failed":
      return { type: event.type, key: event.key, reason: event.reason };
    case "summary": {
      if (!("deleted" in event)) return undefined;
      const { type, feed, from, to, retired, deleted, bytes, kept, failed } = event;
      return { type, feed, from, to, retired, deleted, bytes, kept, failed, ...keptMembers(event) };
    }
  }
}

export function workerLine(event: WorkEvent | WorkSummary): result.WorkerLine {
  if (event.type === "summary") {
    const { type, worker, ranges, givenBack } = event;
    return { type, worker, ranges, givenBack };
  }
  const { type, migration, number, outcome, reason } = event;
  return { type, migration, number, outcome, reason };
}

export function workerResult(worker: Worker): result.WorkerResult {
  const { id, host, pid, actor, concurrency, state, startedAt, seenAt, ranges } = worker;
  return { id, host, pid, actor, concurrency, state, startedAt, seenAt, ranges };
}
