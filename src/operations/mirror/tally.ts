import type { KeptBlobs } from "../feed-store/store-traits.ts";
import { robocopyStatus, type MirrorClass } from "./decide.ts";

/**
 * What happened to a key. Each key of the source has exactly one of `copied`, `skipped`, `mismatch` and `failed`.
 * - `postponed`: an attempt failed and is retried later.
 * - `extra`: the key is only in the target. `deleted`: such a blob was deleted.
 * - `folder-made`, `folder-deleted`: an empty directory; its key ends in a slash.
 * - `foreign`: a name that is not a valid blob: a link, a special file, a folder marker.
 */
export type MirrorOutcome =
  | "copied"
  | "skipped"
  | "mismatch"
  | "failed"
  | "postponed"
  | "extra"
  | "deleted"
  | "foreign"
  | "folder-made"
  | "folder-deleted";

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
  /** How many of the failed blobs are in an archive class of the source. */
  archived: number;
  extras: number;
  deleted: number;
  /** Total size of the copied blobs. */
  bytes: number;
  totalBytes: number;
  extraBytes: number;
  /** Why extras were not deleted, if they were not. */
  notDeleted?: string;
  /**
   * Number of names that are not valid blobs (links, special files, folder markers). They are reported and not changed.
   */
  foreign: number;
  /** How many of the skipped blobs got the permission bits of the source's. */
  modes: number;
  /** Empty directories. */
  foldersMade: number;
  foldersDeleted: number;
  milliseconds: number;
  /** Robocopy's exit status of this run. */
  robocopyStatus: number;
  /** Of the deleted blobs. Null: nothing is known to be kept. */
  keptByProvider: KeptBlobs | null;
}

export type MirrorEvent = MirrorItem | MirrorSummary;

type Blob = { key: string; size: number };

/** Counts outcomes, and buffers them as items until they are yielded. */
export interface Tally {
  readonly summary: MirrorSummary;
  /** Removes and returns the items since the last call. */
  take(): MirrorItem[];
  /** Counts a blob of the source. It must end as copied, skipped, mismatch or failed. */
  addSource(blob: Blob): void;
  copied(kind: MirrorClass, blob: Blob): void;
  skipped(kind: MirrorClass, blob: Blob, reason?: string): void;
  /** Counts a skipped blob whose permission bits change. */
  modeChanged(kind: MirrorClass, blob: Blob, reason: string): void;
  mismatch(blob: Blob, reason: string): void;
  failed(kind: MirrorClass, blob: Blob, reason: string, isArchived?: boolean): void;
  postponed(kind: MirrorClass, blob: Blob, reason: string): void;
  extra(blob: Blob, reason?: string): void;
  deleted(blob: Blob): void;
  /** Counts an extra that the target did not delete. It stays an extra, and makes the run a failure. */
  undeleted(blob: Blob, reason: string): void;
  foreign(name: string, end: "source" | "target"): void;
  folderMade(key: string): void;
  folderDeleted(key: string): void;
  /**
   * Completes the summary. `broken`: an error ended the run, so that source blobs without an outcome count as failed.
   */
  close(broken: boolean, milliseconds: number): MirrorSummary;
}

export function createTally(run: Pick<MirrorSummary, "source" | "target" | "dryRun">): Tally {
  const counts = { total: 0, copied: 0, skipped: 0, mismatch: 0, failed: 0, archived: 0, extras: 0, deleted: 0 };
  const sizes = { bytes: 0, totalBytes: 0, extraBytes: 0 };
  const folders = { foldersMade: 0, foldersDeleted: 0 };
  const end = { foreign: 0, modes: 0, ...folders, milliseconds: 0, robocopyStatus: 0, keptByProvider: null };
  const summary: MirrorSummary = { type: "summary", ...run, ...counts, ...sizes, ...end };
  let items: MirrorItem[] = [];
  let undeleted = 0;

  function addItem(
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
    addSource({ size }) {
      summary.total++;
      summary.totalBytes += size;
    },
    copied(kind, blob) {
      summary.copied++;
      summary.bytes += blob.size;
      addItem(kind, "copied", blob);
    },
    skipped(kind, blob, reason) {
      summary.skipped++;
      addItem(kind, "skipped", blob, reason);
    },
    modeChanged(kind, blob, reason) {
      summary.skipped++;
      summary.modes++;
      addItem(kind, "skipped", blob, reason);
    },
    folderMade(key) {
      summary.foldersMade++;
      addItem("lonely", "folder-made", { key: `${key}/`, size: 0 });
    },
    folderDeleted(key) {
      summary.foldersDeleted++;
      addItem("extra", "folder-deleted", { key: `${key}/`, size: 0 });
    },
    mismatch(blob, reason) {
      summary.mismatch++;
      addItem("mismatched", "mismatch", blob, reason);
    },
    failed(kind, blob, reason, isArchived = false) {
      summary.failed++;
      if (isArchived) summary.archived++;
      addItem(kind, "failed", blob, reason);
    },
    postponed(kind, blob, reason) {
      addItem(kind, "postponed", blob, reason);
    },
    extra(blob, reason) {
      summary.extras++;
      summary.extraBytes += blob.size;
      addItem("extra", "extra", blob, reason);
    },
    deleted(blob) {
      summary.deleted++;
      addItem("extra", "deleted", blob);
    },
    undeleted(blob, reason) {
      if (++undeleted === 1) summary.notDeleted ??= reason;
      addItem("extra", "failed", blob, reason);
    },
    foreign(name, where) {
      summary.foreign++;
      const what = "a link, a special file, a folder marker or not a valid name: not mirrored";
      addItem("mismatched", "foreign", { key: name, size: 0 }, where === "source" ? what : `in the target: ${what}`);
    },
    close(broken, milliseconds) {
      if (broken) summary.failed = summary.total - summary.copied - summary.skipped - summary.mismatch;
      summary.milliseconds = Math.round(milliseconds);
      summary.robocopyStatus = robocopyStatus({ ...summary, failed: summary.failed + undeleted }, broken);
      return summary;
    },
  };
}
