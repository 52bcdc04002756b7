import { join } from "node:path";
import { listFiles, readFiles, type FileRow } from "../catalog/files.ts";
import { saveFailures, type Failure } from "../catalog/migration-progress.ts";
import { recordDeletes } from "../catalog/pending.ts";
import { listProofs, saveProofs, type NewProof, type Proof } from "../catalog/proofs.ts";
import type { Db } from "../catalog/schema.ts";
import { FeedctlError } from "../errors.ts";
import { parseKey } from "../stores/key.ts";
import type { BlobInfo, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { copyProven } from "./copy-proven.ts";
import { sideBySide } from "./side-by-side.ts";
import { createTransfer } from "./transfer.ts";
import { uploadNotes } from "./upload-notes.ts";

export interface PassInput {
  feedId: number;
  source: Store;
  target: Store;
  /** The target's row in the catalog: proofs and pending deletes belong to it. */
  targetStoreId: number;
  migrationId: number;
  runId: number;
  /** Files of cached packages stay where they are. */
  skipCached: boolean;
}

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

type Entry = { row: FileRow; source: BlobInfo; target: BlobInfo; proof: Proof };
type Pair = { key: string } & Partial<Entry>;

/** What must be known of a blob to try it again. */
type Job = { key: string; size: number };

const BATCH = 500;
/** A blob that failed is tried once more at the end of the pass; the next pass is the next try. */
const RETRIES = 1;
const WAIT = 1000;

/**
 * Makes the target hold every blob of the catalog and of the source, each proven by its hash. Deletes nothing itself.
 * Memory is one item per listing and the blobs under way. One blob's failure is an event; a store that is gone throws.
 */
export async function* copyPass(context: Context, db: Db, input: PassInput): AsyncGenerator<PassEvent, PassSummary> {
  const { feedId, source, target, targetStoreId, migrationId, skipCached } = input;
  const { signal } = context;
  const summary = { ...noPass };
  const notes = uploadNotes(context, target.name);
  let events: PassEvent[] = [];
  let proven: NewProof[] = [];
  let stale: string[] = [];
  let failures: Failure[] = [];

  const tell = (outcome: PassOutcome, { key, size }: Job, reason?: string) => {
    summary[outcome]++;
    if (outcome === "copied") summary.bytes += size;
    if (outcome === "failed") failures.push({ key, reason: reason ?? "" });
    events.push({ type: "blob", outcome, key, size, ...(reason !== undefined && { reason }) });
  };
  const take = () => events.splice(0);

  await using transfer = createTransfer<Job>({
    concurrency: context.concurrency,
    retries: RETRIES,
    wait: WAIT,
    spool: join(context.dataDir, "uploads", `migration-${migrationId}-${context.pid}`),
    signal,
    async again(job) {
      const key = parseKey(job.key);
      const [rows, from, to] = await Promise.all([
        readFiles(db, feedId, [job.key]),
        source.head(key, { signal }),
        target.head(key, { signal }),
      ]);
      const row = rows.get(job.key);
      // a package that was deleted since the listings began is nobody's fault
      if (row === undefined && from === undefined) return;
      await copy({ key: job.key, ...(row && { row }), ...(from && { source: from }), ...(to && { target: to }) }, job);
    },
    postponed() {},
    failed: (job, error) => tell("failed", job, error.message),
  });

  const flush = async () => {
    const [proofs, deletes, failed] = [proven, stale, failures];
    [proven, stale, failures] = [[], [], []];
    await saveProofs(db, targetStoreId, migrationId, proofs, context.now());
    await recordDeletes(db, targetStoreId, input.runId, deletes, context.now());
    await saveFailures(db, migrationId, failed, context.now());
  };

  async function copy(pair: Pair, job: Job): Promise<void> {
    const { row, source: from, target: to, proof } = pair;
    if (from === undefined)
      throw new FeedctlError("not-found", "the catalog names it, but the source has no such blob");
    // what an earlier pass put there itself may be replaced: the package was deleted and imported again with other bytes
    const ifExists = to !== undefined && proof?.tag === to.tag ? "replace" : "fail";
    const done = await copyProven(context, { source, target, blob: from, row, ifExists, notes });
    if (done.proof !== undefined) proven.push(done.proof);
    tell(done.outcome, job);
  }

  async function meet(pair: Pair): Promise<void> {
    const { key, row, source: from, target: to } = pair;
    const job = { key, size: row?.size ?? from?.size ?? to?.size ?? 0 };
    if (row === undefined && from === undefined) {
      if (to === undefined) return; // only a proof remembers it
      const own = pair.proof?.tag === to.tag;
      if (own) stale.push(key);
      return tell(own ? "stale" : "foreign", job);
    }
    if (skipCached && row?.cached === true) return;
    if (to !== undefined && to.size === job.size && isProven(pair)) return tell("same", job);
    await transfer.add(job, () => copy(pair, job));
  }

  try {
    const listings = {
      row: listFiles(db, feedId),
      source: source.list("", { signal }),
      target: target.list("", { signal }),
      proof: listProofs(db, targetStoreId),
    };
    const names = { row: "the catalog", source: source.name, target: target.name, proof: "the catalog's proofs" };
    for await (const pair of sideBySide<Entry>(listings, names)) {
      await meet(pair);
      if (proven.length + stale.length + failures.length >= BATCH) await flush();
      if (events.length > 0) yield* take();
    }
    for await (const _ of transfer.retry()) yield* take();
    await flush();
    yield* take();
  } finally {
    await transfer.idle().catch(() => {}); // what broke the pass off is thrown already
    await flush().catch(() => {}); // without these proofs the next pass finds them again
  }
  return summary;
}

/** Whether what the target shows was proven to be the right bytes: by its own hash, or by a tag seen when it was proven. */
function isProven({ row, source, target, proof }: Pair): boolean {
  const sha256 = row?.sha256 ?? source?.sha256;
  const md5 = row?.md5 ?? source?.md5;
  if (target === undefined) return false;
  if (proof !== undefined && proof.tag === target.tag && (sha256 === undefined || proof.sha256 === sha256)) {
    // a blob without a row has no hash to hold the proof against: its source must not be newer than the copy
    return row !== undefined || source === undefined || source.modified <= target.modified;
  }
  return sha256 !== undefined && md5 !== undefined && target.sha256 === sha256 && target.md5 === md5;
}
