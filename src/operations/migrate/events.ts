import type { PassEvent, PassSummary } from "./pass-log.ts";

export interface MigratePass {
  type: "pass";
  number: number;
  /** `last` runs while nobody may write to the feed. */
  kind: "full" | "delta" | "last";
  frozen: boolean;
  /** Blobs that there are to look at. */
  blobs: number;
}

/** How far the divided first pass is. */
export interface MigrateRanges {
  type: "ranges";
  ranges: number;
  finished: number;
  copied: number;
  failed: number;
  bytes: number;
}

export interface MigrateSummary extends PassSummary {
  type: "summary";
  feed: string;
  /** Id of the migration; absent where there is none. */
  migration?: number;
  from: string;
  to: string;
  /**
   * `switched` now; `already` there before; `planned` by a dry run; `ready`: copied, waits for the cut-over; `incomplete`:
   * failures, the feed stays where it is; `paused` by request.
   */
  outcome: "switched" | "already" | "planned" | "ready" | "incomplete" | "paused";
  passes: number;
  /** How long the feed could not be written to. */
  frozenMilliseconds: number;
  /** Of a dry run: what the copying would cost. */
  estimate?: { requests: number; seconds: number };
}

export type MigrateEvent = MigratePass | MigrateRanges | PassEvent | MigrateSummary;
