import { join } from "node:path";
import { listFiles, readFiles } from "../../catalog/files.ts";
import { announceCopies, listProofs, type SavedProof } from "../../catalog/migration/proofs.ts";
import { isPending } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { sameBlob, sameTag } from "../../stores/same-tag.ts";
import type { Store, UploadNotes } from "../../stores/store.ts";
import { uploadNotes } from "../commit/upload-notes.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import type { Preserve } from "../transfer/preserve.ts";
import { createTransfer, type Transfer } from "../transfer/transfer-pool.ts";
import { copyProven, missingInSource } from "./copy-proven.ts";
import { createPassLog, type PassEvent, type PassLog } from "./pass-log.ts";
import {
  existingAs,
  foreignName,
  hasValidKey,
  invalidKey,
  isOwnCopy,
  isProven,
  provenCopy,
  type ListedEntry,
  type PassPair,
} from "./pass-pair.ts";

export interface PassInput {
  /** As in `isOwnCopy`. */
  ownTarget: boolean;
  migrationId: number;
  feedId: number;
  source: Store;
  sourceStoreId: number;
  target: Store;
  /** Id of the target in the catalog, for proofs and pending deletes. */
  targetStoreId: number;
  runId: number;
  /** What the process that runs the migration holds. */
  holders: readonly Holder[];
  /** Files of cached packages are not copied. */
  skipCached: boolean;
  preserve: Preserve | undefined;
}

/** A copy, in the form that is spooled for a retry. `proof`: of the target's blob. */
type Job = { key: Key; size: number; proof?: SavedProof };

/** A copy to start. */
interface PlannedCopy {
  pair: PassPair;
  job: Job;
}

/** The state of a running pass. */
interface Pass {
  context: Context;
  db: Db;
  input: PassInput;
  log: PassLog;
  notes: UploadNotes;
}

/** Number of proofs and failures that are saved together. */
const BATCH = 500;
/** Number of copies that are announced together, before the first of them starts. */
const ANNOUNCED = 100;
/** A failed blob is retried once at the end of the pass, and then by the next pass. */
const RETRIES = 1;
const WAIT = 1000;

/**
 * Copies every blob of the catalog and of the source that is not proven in the target, and proves it by its hash.
 * Deletes nothing. Keeps one item of each listing and the running copies in memory. A blob's failure is an event; an
 * outage throws.
 */
export async function* copyPass(context: Context, db: Db, input: PassInput): AsyncGenerator<PassEvent, void> {
  const log = createPassLog(context, db, input);
  const pass: Pass = { context, db, input, log, notes: uploadNotes(context, input.target.name) };
  await using transfer = createTransfer<Job>({
    concurrency: context.concurrency,
    signal: context.signal,
    failed: (job, error) => log.report("failed", job, error.message),
    retries: {
      rounds: RETRIES,
      wait: WAIT,
      spool: join(context.dataDir, "uploads", `migration-${input.migrationId}-${context.pid}`),
      again: (job) => copyAgain(pass, job),
    },
  });
  try {
    const planned: PlannedCopy[] = [];
    for await (const pair of listPass(pass)) {
      const copy = planCopy(pass, pair);
      if (copy !== undefined) planned.push(copy);
      if (planned.length >= ANNOUNCED) yield* startCopies(pass, transfer, planned.splice(0));
      if (log.unsaved >= BATCH) await log.save();
      const events = log.take();
      if (events.length > 0) yield* events;
    }
    yield* startCopies(pass, transfer, planned);
    for await (const _ of transfer.retry()) yield* log.take();
    await log.save();
    yield* log.take();
  } finally {
    await transfer.idle().catch(() => {}); // the first error is the one to throw
    await log.save().catch(() => {}); // the next pass proves these blobs again
  }
}

/** Reports a row whose key is invalid as a failure, and yields the others. */
async function* listPass({ context: { signal }, db, input, log }: Pass): AsyncGenerator<PassPair> {
  const { feedId, source, target, targetStoreId } = input;
  // PostgreSQL keeps no text with U+0000
  const onForeign = (name: string, problem?: string) =>
    problem && log.report("failed", { key: name.replaceAll("\0", "\ufffd"), size: 0 }, foreignName(problem));
  const listings = {
    row: listFiles(db, feedId),
    source: source.list("", { signal, onForeign }),
    target: target.list("", { signal }),
    proof: listProofs(db, targetStoreId),
  };
  const names = { row: "the catalog", source: source.name, target: target.name, proof: "the catalog's proofs" };
  for await (const pair of sideBySide<ListedEntry>(listings, names)) {
    if (hasValidKey(pair)) yield pair;
    else log.report("failed", { key: pair.key, size: pair.row?.size ?? 0 }, invalidKey(pair.key));
  }
}

/** Decides about one key. Returns the copy to make; undefined when none is needed, and reports why. */
function planCopy({ input, log }: Pass, pair: PassPair): PlannedCopy | undefined {
  const { key, row, source: from, target: to, proof } = pair;
  const size = row?.size ?? from?.size ?? to?.size ?? 0;
  const job: Job = { key, size, ...(proof && { proof }) };
  if (row === undefined && from === undefined) {
    if (to === undefined) return undefined; // a proof of a blob that was deleted
    const isOwn = sameBlob(proof?.tag, to.tag) && isOwnCopy(input.ownTarget, proof?.copiedBy);
    if (isOwn) log.addStale(key);
    log.report(isOwn ? "stale" : "foreign", job);
    return undefined;
  }
  if (input.skipCached && row?.cached === true) return undefined;
  if (to === undefined || to.size !== size || !isProven(pair)) return { pair, job };
  rememberHash(log, pair);
  log.report("same", job);
  return undefined;
}

/**
 * Saves a hash that the target's listing contains, so that the cut-over need not request it while the feed is frozen.
 */
function rememberHash(log: PassLog, { key, row, target: to, proof }: PassPair): void {
  const { sha256, tag } = to ?? {};
  if (sha256 === undefined || tag === undefined || (proof !== undefined && sameTag(proof.tag, tag) && !proof.unread))
    return;
  log.prove({ key, tag, sha256, copied: false, catalogued: row !== undefined, described: null });
}

/** Announces copies, then starts each when a slot is free. */
async function* startCopies(
  pass: Pass,
  transfer: Transfer<Job>,
  planned: readonly PlannedCopy[],
): AsyncGenerator<PassEvent> {
  const { context, db, input, log } = pass;
  const announced = planned.flatMap(({ pair }) => {
    const { key, row, source: from, target: to } = pair;
    const sha256 = row?.sha256 ?? from?.sha256;
    // a property update changes the tag: without an announcement, a crash before the proof would lose the copy
    const isOwn = to === undefined || provenCopy(pair, input.migrationId)?.own === true;
    return isOwn && sha256 !== undefined ? [{ key, sha256 }] : [];
  });
  const about = { storeId: input.targetStoreId, runId: input.runId, now: context.now() };
  await commit(db, input.holders, (transaction) => announceCopies(transaction, about, announced));
  for (const { pair, job } of planned) {
    await transfer.add(job, () => copyUnlessOverwritten(pass, pair, job));
    yield* log.take();
  }
}

/** Retries a copy: reads the row and both blobs again. */
async function copyAgain(pass: Pass, job: Job): Promise<void> {
  const { db, input } = pass;
  const { signal } = pass.context;
  const { key } = job;
  const [rows, from, to] = await Promise.all([
    readFiles(db, input.feedId, [key]),
    input.source.head(key, { signal }),
    input.target.head(key, { signal }),
  ]);
  const row = rows.get(key);
  // the package was deleted since the listings began
  if (row === undefined && from === undefined) return;
  const proof = job.proof && { proof: job.proof };
  const found = { ...(row && { row }), ...(from && { source: from }), ...(to && { target: to }) };
  await copyUnlessOverwritten(pass, { key, ...found, ...proof }, job);
}

/** Ignores the mismatch of a blob that is being overwritten: its row follows, and a later pass copies it. */
async function copyUnlessOverwritten(pass: Pass, pair: PassPair, job: Job): Promise<void> {
  try {
    await copyPair(pass, pair, job);
  } catch (error) {
    const { db, input } = pass;
    if (!isFeedctlError(error, "corrupt") || !(await isPending(db, input.sourceStoreId, job.key))) throw error;
  }
}

async function copyPair({ context, db, input, log, notes }: Pass, pair: PassPair, job: Job): Promise<void> {
  const { feedId, source, sourceStoreId, target, migrationId, preserve } = input;
  const { source: from, target: to, proof } = pair;
  let { row } = pair;
  if (row === undefined) {
    // an import is about to record the blob, or a deletion to delete it: a later pass sees the result
    if (await isPending(db, sourceStoreId, job.key)) return;
    row = (await readFiles(db, feedId, [job.key])).get(job.key);
  }
  if (from === undefined) throw missingInSource();
  // a copy of an earlier pass may be replaced: the package was deleted and imported again with other bytes
  const ifExists = existingAs(input.ownTarget, to, proof);
  const copy = provenCopy({ ...pair, ...(row && { row }) }, migrationId);
  const done = await copyProven(context, { source, target, blob: from, row, ifExists, copy, preserve, notes });
  if (done.proof !== undefined) log.prove(done.proof);
  log.report(done.outcome, job);
}
