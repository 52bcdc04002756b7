import type { KeptBlobs } from "../feed-store/store-traits.ts";
import type { AssetOutcome, AssetStatus } from "./item.ts";

/** How many files of a run had each outcome. */
export interface UploadSummary extends Record<AssetStatus, number> {
  type: "summary";
  directory: string;
  /** Folders that were created. */
  folders: number;
  /** Total size of the stored files. */
  bytes: number;
  /** How many of the stored files existed, but their blobs were missing in the store. */
  restored: number;
  /** Of the files that a move deleted. */
  keptByProvider: KeptBlobs | null;
}

export function createSummary(directory: string): UploadSummary {
  const none = { stored: 0, overwritten: 0, unchanged: 0, skipped: 0, conflict: 0, invalid: 0, failed: 0 };
  return { type: "summary", directory, ...none, folders: 0, bytes: 0, restored: 0, keptByProvider: null };
}

/** Counts an outcome, and returns it. */
export function countOutcome(summary: UploadSummary, outcome: AssetOutcome): AssetOutcome {
  summary[outcome.status]++;
  if (outcome.restored === true) summary.restored++;
  if (outcome.status === "stored" || outcome.status === "overwritten") summary.bytes += outcome.size ?? 0;
  return outcome;
}
