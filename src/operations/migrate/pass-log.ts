import { saveFailures, type Failure } from "../../catalog/migration/progress.ts";
import { saveProofs, type NewProof } from "../../catalog/migration/proofs.ts";
import { recordDeletes } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";

/**
 * - `copied`: stored and verified. `verified`: it existed, and its hash was proven now. `same`: proven before.
 * - `stale`: a copy of an earlier pass that is no longer in catalog or source.
 * - `foreign`: only in the target, without a proof that a migration copied it.
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
  /** Size of the copied blobs. */
  bytes: number;
};

export const noPass: PassSummary = { copied: 0, verified: 0, same: 0, failed: 0, stale: 0, foreign: 0, bytes: 0 };

/** Buffers the events of a pass until they are yielded, and its proofs and failures until they are saved. */
export interface PassLog {
  report(outcome: PassOutcome, blob: { key: string; size: number }, reason?: string): void;
  /** Adds the proof of a blob in the target. */
  prove(proof: NewProof): void;
  /** Adds a copy of an earlier pass whose row was deleted, for a pending delete. */
  addStale(key: string): void;
  /** Removes and returns the events since the last call. */
  take(): PassEvent[];
  /** Number of buffered proofs, pending deletes and failures. */
  readonly unsaved: number;
  /** Writes them to the catalog. */
  save(): Promise<void>;
}

export function createPassLog(
  context: Context,
  db: Db,
  {
    targetStoreId: storeId,
    migrationId,
    runId,
    holders,
  }: { targetStoreId: number; migrationId: number; runId: number; holders: readonly Holder[] },
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
      await commit(db, holders, async (transaction) => {
        await saveProofs(transaction, { storeId, migrationId, now }, proven);
        await recordDeletes(transaction, { storeId, runId, now }, deletes);
        await saveFailures(transaction, migrationId, failed, now);
      });
    },
  };
}
