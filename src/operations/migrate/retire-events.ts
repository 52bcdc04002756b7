import type { KeptBlobs } from "../feed-store/store-traits.ts";
import type { VerifyEvent } from "../verify/verify.ts";

export interface RetirePlan {
  feed: string;
  from: string;
  to: string;
  /** Whether an earlier run has deleted the old files, so that there is nothing to do. */
  retired: boolean;
}

export interface RetireSummary extends RetirePlan {
  type: "summary";
  /**
   * Number of old blobs deleted: those that the new store holds with the same size, and those of packages deleted
   * since.
   */
  deleted: number;
  bytes: number;
  /** Number of old blobs that the new store does not hold. They are not deleted. */
  kept: number;
  /** Number of old blobs that the old store did not delete. The next `migrate retire` tries them again. */
  failed: number;
  keptByProvider: KeptBlobs | null;
}

export type RetireEvent =
  | VerifyEvent
  | { type: "kept"; key: string }
  | { type: "failed"; key: string; reason: string }
  | RetireSummary;
