import { saveFailures, type Failure } from "../../catalog/migration/progress.ts";
import { saveProofs, type NewProof } from "../../catalog/migration/proofs.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";

/**
 * `copied`: stored and verified. `verified`: was there already, and its hash was proven now. `same`: proven before.
 * `stale`: an earlier pass copied it, and it is gone from catalog and source since. `foreign`: nobody here knows it.
 */
export type PassOutcome = "copied" | "verified" | "same" | "failed" | "stale" | "foreign";

export interface PassEvent {
  type: "blob";
  outcome: PassOutcome;
  key: string;
  size: number;
  reason?: string;
}

export type PassSummary = Record<PassOutcome, number> & {
  /** Of the copied blobs. */
  bytes: number;
};

export const noPass: PassSummary = { copied: 0, verified: 0, same: 0, failed: 0, stale: 0, foreign: 0, bytes: 0 };

/** What a pass finds out, kept until it is yielded and until it is saved. */
export interface PassLog {
  report(outcome: PassOutcome, blob: { key: string; size: number }, reason?: string): void;
  /** A blob of the target was proven. */
  prove(proof: NewProof): void;
  /** A copy of an earlier pass whose row is gone. */
  addStale(key: string): void;
  /** Events since the last call. */
  take(): PassEvent[];
  /** How many entries are to be saved. */
  readonly unsaved: number;
  save(): Promise<void>;
}

export function createPassLog(
  context: Context,
  db: Db,
  { targetStoreId: storeId, migrationId, runId }: { targetStoreId: number; migrationId: number; runId: number },
): PassLog {
  let events: PassEvent[] = [];
  let proofs: NewProof[] = [];
  let stale: string[] = [];
  let failures: Failure[] = [];
  return {
    report(outcome, { key, size }, reason) {
      if (outcome === "failed") failures.push({ key, reason: reason ?? "" });
      events.push({ type: "blob", outcome, key, size, ...(reason !== undefined && { reason }) });
    },
    prove: (proof) => void proofs.push(proof),
    addStale: (key) => void stale.push(key),
    take() {
      const taken = events;
      if (taken.length > 0) events = [];
      return taken;
    },
    get unsaved() {
      return proofs.length + stale.length + failures.length;
    },
    async save() {
      const [proven, deletes, failed] = [proofs, stale, failures];
      [proofs, stale, failures] = [[], [], []];
      const now = context.now();
      await saveProofs(db, { storeId, migrationId, now }, proven);
      await recordDeletes(db, { storeId, runId, now }, deletes);
      await saveFailures(db, migrationId, failed, now);
    },
  };
}
