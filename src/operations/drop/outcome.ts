import type { ImportedFile } from "../import/outcome.ts";

/** How many files of drop paths had which result. */
export interface DropCounts {
  imported: number;
  /** How many of the imported files replaced other bytes. */
  overwritten: number;
  existing: number;
  /** Files stored again because the store had lost their blobs. */
  restored: number;
  /** New conflicts; those of earlier scans are `waiting`. */
  conflicts: number;
  invalid: number;
  failed: number;
  /** Reported by an earlier scan and unchanged since. */
  waiting: number;
  /** Perhaps still being written: left for the next scan. */
  unsettled: number;
  /** Moved to the directory of `--reject-to`. */
  rejected: number;
  /** Total size of the stored files. */
  bytes: number;
}

export type DropFileEvent = ImportedFile & {
  feed: string;
  /** Where a conflicting or invalid file was moved to; null when it stays. */
  rejectedTo: string | null;
};

export interface DropFeedEvent extends DropCounts {
  type: "feed";
  feed: string;
  path: string;
  /** Why the scan failed, wholly or in part; else null. */
  problem: string | null;
  /** Why the feed was skipped although nothing is wrong; else null. */
  skipped: string | null;
}

export interface DropSummary extends DropCounts {
  type: "summary";
  /** How many drop paths were scanned. */
  feeds: number;
  /** How many of those scans failed, wholly or in part. */
  problems: number;
}

export type DropEvent = DropFileEvent | DropFeedEvent | DropSummary;

export function zeroDropCounts(): DropCounts {
  const accepted = { imported: 0, overwritten: 0, existing: 0, restored: 0 };
  return { ...accepted, conflicts: 0, invalid: 0, failed: 0, waiting: 0, unsettled: 0, rejected: 0, bytes: 0 };
}

export function addDrops(sum: DropCounts, more: DropCounts): void {
  for (const name of Object.keys(zeroDropCounts()) as (keyof DropCounts)[]) sum[name] += more[name];
}

export function countDrop(counts: DropCounts, { status, size }: ImportedFile): void {
  switch (status) {
    case "overwritten":
      counts.imported++;
      counts.overwritten++;
      break;
    case "conflict":
      counts.conflicts++;
      break;
    case "skipped":
      return;
    default:
      counts[status]++;
  }
  if (status === "imported" || status === "overwritten" || status === "restored") counts.bytes += size ?? 0;
}
