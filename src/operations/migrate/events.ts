import type { PassEvent, PassSummary } from "./pass-log.ts";

export interface MigratePass {
  type: "pass";
  number: number;
  /** `last` runs while the feed is frozen. */
  kind: "full" | "delta" | "last";
  frozen: boolean;
  /** Number of the feed's files; 0 for `last`. */
  blobs: number;
}

/** Progress of a first pass that is divided into ranges. */
export interface MigrateRanges {
  type: "ranges";
  ranges: number;
  finished: number;
  /** How many of the pass's blobs are in the target by now, whoever copied them. */
  blobs: number;
  copied: number;
  failed: number;
  bytes: number;
}

export interface MigrateSummary extends PassSummary {
  type: "summary";
  feed: string;
  /** Id of the migration; absent when none was recorded. */
  migration?: number;
  from: string;
  to: string;
  /**
   * - `switched`: the feed is in its new store. `already`: it was in that store before.
   * - `planned`: the result of a dry run.
   * - `ready`: everything is copied, and the migration waits for its cut-over.
   * - `incomplete`: blobs failed, and the feed stays in its store.
   * - `paused`: by request.
   */
  outcome: "switched" | "already" | "planned" | "ready" | "incomplete" | "paused";
  passes: number;
  /** How long the feed was frozen. */
  frozenMilliseconds: number;
  /** Cost of the copying; only of a dry run. */
  estimate?: { requests: number; seconds: number };
}

export type MigrateEvent = MigratePass | MigrateRanges | PassEvent | MigrateSummary;
