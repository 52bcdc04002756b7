import type { Reclaimed, VersionOutcome } from "./delete-batch.ts";
import type { RetentionPlan } from "./plan.ts";

/** The result for one feed. */
export interface FeedOutcome extends Reclaimed {
  type: "feed";
  feed: string;
  feedType: string;
  /**
   * `disabled`: its rules are switched off. `stopped`: `maxDuration` was reached. `halted`: retention was switched off, or
   * the rules were changed, while the run was working.
   */
  outcome: "done" | "dry-run" | "disabled" | "stopped" | "halted";
  /** How many versions, or files of an asset directory, the rules select. */
  planned: number;
  plannedBytes: number;
  deleted: number;
  hidden: number;
  /** Hidden by earlier runs and deleted now. In a dry run: how many would be. */
  freed: number;
  /** Hidden by earlier runs and shown again. In a dry run: how many would be. */
  restored: number;
  /** Not deleted: they changed since they were planned, another process deleted them, or the run was halted. */
  left: number;
  /** Folders of an asset directory that became empty and were removed. In a dry run: how many would be. */
  folders: number;
  /** Deletes that are still pending, because other writers were at work. */
  waiting: number;
}

export interface FeedFailure {
  type: "feed-failed";
  feed: string;
  code: string;
  reason: string;
  hint: string | null;
}

export interface RetentionSummary extends Omit<FeedOutcome, "type" | "feed" | "feedType" | "outcome"> {
  type: "summary";
  dryRun: boolean;
  feeds: number;
  /** Feeds whose run failed. */
  failed: number;
  stopped: number;
}

export interface RemovedFolder {
  type: "folder";
  feed: string;
  path: string;
}

export type RetentionEvent = VersionOutcome | RemovedFolder | FeedOutcome | FeedFailure | RetentionSummary;

/** The counts that a summary adds up. */
export const counts = [
  ...(["planned", "plannedBytes", "deleted", "hidden", "freed", "restored", "left", "folders"] as const),
  ...(["blobs", "bytes", "keptBytes", "waiting"] as const),
] as const;

export function zeroCounts(): Record<(typeof counts)[number], number> & Pick<FeedOutcome, "kept"> {
  const zeros = counts.map((name) => [name, 0]);
  return { ...(Object.fromEntries(zeros) as Record<(typeof counts)[number], number>), kept: null };
}

export function outcomeOf({ feed, total }: RetentionPlan, outcome: FeedOutcome["outcome"]): FeedOutcome {
  return {
    type: "feed",
    feed: feed.name,
    feedType: feed.type,
    outcome,
    ...zeroCounts(),
    planned: total.versions,
    plannedBytes: total.bytes,
  };
}
