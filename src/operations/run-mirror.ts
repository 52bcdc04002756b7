import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FeedctlError, isFeedctlError } from "../errors.ts";
import { inBatches } from "../lib/parallel.ts";
import { mergeJoin } from "../lib/merge-join.ts";
import { createPool } from "../lib/pool.ts";
import { tryProcessLock } from "../lib/process-lock.ts";
import { createSpool } from "../lib/spool.ts";
import { compareKeys, type Key } from "../stores/key.ts";
import { locationName } from "../stores/location.ts";
import type { BlobInfo } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { copyBlob, lookCloser } from "./copy-blob.ts";
import { journalInOrder, openJournal, type JournalEntry } from "./mirror-journal.ts";
import type { Filter } from "./mirror-filter.ts";
import { refuseUnsafePlaces } from "./mirror-guards.ts";
import { trashKey } from "./mirror-trash.ts";
import type { Place } from "./places.ts";
import { decide, refuseDeletes, type CompareOptions, type Decision, type Limit, type MirrorClass } from "./plan-mirror.ts";
import { deleteBlobs } from "./settle-pending.ts";

export interface MirrorInput {
  source: Place;
  target: Place;
  dryRun: boolean;
  /** Extras are reported and stay. */
  noDelete: boolean;
  maxDelete?: Limit | undefined;
  compare: CompareOptions;
  filter: Filter;
  /** Failed blobs are tried again this many times, each time after `wait` milliseconds. */
  retries: number;
  wait: number;
  concurrency: number;
  /** Key prefix in the target for what would be deleted or overwritten. */
  trash?: string | undefined;
  /** Asked before the first delete; throws to refuse. */
  approve(deletes: number, from: string): Promise<void>;
}

export type MirrorOutcome = "copied" | "skipped" | "extra" | "deleted" | "mismatch" | "failed";

export interface MirrorItem {
  type: "item";
  class: MirrorClass;
  outcome: MirrorOutcome;
  key: string;
  bytes: number;
  reason?: string;
}

/** `total` = `copied` + `skipped` + `mismatch` + `failed`; extras are outside, as in robocopy. */
export interface MirrorSummary {
  type: "summary";
  source: string;
  target: string;
  dryRun: boolean;
  total: number;
  copied: number;
  skipped: number;
  mismatch: number;
  failed: number;
  extras: number;
  deleted: number;
  /** Of the copied blobs. */
  bytes: number;
  totalBytes: number;
  extraBytes: number;
  /** Why extras were not deleted, if they were not. */
  notDeleted?: string;
  /** Names that can be no blob (links, special files, folder markers): told, and left alone. */
  foreign: number;
  milliseconds: number;
}

export type MirrorEvent = MirrorItem | MirrorSummary;

type Entry = { source: BlobInfo; target: BlobInfo; journal: JournalEntry };
type Pair = { key: string } & Partial<Entry>;
type Work = { key: string; source: BlobInfo; target?: BlobInfo | undefined };

const DELETE_BATCH = 1000;

/**
 * Makes the target equal the source. Copies as the two listings stream by; deletes only after both were read to their
 * end in order, nothing failed, and the guards agreed to the whole number.
 */
export async function* runMirror(context: Context, input: MirrorInput): AsyncGenerator<MirrorEvent> {
  const started = performance.now();
  await refuseUnsafePlaces(context, input.source, input.target);
  const places = { source: locationName(input.source.location), target: locationName(input.target.location) };
  const directory = join(context.dataDir, "mirrors");
  await mkdir(directory, { recursive: true });
  await using _lock = await lockTarget(join(directory, `${digest(places.target)}.lock`), places.target);
  await using source = await context.openStore(input.source.config);
  await using target = await context.openStore(input.target.config);
  await using extras = createSpool<{ key: Key; size: number; tag?: string | undefined }>(join(directory, `extras-${context.pid}`));
  let failures = createSpool<Work>(join(directory, `failures-${context.pid}-0`));
  const journal = openJournal(join(directory, `${digest(places.source, places.target)}.journal`));
  const proofs = journalInOrder(journal);
  const summary: MirrorSummary = {
    type: "summary", ...places, dryRun: input.dryRun, total: 0, copied: 0, skipped: 0, mismatch: 0, failed: 0,
    extras: 0, deleted: 0, bytes: 0, totalBytes: 0, extraBytes: 0, foreign: 0, milliseconds: 0,
  }; // prettier-ignore
  const timesKnown = source.features.listsGivenTime && target.features.listsGivenTime;
  const events: MirrorEvent[] = [];
  const pool = createPool(input.concurrency);
  const trash = input.trash === undefined ? undefined : trashKey(input.trash, context.now());
  const counts = { sources: 0, targets: 0 };
  let outages = 0;
  let complete = false;

  try {
    try {
      for await (const pair of listPairs()) {
        await meet(pair);
        if (events.length > 0) yield* events.splice(0);
      }
      await pool.idle();
      complete = true;
    } catch (error) {
      await pool.idle().catch(() => {}); // what is under way may finish; the listing's error is what counts
      yield* events.splice(0);
      throw error;
    }
    yield* events.splice(0);
    yield* retryFailures();
    let refused: unknown;
    try {
      yield* removeExtras();
    } catch (error) {
      if (!isFeedctlError(error, "refused")) throw error;
      summary.notDeleted = error.message;
      refused = error;
    }
    summary.milliseconds = Math.round(performance.now() - started);
    yield summary;
    if (refused !== undefined) throw refused;
  } finally {
    await failures[Symbol.asyncDispose]();
    if (!input.dryRun) await proofs.close(complete);
  }

  function listPairs(): AsyncGenerator<Pair> {
    const onForeign = (name: string) => {
      summary.foreign++;
      events.push(item("mismatched", "skipped", name, 0, "is a link, a special file or no name for a blob: left alone"));
    };
    const visible = (blobs: AsyncIterable<BlobInfo>) => (trash === undefined ? blobs : withoutPrefix(blobs, trash.root));
    return mergeJoin<Entry>(
      {
        source: source.list("", { signal: context.signal, onForeign }),
        target: visible(target.list("", { signal: context.signal, onForeign: () => summary.foreign++ })),
        journal: journal.read(),
      },
      compareKeys,
      (stream, before, after) =>
        new FeedctlError("corrupt", `the listing of ${stream === "source" ? source.name : stream === "target" ? target.name : "the journal"} is out of order: "${after}" after "${before}"`, {
          hint: "nothing was deleted; a store that lists in another order cannot be mirrored safely",
        }),
    );
  }

  /** Decides about one key. What is skipped needs no promise; the rest goes to the pool. */
  async function meet(pair: Pair): Promise<void> {
    const { key, source: from, target: to } = pair;
    if (from !== undefined) counts.sources++;
    if (to !== undefined) counts.targets++;
    if (from === undefined && to === undefined) return; // only the journal remembers it
    if (!input.filter(key, from ?? (to as BlobInfo))) return;
    const proven = isProven(pair);
    const decision = decide({ source: from, target: to, proven, timesKnown }, input.compare);
    if (decision.action === "extra") {
      summary.extras++;
      summary.extraBytes += to?.size ?? 0;
      await extras.add({ key: key as Key, size: to?.size ?? 0, tag: to?.tag });
      events.push(item("extra", "extra", key, to?.size ?? 0));
      return;
    }
    const work = { key, source: from as BlobInfo, target: to };
    summary.total++;
    summary.totalBytes += work.source.size;
    if (decision.action === "skip") {
      skipped(decision.class, work.source);
      // equal by what the listings show: worth remembering only where the listings alone might not show it again
      if (decision.class === "same" && !timesKnown) proofs.add(entryOf(key, from, to?.tag));
      return;
    }
    const slot = proofs.reserve();
    await pool.add(async () => {
      let proof: JournalEntry | undefined;
      try {
        proof = await settle(work, decision);
      } catch (error) {
        await itemFailed(work, decision.class, error);
      } finally {
        proofs.fill(slot, proof);
      }
    });
  }

  /** Copies, or finds out by a closer look that nothing needs to be copied. */
  async function settle(work: Work, first: Decision): Promise<JournalEntry | undefined> {
    let decision = first;
    if (decision.action === "look" && work.target !== undefined) {
      const closer = await lookCloser(context, { source, target, from: work.source, to: work.target, checksum: input.compare.checksum });
      decision = decide({ source: closer.from, target: closer.to, proven: closer.equal, timesKnown: true }, { ...input.compare, checksum: false });
    }
    if (decision.action === "skip") {
      skipped(decision.class, work.source);
      return decision.class === "same" ? entryOf(work.key, work.source, work.target?.tag) : undefined;
    }
    let tag: string | undefined;
    if (!input.dryRun) {
      if (trash !== undefined && work.target !== undefined) await copyWithin(work.target, trash.keyOf(work.target.key));
      const put = await copyBlob(context, { source, target, blob: work.source, ifExists: "replace" });
      tag = put.tag;
    }
    outages = 0;
    summary.copied++;
    summary.bytes += work.source.size;
    events.push(item(decision.class, "copied", work.key, work.source.size));
    return entryOf(work.key, work.source, tag);
  }

  /** A folder where the file should be is a mismatch, which is reported and never repaired; other trouble is tried again. */
  async function itemFailed(work: Work, kind: MirrorClass, error: unknown): Promise<void> {
    if (!isItemError(error)) throw error;
    if (isFeedctlError(error, "conflict")) {
      summary.mismatch++;
      events.push(item("mismatched", "mismatch", work.key, work.source.size, error.message));
      return;
    }
    // one blob after the other that cannot be had is no longer a blob's trouble
    outages = isFeedctlError(error, "unavailable", "denied") ? outages + 1 : 0;
    if (outages > Math.max(20, 2 * input.concurrency)) throw error;
    await failures.add(work);
    summary.failed++;
    events.push(item(kind, "failed", work.key, work.source.size, (error as Error).message));
  }

  async function copyWithin(blob: BlobInfo, to: Key): Promise<void> {
    await copyBlob(context, { source: target, target, blob, as: to, ifExists: "replace" });
  }

  function skipped(kind: MirrorClass, blob: BlobInfo): void {
    summary.skipped++;
    events.push(item(kind, "skipped", blob.key, blob.size));
  }

  async function* retryFailures(): AsyncGenerator<MirrorEvent> {
    for (let round = 1; round <= input.retries && summary.failed > 0 && !input.dryRun; round++) {
      await new Promise((resolve) => setTimeout(resolve, input.wait));
      context.signal.throwIfAborted();
      await using before = failures;
      failures = createSpool<Work>(join(directory, `failures-${context.pid}-${round}`));
      for await (const work of before.read()) {
        const now = await source.head(work.source.key, { signal: context.signal });
        summary.failed--;
        if (now === undefined) {
          summary.total--; // it is gone from the source: nothing to copy any more
          summary.totalBytes -= work.source.size;
          continue;
        }
        try {
          await settle({ ...work, source: now }, { class: work.target === undefined ? "lonely" : "changed", action: "copy" });
        } catch (error) {
          await itemFailed(work, "changed", error);
        }
        yield* events.splice(0);
      }
    }
  }

  async function* removeExtras(): AsyncGenerator<MirrorEvent> {
    if (extras.count === 0 || input.noDelete || input.compare.leave.has("extra")) return;
    if (summary.failed + summary.mismatch > 0) {
      summary.notDeleted = "something failed: nothing is deleted on doubt";
      return;
    }
    const reason = refuseDeletes({ extras: extras.count, ...counts }, input.maxDelete);
    if (reason !== undefined) {
      throw new FeedctlError("refused", `nothing was deleted from ${places.target}: ${reason}`, { hint: "look at the plan with --dry-run; to allow it: --max-delete N or N%" });
    }
    if (!input.dryRun) await input.approve(extras.count, places.target);
    for await (const batch of inBatches(extras.read(), DELETE_BATCH)) {
      context.signal.throwIfAborted();
      if (!input.dryRun) {
        if (trash !== undefined) for (const { key, size } of batch) await copyWithin({ key, size, modified: context.now() }, trash.keyOf(key));
        await deleteBlobs(target, batch.map((each) => each.key), context.signal);
      }
      for (const { key, size } of batch) {
        summary.deleted++;
        yield item("extra", "deleted", key, size);
      }
    }
  }
}

function item(kind: MirrorClass, outcome: MirrorOutcome, key: string, bytes: number, reason?: string): MirrorItem {
  return { type: "item", class: kind, outcome, key, bytes, ...(reason === undefined ? {} : { reason }) };
}

function entryOf(key: string, source: BlobInfo | undefined, targetTag: string | undefined): JournalEntry | undefined {
  return source?.tag === undefined || targetTag === undefined ? undefined : { key, source: source.tag, target: targetTag };
}

function isProven({ source, target, journal }: Pair): boolean {
  return journal !== undefined && source?.tag === journal.source && target?.tag === journal.target;
}

/** One blob's trouble, in contrast to a store that is gone for all. */
function isItemError(error: unknown): boolean {
  return isFeedctlError(error, "corrupt", "conflict", "not-found", "invalid", "denied", "unavailable");
}

async function* withoutPrefix(blobs: AsyncIterable<BlobInfo>, prefix: string): AsyncGenerator<BlobInfo> {
  for await (const blob of blobs) if (!blob.key.startsWith(prefix)) yield blob;
}

async function lockTarget(path: string, name: string): Promise<AsyncDisposable> {
  const answer = await tryProcessLock(path);
  if ("release" in answer) return { [Symbol.asyncDispose]: () => answer.release() };
  throw new FeedctlError("locked", `process ${answer.pid} is mirroring to ${name} right now`, { hint: "wait until it is done" });
}

function digest(...texts: string[]): string {
  return createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 32);
}

