import type { ImportedFile } from "../import/outcome.ts";

/** What became of files of drop paths. */
export interface DropCounts {
  imported: number;
  /** Of these, how many took the place of other bytes. */
  overwritten: number;
  existing: number;
  /** Blobs that the store had lost. */
  restored: number;
  /** New ones; those of earlier scans are `waiting`. */
  conflicts: number;
  invalid: number;
  failed: number;
  /** Were told of by an earlier scan and have not changed since. */
  waiting: number;
  /** May still be written to: left for the next scan. */
  unsettled: number;
  /** Moved aside. */
  rejected: number;
  /** Of all that was stored. */
  bytes: number;
}

export type DropFileEvent = ImportedFile & {
  feed: string;
  /** Where a bad file was moved to; null: it stays. */
  rejectedTo: string | null;
};

export interface DropFeedEvent extends DropCounts {
  type: "feed";
  feed: string;
  path: string;
  /** Why the scan could not be made, or only in part; else null. */
  problem: string | null;
  /** Why the feed was passed over without a fault; else null. */
  skipped: string | null;
}

export interface DropSummary extends DropCounts {
  type: "summary";
  /** Scanned. */
  feeds: number;
  /** Of these, how many could not be scanned as they should. */
  problems: number;
}

export type DropEvent = DropFileEvent | DropFeedEvent | DropSummary;

export function noDrops(): DropCounts {
  const takenIn = { imported: 0, overwritten: 0, existing: 0, restored: 0 };
  return { ...takenIn, conflicts: 0, invalid: 0, failed: 0, waiting: 0, unsettled: 0, rejected: 0, bytes: 0 };
}

export function addDrops(sum: DropCounts, more: DropCounts): void {
  for (const name of Object.keys(noDrops()) as (keyof DropCounts)[]) sum[name] += more[name];
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
