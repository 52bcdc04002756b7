import { join } from "node:path";
import { listFiles, readFiles } from "../../catalog/files.ts";
import { announceCopies, listProofs, type SavedProof } from "../../catalog/migration/proofs.ts";
import { isPending } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store, UploadNotes } from "../../stores/store.ts";
import { uploadNotes } from "../commit/upload-notes.ts";
import type { Context } from "../context.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { createTransfer, type Transfer } from "../transfer/transfer-pool.ts";
import { copyProven } from "./copy-proven.ts";
import { createPassLog, type PassEvent, type PassLog } from "./pass-log.ts";
import { isProven, provenCopy, type PassEntry, type PassPair } from "./pass-pair.ts";

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

/** What must be known of a blob to try it again. `proof`: of what was proven in the target. */
type Job = { key: string; size: number; proof?: SavedProof };

/** A blob to be copied. */
interface Waiting {
  pair: PassPair;
  job: Job;
}

/** One pass under way. */
interface Pass {
  context: Context;
  db: Db;
  input: PassInput;
  log: PassLog;
  notes: UploadNotes;
}

/** Proofs and failures that are saved together. */
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
  const log = createPassLog(context, db, input);
  const pass: Pass = { context, db, input, log, notes: uploadNotes(context, input.target.name) };
  await using transfer = createTransfer<Job>({
    concurrency: context.concurrency,
    retries: RETRIES,
    wait: WAIT,
    spool: join(context.dataDir, "uploads", `migration-${input.migrationId}-${context.pid}`),
    signal: context.signal,
    again: (job) => copyAgain(pass, job),
    postponed() {},
    failed: (job, error) => log.report("failed", job, error.message),
  });
  try {
    let waiting: Waiting[] = [];
    for await (const pair of listPass(pass)) {
      const one = judge(pass, pair);
      if (one !== undefined) waiting.push(one);
      if (waiting.length >= ANNOUNCED) yield* startCopies(pass, transfer, waiting.splice(0));
      if (log.unsaved >= BATCH) await log.save();
      const events = log.take();
      if (events.length > 0) yield* events;
    }
    yield* startCopies(pass, transfer, waiting);
    for await (const _ of transfer.retry()) yield* log.take();
    await log.save();
    yield* log.take();
  } finally {
    await transfer.idle().catch(() => {}); // what broke the pass off is thrown already
    await log.save().catch(() => {}); // without these proofs the next pass finds them again
  }
}

function listPass({ context: { signal }, db, input }: Pass): AsyncGenerator<PassPair> {
  const { feedId, source, target, targetStoreId } = input;
  const listings = {
    row: listFiles(db, feedId),
    source: source.list("", { signal }),
    target: target.list("", { signal }),
    proof: listProofs(db, targetStoreId),
  };
  const names = { row: "the catalog", source: source.name, target: target.name, proof: "the catalog's proofs" };
  return sideBySide<PassEntry>(listings, names);
}

/** Decides about one key: reports what needs no copy, and returns what does. */
function judge({ input, log }: Pass, pair: PassPair): Waiting | undefined {
  const { key, row, source: from, target: to, proof } = pair;
  const size = row?.size ?? from?.size ?? to?.size ?? 0;
  const job: Job = { key, size, ...(proof && { proof }) };
  if (row === undefined && from === undefined) {
    if (to === undefined) return undefined; // only a proof remembers it
    const isOwn = proof?.tag === to.tag;
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

/** A hash that the target itself shows need not be asked for while the feed is frozen. */
function rememberHash(log: PassLog, { key, row, target: to, proof }: PassPair): void {
  const { sha256, tag } = to ?? {};
  if (sha256 === undefined || tag === undefined || proof?.tag === tag) return;
  log.prove({ key, tag, sha256, copied: false, catalogued: row !== undefined, described: null });
}

/** Announces copies, and starts them as there is room. */
async function* startCopies(
  pass: Pass,
  transfer: Transfer<Job>,
  waiting: readonly Waiting[],
): AsyncGenerator<PassEvent> {
  const { context, db, input, log } = pass;
  const announced = waiting.flatMap(({ pair }) => {
    const { key, row, source: from, target: to } = pair;
    const sha256 = row?.sha256 ?? from?.sha256;
    // an own copy that is only described anew stays one, even if this process dies before it can save the new proof
    const isOwn = to === undefined || provenCopy(pair, input.migrationId)?.own === true;
    return isOwn && sha256 !== undefined ? [{ key, sha256 }] : [];
  });
  const about = { storeId: input.targetStoreId, runId: input.runId, now: context.now() };
  await announceCopies(db, about, announced);
  for (const { pair, job } of waiting) {
    await transfer.add(job, () => copyUnlessOverwritten(pass, pair, job));
    yield* log.take();
  }
}

/** Looks at both sides anew. */
async function copyAgain(pass: Pass, job: Job): Promise<void> {
  const { db, input } = pass;
  const { signal } = pass.context;
  const key = parseKey(job.key);
  const [rows, from, to] = await Promise.all([
    readFiles(db, input.feedId, [job.key]),
    input.source.head(key, { signal }),
    input.target.head(key, { signal }),
  ]);
  const row = rows.get(job.key);
  // a package that was deleted since the listings began is nobody's fault
  if (row === undefined && from === undefined) return;
  const proof = job.proof && { proof: job.proof };
  const found = { ...(row && { row }), ...(from && { source: from }), ...(to && { target: to }) };
  await copyUnlessOverwritten(pass, { key: job.key, ...found, ...proof }, job);
}

/** A blob that is being overwritten does not match its row; the end of that is seen later, too. */
async function copyUnlessOverwritten(pass: Pass, pair: PassPair, job: Job): Promise<void> {
  try {
    await copyPair(pass, pair, job);
  } catch (error) {
    const { db, input } = pass;
    if (!isFeedctlError(error, "corrupt") || !(await isPending(db, input.sourceStoreId, job.key))) throw error;
  }
}

async function copyPair({ context, db, input, log, notes }: Pass, pair: PassPair, job: Job): Promise<void> {
  const { feedId, source, sourceStoreId, target, migrationId } = input;
  const { source: from, target: to, proof } = pair;
  let { row } = pair;
  if (row === undefined) {
    // an import is about to record it, or a deletion to remove it: whichever it is, a later look sees the end of it
    if (await isPending(db, sourceStoreId, job.key)) return;
    row = (await readFiles(db, feedId, [job.key])).get(job.key);
  }
  if (from === undefined) throw new FeedctlError("not-found", "the catalog names it, but the source has no such blob");
  // what an earlier pass put there itself may be replaced: the package was deleted and imported again with other bytes
  const ifExists = to !== undefined && proof?.tag === to.tag ? "replace" : "fail";
  const copy = provenCopy({ ...pair, ...(row && { row }) }, migrationId);
  const done = await copyProven(context, { source, target, blob: from, row, ifExists, copy, notes });
  if (done.proof !== undefined) log.prove(done.proof);
  log.report(done.outcome, job);
}
