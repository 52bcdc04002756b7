import { createArchiveNotice } from "../transfer/archive-notice.ts";
import { batchesOf } from "../../lib/lists/batches.ts";
import { isFolderMarker } from "../../lib/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { decide, type Decision } from "./decide.ts";
import type { JournalEntry } from "./journal.ts";
import type { Deferred, MirrorRun } from "./mirror-run.ts";
import type { Clash } from "./name-clashes.ts";
import { isProven, listPairs, type ListedPair, type PairsInput } from "./pairs.ts";
import type { MirrorItem } from "./tally.ts";

/**
 * Compares the two listings while it reads them, copies the blobs that differ, and spools the target's extras. Failed
 * copies are queued for a retry. Files that need the place of an extra are deferred. Completes only when both listings
 * were read to their end and all copies have ended.
 */
export async function* copyDifferences(context: Context, run: MirrorRun): AsyncGenerator<MirrorItem[]> {
  const { source, target, journal, trash, tally, transfer, proofs } = run;
  let complete = false;
  try {
    const noticeArchived = createArchiveNotice(context, { place: run.names.source, fate: "fail" });
    const listed = listPairs({
      source,
      target,
      journal,
      hidden: trash?.root,
      signal: context.signal,
      ...foreignOf(run),
    });
    for await (const pairs of batchesOf(listed)) {
      for (const pair of pairs) {
        if (pair.source?.archived !== undefined && isCopied(run, pair)) noticeArchived(pair.source);
        const busy = handlePair(run, pair);
        // most blobs are skipped: a promise for each would cost more than the rest of the work
        if (busy !== undefined) await busy;
      }
      await deferDecided(run, false);
      yield tally.take();
    }
    await deferDecided(run, true);
    await transfer.idle();
    complete = true;
  } finally {
    await transfer.idle().catch(() => {}); // running copies may finish; the first error is the one to throw
    await proofs.close(complete);
  }
}

/** Reports the names that a listing leaves out. A file or folder of the source that cannot be copied is a failure. */
function foreignOf({ input, foreign, foreignInTarget, tally }: MirrorRun): Pick<PairsInput, "onForeign"> {
  return {
    onForeign(name, end, problem) {
      if (end === "target") foreignInTarget.add(name);
      else foreign.add(name);
      if (end === "target" || problem === undefined) return tally.foreign(name, end);
      if (!input.filter(name)) return;
      const blob = { key: name, size: 0 };
      tally.addSource(blob);
      tally.failed("lonely", blob, `its name ${problem}: not copied`);
    },
  };
}

/** Whether the source's blob passes the filter and differs from the target's. */
function isCopied(run: MirrorRun, pair: ListedPair): boolean {
  const { key, source } = pair;
  return source !== undefined && run.input.filter(key, source) && compare(run, pair).decision.action !== "skip";
}

/** Defers files whose folder in the target is going to be empty, and reports the others. */
async function deferDecided({ clashes, deferred, tally }: MirrorRun, all: boolean): Promise<void> {
  for (const { settled, ...job } of clashes.take(all)) {
    if (settled) await deferred.add(job);
    else tally.mismatch(job, job.reason);
  }
}

/** Whether the blob is only another tool's mark of a folder, and the other side has folders without marks. */
function isNeedless(blob: BlobInfo, other: Store): boolean {
  return isFolderMarker(blob.key, blob.size) && other.nameProblem?.(blob.key) !== undefined;
}

/** Decides about one key. Returns a promise only when a copy must wait for the pool. */
function handlePair(run: MirrorRun, pair: ListedPair): Promise<void> | undefined {
  const { key, source: from, target: to } = pair;
  const blob = from ?? to;
  if (blob === undefined) return undefined; // deleted on both sides since the journal was written
  // the source's blob decides for both sides: a source blob that is filtered out must not make the target's an extra
  if (!run.input.filter(key, blob)) {
    if (to !== undefined) run.clashes.add(key);
    return undefined;
  }
  const alone = from === undefined ? "target" : to === undefined ? "source" : undefined;
  if (alone !== undefined && isNeedless(blob, from === undefined ? run.source : run.target)) {
    run.tally.foreign(key, alone);
    return undefined;
  }
  if (to !== undefined) run.counts.targets++;
  if (from === undefined) return addExtra(run, blob);
  run.counts.sources++;
  run.tally.addSource(from);
  const { decision, listingsSuffice } = compare(run, pair);
  const isSame = decision.class === "same" || decision.class === "tweaked";
  const modeDiffers = to !== undefined && isSame && run.modes?.differ(from.key) === true;
  if (decision.action !== "skip" || modeDiffers) return transferPair(run, pair, from, decision);
  run.tally.skipped(decision.class, from);
  if (to !== undefined) run.clashes.add(key);
  if (!listingsSuffice) run.proofs.add(pair.journal);
  return undefined;
}

/**
 * `listingsSuffice`: the next run skips the pair by its listings alone, so that the journal need not keep the proof.
 */
function compare(
  { input, source, target }: MirrorRun,
  pair: ListedPair,
): { decision: Decision; listingsSuffice: boolean } {
  const options = input.compare;
  const timesKnown = source.features.listsAll && target.features.listsAll;
  const known = { source: pair.source, target: pair.target, timesKnown };
  // a proof in the journal compares tags; --checksum asks for a comparison of the bytes
  const proven = !options.checksum && isProven(pair);
  const decision = decide({ ...known, proven }, options);
  const isSkipped = decision.action === "skip";
  const listingsSuffice =
    isSkipped && (!proven || decide({ ...known, proven: false }, { ...options, sizeOnly: false }).action === "skip");
  return { decision, listingsSuffice };
}

async function transferPair(
  run: MirrorRun,
  { key, target: to }: ListedPair,
  from: BlobInfo,
  decision: Decision,
): Promise<void> {
  const { proofs, clashes, tally, transfer, copier } = run;
  const room = proofs.room();
  if (room !== undefined) await room;
  const problem = to === undefined ? run.target.nameProblem?.(from.key) : undefined;
  if (problem !== undefined)
    return tally.failed(decision.class, from, `the target cannot hold it: its name ${problem}`);
  const clash = to === undefined ? clashes.find(key) : undefined;
  if (clash !== undefined) return handleClash(run, { key, size: from.size, decision, reason: clash.reason }, clash);
  clashes.add(key);
  const slot = proofs.reserve();
  await transfer.add({ key, size: from.size, decision }, async () => {
    let proof: JournalEntry | undefined;
    try {
      proof = await copier.copyIfNeeded({ key, source: from, target: to }, decision);
    } finally {
      proofs.fill(slot, proof);
    }
  });
}

async function handleClash({ clashes, deferred, tally }: MirrorRun, job: Deferred, { kind }: Clash): Promise<void> {
  if (kind === "lasting") return tally.mismatch(job, job.reason);
  if (kind === "folder") return clashes.wait(job);
  clashes.add(job.key);
  await deferred.add(job);
}

/** Reports a blob that is only in the target, and spools it for deletion. */
async function addExtra({ input, clashes, foreign, tally, extras }: MirrorRun, blob: BlobInfo): Promise<void> {
  const isDeleted = !input.noDelete && !input.compare.leave.has("extra") && !foreign.covers(blob.key);
  clashes.add(blob.key, isDeleted);
  if (input.compare.leave.has("extra")) return;
  const isForeign = foreign.covers(blob.key);
  tally.extra(blob, isForeign ? "kept: the source has a link or special file of that name" : undefined);
  if (!isForeign) await extras.add({ key: blob.key, size: blob.size, modified: blob.modified.getTime() });
}
