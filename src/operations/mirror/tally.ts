import type { BlobInfo } from "../../stores/store.ts";
import { robocopyStatus, type MirrorClass } from "./decide.ts";

/**
 * What became of a key. `extra` is told when a key turns out to be in the target only, `deleted` when it is gone.
 * `postponed`: an attempt failed and another follows, whose outcome is told then. `foreign`: a name that can be no blob.
 * Of the other outcomes each key of the source has exactly one.
 */
export type MirrorOutcome =
  | "copied"
  | "skipped"
  | "mismatch"
  | "failed"
  | "postponed"
  | "extra"
  | "deleted"
  | "foreign";

export interface MirrorItem {
  type: "item";
  class: MirrorClass;
  outcome: MirrorOutcome;
  key: string;
  bytes: number;
  reason?: string;
}

/** `total` = `copied` + `skipped` + `mismatch` + `failed`; extras are outside, as in robocopy. */
export interface MirrorSummary {
  type: "summary";
  source: string;
  target: string;
  dryRun: boolean;
  total: number;
  copied: number;
  skipped: number;
  mismatch: number;
  failed: number;
  extras: number;
  deleted: number;
  /** Of the copied blobs. */
  bytes: number;
  totalBytes: number;
  extraBytes: number;
  /** Why extras were not deleted, if they were not. */
  notDeleted?: string;
  /** Names that can be no blob (links, special files, folder markers): told, and left alone. */
  foreign: number;
  milliseconds: number;
  /** Robocopy's exit status of this run. */
  robocopyStatus: number;
}

export type MirrorEvent = MirrorItem | MirrorSummary;

type Blob = Pick<BlobInfo, "key" | "size">;

/** Counts what happens, and keeps it to be told. */
export interface Tally {
  readonly summary: MirrorSummary;
  /** What happened since the last call. */
  take(): MirrorItem[];
  /** A blob of the source that must end as copied, skipped, mismatch or failed. */
  met(blob: Blob): void;
  copied(kind: MirrorClass, blob: Blob): void;
  skipped(kind: MirrorClass, blob: Blob, reason?: string): void;
  mismatch(blob: Blob, reason: string): void;
  failed(kind: MirrorClass, blob: Blob, reason: string): void;
  postponed(kind: MirrorClass, blob: Blob, reason: string): void;
  extra(blob: Blob, reason?: string): void;
  deleted(blob: Blob): void;
  foreign(name: string, end: "source" | "target"): void;
  /** The end; `broken`: by an error, so that what was met and not settled counts as failed. */
  close(broken: boolean, milliseconds: number): MirrorSummary;
}

export function createTally(run: Pick<MirrorSummary, "source" | "target" | "dryRun">): Tally {
  const counts = { total: 0, copied: 0, skipped: 0, mismatch: 0, failed: 0, extras: 0, deleted: 0 };
  const sizes = { bytes: 0, totalBytes: 0, extraBytes: 0 };
  const end = { foreign: 0, milliseconds: 0, robocopyStatus: 0 };
  const summary: MirrorSummary = { type: "summary", ...run, ...counts, ...sizes, ...end };
  let items: MirrorItem[] = [];

  function tell(
    kind: MirrorClass,
    outcome: MirrorOutcome,
    { key, size }: { key: string; size: number },
    reason?: string,
  ) {
    items.push({ type: "item", class: kind, outcome, key, bytes: size, ...(reason !== undefined && { reason }) });
  }

  return {
    summary,
    take() {
      const taken = items;
      if (taken.length > 0) items = [];
      return taken;
    },
    met({ size }) {
      summary.total++;
      summary.totalBytes += size;
    },
    copied(kind, blob) {
      summary.copied++;
      summary.bytes += blob.size;
      tell(kind, "copied", blob);
    },
    skipped(kind, blob, reason) {
      summary.skipped++;
      tell(kind, "skipped", blob, reason);
    },
    mismatch(blob, reason) {
      summary.mismatch++;
      tell("mismatched", "mismatch", blob, reason);
    },
    failed(kind, blob, reason) {
      summary.failed++;
      tell(kind, "failed", blob, reason);
    },
    postponed(kind, blob, reason) {
      tell(kind, "postponed", blob, reason);
    },
    extra(blob, reason) {
      summary.extras++;
      summary.extraBytes += blob.size;
      tell("extra", "extra", blob, reason);
    },
    deleted(blob) {
      summary.deleted++;
      tell("extra", "deleted", blob);
    },
    foreign(name, where) {
      summary.foreign++;
      const what = "is a link, a special file or no name for a blob: left alone";
      tell("mismatched", "foreign", { key: name, size: 0 }, where === "source" ? what : `in the target: ${what}`);
    },
    close(broken, milliseconds) {
      if (broken) summary.failed = summary.total - summary.copied - summary.skipped - summary.mismatch;
      summary.milliseconds = Math.round(milliseconds);
      summary.robocopyStatus = robocopyStatus(summary, broken);
      return summary;
    },
  };
}
