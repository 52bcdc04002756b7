import { join } from "node:path";
import { listFiles, readFiles, type FileRow } from "../../catalog/files.ts";
import { saveFailures, type Failure } from "../../catalog/migration/progress.ts";
import { isUnsettled, recordDeletes } from "../../catalog/pending.ts";
import {
  announceCopies,
  listProofs,
  saveProofs,
  type NewProof,
  type SavedProof,
} from "../../catalog/migration/proofs.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyProven, type Copy } from "./copy-proven.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { createTransfer } from "../transfer/transfer-pool.ts";
import { uploadNotes } from "../commit/upload-notes.ts";

export interface PassInput {
  feedId: number;
  source: Store;
  sourceStoreId: number;
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

type Entry = { row: FileRow; source: BlobInfo; target: BlobInfo; proof: SavedProof };
type Pair = { key: string } & Partial<Entry>;

/** What must be known of a blob to try it again. `proof`: of what was proven in the target. */
type Job = { key: string; size: number; proof?: SavedProof };

const BATCH = 500;
/** Copies that are announced at once, before the first of them begins. */
const ANNOUNCED = 100;
/** A blob that failed is tried once more at the end of the pass; the next pass is the next try. */
const RETRIES = 1;
const WAIT = 1000;

/**
 * Makes the target hold every blob of the catalog and of the source, each proven by its hash. Deletes nothing itself.
 * Memory is one item per listing and the blobs under way. One blob's failure is an event; a store that is gone throws.
 */
export async function* copyPass(context: Context, db: Db, input: PassInput): AsyncGenerator<PassEvent, void> {
  const { feedId, source, sourceStoreId, target, targetStoreId, migrationId, skipCached } = input;
  const { signal } = context;
  const notes = uploadNotes(context, target.name);
  let events: PassEvent[] = [];
  let proven: NewProof[] = [];
  let stale: string[] = [];
  let failures: Failure[] = [];
  let waiting: { pair: Pair; job: Job }[] = [];

  const tell = (outcome: PassOutcome, { key, size }: Job, reason?: string) => {
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
      const proof = job.proof && { proof: job.proof };
      const found = { ...(row && { row }), ...(from && { source: from }), ...(to && { target: to }) };
      await copyUnlessOverwritten({ key: job.key, ...found, ...proof }, job);
    },
    postponed() {},
    failed: (job, error) => tell("failed", job, error.message),
  });

  const flush = async () => {
    const [proofs, deletes, failed] = [proven, stale, failures];
    [proven, stale, failures] = [[], [], []];
    await saveProofs(db, targetStoreId, migrationId, proofs, context.now());
    await recordDeletes(db, { storeId: targetStoreId, runId: input.runId, now: context.now() }, deletes);
    await saveFailures(db, migrationId, failed, context.now());
  };

  /** A blob that is being overwritten does not match its row; the end of that is seen later, too. */
  async function copyUnlessOverwritten(pair: Pair, job: Job): Promise<void> {
    try {
      await copy(pair, job);
    } catch (error) {
      if (!isFeedctlError(error, "corrupt") || !(await isUnsettled(db, sourceStoreId, job.key))) throw error;
    }
  }

  /** The target's blob, if it is proven to have the row's bytes. */
  function copyOf({ row, target: to, proof }: Pair): Copy | undefined {
    if (row === undefined || to === undefined || proof?.tag !== to.tag || proof?.sha256 !== row.sha256)
      return undefined;
    return { blob: to, own: proof.copiedBy === migrationId };
  }

  async function copy(pair: Pair, job: Job): Promise<void> {
    const { source: from, target: to, proof } = pair;
    let { row } = pair;
    if (row === undefined) {
      // an import is about to record it, or a deletion to remove it: whichever it is, a later look sees the end of it
      if (await isUnsettled(db, sourceStoreId, job.key)) return;
      row = (await readFiles(db, feedId, [job.key])).get(job.key);
    }
    if (from === undefined)
      throw new FeedctlError("not-found", "the catalog names it, but the source has no such blob");
    // what an earlier pass put there itself may be replaced: the package was deleted and imported again with other bytes
    const ifExists = to !== undefined && proof?.tag === to.tag ? "replace" : "fail";
    const copied = copyOf({ ...pair, ...(row && { row }) });
    const done = await copyProven(context, { source, target, blob: from, row, ifExists, copy: copied, notes });
    if (done.proof !== undefined) proven.push(done.proof);
    tell(done.outcome, job);
  }

  function meet(pair: Pair): void {
    const { key, row, source: from, target: to } = pair;
    const size = row?.size ?? from?.size ?? to?.size ?? 0;
    const job: Job = { key, size, ...(pair.proof && { proof: pair.proof }) };
    if (row === undefined && from === undefined) {
      if (to === undefined) return; // only a proof remembers it
      const own = pair.proof?.tag === to.tag;
      if (own) stale.push(key);
      return tell(own ? "stale" : "foreign", job);
    }
    if (skipCached && row?.cached === true) return;
    if (to !== undefined && to.size === size && isProven(pair)) {
      remember(pair);
      return tell("same", job);
    }
    waiting.push({ pair, job });
  }

  /** What the target proves by itself need not be asked for while the feed is frozen. */
  function remember({ key, row, target: to, proof }: Pair): void {
    const { sha256, tag } = to ?? {};
    if (sha256 === undefined || tag === undefined || proof?.tag === tag) return;
    proven.push({ key, tag, sha256, copied: false, catalogued: row !== undefined, described: null });
  }

  async function* begin(): AsyncGenerator<PassEvent> {
    const jobs = waiting;
    waiting = [];
    const announced = jobs.flatMap(({ pair }) => {
      const { key, row, source: from, target: to } = pair;
      const sha256 = row?.sha256 ?? from?.sha256;
      // an own copy that is only described anew stays one, even if this process dies before it can save the new proof
      const isOwn = to === undefined || copyOf(pair)?.own === true;
      return isOwn && sha256 !== undefined ? [{ key, sha256 }] : [];
    });
    await announceCopies(db, targetStoreId, input.runId, announced, context.now());
    for (const { pair, job } of jobs) {
      await transfer.add(job, () => copyUnlessOverwritten(pair, job));
      yield* take();
    }
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
      meet(pair);
      if (waiting.length >= ANNOUNCED) yield* begin();
      if (proven.length + stale.length + failures.length >= BATCH) await flush();
      if (events.length > 0) yield* take();
    }
    yield* begin();
    for await (const _ of transfer.retry()) yield* take();
    await flush();
    yield* take();
  } finally {
    await transfer.idle().catch(() => {}); // what broke the pass off is thrown already
    await flush().catch(() => {}); // without these proofs the next pass finds them again
  }
}

/**
 * Whether what the target shows was proven to be the right bytes: by its own hash, or by a tag seen when it was proven. Of
 * an asset the proof must also tell that the blob says of itself what the row does, for a listing need not.
 */
function isProven({ row, source, target, proof }: Pair): boolean {
  const sha256 = row?.sha256 ?? source?.sha256;
  const md5 = row?.md5 ?? source?.md5;
  if (target === undefined) return false;
  const described = row?.described ?? null;
  if (described !== null && (proof?.tag !== target.tag || proof?.described !== described)) return false;
  if (proof !== undefined && proof.tag === target.tag && (sha256 === undefined || proof.sha256 === sha256)) {
    // a blob without a row has no hash to hold the proof against: its source must not be newer than the copy
    return row !== undefined || source === undefined || source.modified <= target.modified;
  }
  return sha256 !== undefined && md5 !== undefined && target.sha256 === sha256 && target.md5 === md5;
}
