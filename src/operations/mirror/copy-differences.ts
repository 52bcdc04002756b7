import { batchesOf } from "../../lib/batches.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { decide, type Decision } from "./decide.ts";
import type { JournalEntry } from "./journal.ts";
import type { MirrorRun } from "./mirror-run.ts";
import { isProven, listPairs, type ListedPair } from "./pairs.ts";
import type { MirrorItem } from "./tally.ts";

/**
 * Copies what the two listings show to differ, as they stream by, and puts the target's extras aside. Completes only when
 * both listings were read to their end and all copies have ended; copies that failed are put aside to be tried again.
 */
export async function* copyDifferences(context: Context, run: MirrorRun): AsyncGenerator<MirrorItem[]> {
  const { source, target, journal, trash, tally, transfer, proofs } = run;
  let complete = false;
  const onForeign = (name: string, end: "source" | "target") => {
    if (end === "source") run.foreign.add(name);
    tally.foreign(name, end);
  };
  try {
    const listed = listPairs({ source, target, journal, hidden: trash?.root, signal: context.signal, onForeign });
    for await (const pairs of batchesOf(listed)) {
      for (const pair of pairs) {
        const busy = handlePair(run, pair);
        // most need no promise, and a promise each costs more than the rest of the work
        if (busy !== undefined) await busy;
      }
      yield tally.take();
    }
    await transfer.idle();
    complete = true;
  } finally {
    await transfer.idle().catch(() => {}); // what is under way may finish; the error that led here is what counts
    await proofs.close(complete);
  }
}

/** Decides about one key. What is skipped needs no promise; the rest goes to the pool. */
function handlePair(run: MirrorRun, pair: ListedPair): Promise<void> | undefined {
  const { key, source: from, target: to } = pair;
  const blob = from ?? to;
  if (blob === undefined) return undefined; // only the journal remembers it
  // one blob decides for both sides: a filter that hides the source's must not make an extra of its twin
  if (!run.input.filter(key, blob)) {
    if (to !== undefined) run.obstacles.occupy(key);
    return undefined;
  }
  if (to !== undefined) run.counts.targets++;
  if (from === undefined) return keepExtra(run, blob);
  run.counts.sources++;
  run.tally.met(from);
  const { decision, isShown } = compare(run, pair);
  if (decision.action !== "skip") return transferPair(run, pair, from, decision);
  run.tally.skipped(decision.class, from);
  if (to !== undefined) run.obstacles.occupy(key);
  if (!isShown) run.proofs.add(pair.journal);
  return undefined;
}

/** `isShown`: the listings alone will show it again, so that the proof need not be remembered. */
function compare({ input, source, target }: MirrorRun, pair: ListedPair): { decision: Decision; isShown: boolean } {
  const options = input.compare;
  const timesKnown = source.features.listsAll && target.features.listsAll;
  const known = { source: pair.source, target: pair.target, timesKnown };
  // a proof is the memory of tags; --checksum wants the bytes themselves compared
  const proven = !options.checksum && isProven(pair);
  const decision = decide({ ...known, proven }, options);
  const isSkipped = decision.action === "skip";
  const isShown =
    isSkipped && (!proven || decide({ ...known, proven: false }, { ...options, sizeOnly: false }).action === "skip");
  return { decision, isShown };
}

async function transferPair(
  run: MirrorRun,
  { key, target: to }: ListedPair,
  from: BlobInfo,
  decision: Decision,
): Promise<void> {
  const { proofs, obstacles, tally, transfer, settler } = run;
  const room = proofs.room();
  if (room !== undefined) await room;
  const obstacle = to === undefined ? obstacles.at(key) : undefined;
  if (obstacle !== undefined) return tally.mismatch(from, obstacle);
  obstacles.occupy(key);
  const slot = proofs.reserve();
  await transfer.add({ key, size: from.size, decision }, async () => {
    let proof: JournalEntry | undefined;
    try {
      proof = await settler.settle({ key, source: from, target: to }, decision);
    } finally {
      proofs.fill(slot, proof);
    }
  });
}

async function keepExtra({ input, obstacles, foreign, tally, extras }: MirrorRun, blob: BlobInfo): Promise<void> {
  obstacles.occupy(blob.key);
  if (input.compare.leave.has("extra")) return;
  const isUnlike = foreign.holds(blob.key);
  tally.extra(blob, isUnlike ? "kept: the source has a link or special file of that name" : undefined);
  if (!isUnlike) await extras.add({ key: blob.key, size: blob.size, modified: blob.modified.getTime() });
}
