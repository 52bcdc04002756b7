import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { batched, batchesOf } from "../../lib/batches.ts";
import { tryProcessLock } from "../../lib/process-lock.ts";
import { createSpool } from "../../lib/spool.ts";
import type { Throttle } from "../../lib/throttle.ts";
import { diskError } from "../../stores/disk/index.ts";
import { parseKey } from "../../stores/key.ts";
import { locationName } from "../../stores/location.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { deleteExtras, type Extra } from "./delete-extras.ts";
import type { Filter } from "./filter.ts";
import { createForeignNames } from "./foreign-names.ts";
import { refuseUnsafePlaces, requireSource } from "./guards.ts";
import { journalInOrder, openJournal, type JournalEntry } from "./journal.ts";
import { createObstacles } from "./name-clashes.ts";
import { isProven, listPairs, type ListedPair } from "./pairs.ts";
import { createSettler } from "./settle-pair.ts";
import { createTally, type MirrorEvent } from "./tally.ts";
import { createTrash } from "./trash.ts";
import type { Place } from "./parse-location.ts";
import { createTransfer } from "../transfer/transfer-pool.ts";
import { decide, type CompareOptions, type Decision, type Limit } from "./decide.ts";

export interface MirrorInput {
  source: Place;
  target: Place;
  /** Stands in for the target's store, and records what it does in the catalog; the mirror closes it. */
  through?: Store | undefined;
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
  /** Slows the reading of the source down. */
  throttle?: Throttle | undefined;
  /** Key prefix in the target for what would be deleted or overwritten. */
  trash?: string | undefined;
  /** Asked before the first delete; throws to refuse. */
  approve(deletes: number, from: string): Promise<void>;
}

/** No upload takes longer. */
const DAY = 86_400_000;

type Postponed = { key: string; size: number; decision: Decision };

/**
 * Makes the target equal the source. Copies as the two listings stream by; deletes only after both were read to their
 * end in order, nothing failed, and the guards agreed to the whole number. The last event is the summary, whatever
 * happens; an error that ended the run early is thrown after it.
 */
export function runMirror(context: Context, input: MirrorInput): AsyncGenerator<MirrorEvent, void> {
  return batched(() => mirrorInBatches(context, input));
}

async function* mirrorInBatches(context: Context, input: MirrorInput): AsyncGenerator<MirrorEvent[], void> {
  const started = performance.now();
  await refuseUnsafePlaces(context, input.source, input.target, input.through !== undefined);
  await requireSource(input.source);
  const { dryRun, compare } = input;
  const places = {
    source: locationName(input.source.location),
    target: input.through?.name ?? locationName(input.target.location),
  };
  const trash = input.trash === undefined ? undefined : createTrash(input.trash, context.now());
  const directory = join(context.dataDir, "mirrors");
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw diskError(error, "make", directory);
  });
  const own = join(directory, digest(places.target));
  await using _lock = await lockTarget(`${own}.lock`, places.target);
  await using source = await context.openStore(input.source.config);
  await using target = input.through ?? (await context.openStore(input.target.config));
  await using extras = createSpool<Extra>(`${own}.extras`);
  const journal = openJournal(join(directory, `${digest(places.source, places.target)}.journal`), { readOnly: dryRun });
  const proofs = journalInOrder(journal);
  const tally = createTally({ ...places, dryRun });
  const { summary } = tally;
  const foreign = createForeignNames();
  const obstacles = createObstacles(target);
  const timesKnown = source.features.listsAll && target.features.listsAll;
  const counts = { sources: 0, targets: 0 };
  const settler = createSettler(context, { ...input, source, target, trash, tally });
  await using transfer = createTransfer<Postponed>({
    concurrency: input.concurrency,
    retries: dryRun ? 0 : input.retries,
    wait: input.wait,
    spool: `${own}.postponed`,
    signal: context.signal,
    again,
    postponed: ({ key, size, decision }, error) =>
      tally.postponed(decision.class, { key: parseKey(key), size }, error.message),
    failed({ key, size, decision }, error) {
      const blob = { key: parseKey(key), size };
      // what stands in the way is a mismatch, which is reported and never repaired
      if (error.code === "conflict") tally.mismatch(blob, error.message);
      else tally.failed(decision.class, blob, error.message);
    },
  });
  let trouble: { error: unknown } | undefined;

  try {
    yield* copyAll();
    for await (const _ of transfer.retry()) yield tally.take();
    yield tally.take();
    yield* deleteWhatIsExtra();
    if (summary.copied > 0 && !dryRun) await sweepTarget();
  } catch (error) {
    trouble = { error: diskError(error, "write in", directory) };
    if (extras.count > summary.deleted) summary.notDeleted ??= error instanceof Error ? error.message : String(error);
  } finally {
    await transfer.idle().catch(() => {}); // its error was thrown above, unless the listing's came first
  }
  yield tally.take();
  yield [tally.close(trouble !== undefined, performance.now() - started)];
  if (trouble !== undefined) throw trouble.error;

  async function* copyAll(): AsyncGenerator<MirrorEvent[]> {
    let complete = false;
    const onForeign = (name: string, end: "source" | "target") => {
      if (end === "source") foreign.add(name);
      tally.foreign(name, end);
    };
    try {
      const listed = listPairs({
        source,
        target,
        journal,
        hidden: trash?.root,
        signal: context.signal,
        onForeign,
      });
      for await (const pairs of batchesOf(listed)) {
        for (const pair of pairs) {
          const busy = meet(pair);
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
  function meet(pair: ListedPair): Promise<void> | undefined {
    const { key, source: from, target: to } = pair;
    const blob = from ?? to;
    if (blob === undefined) return undefined; // only the journal remembers it
    // one blob decides for both sides: a filter that hides the source's must not make an extra of its twin
    if (!input.filter(key, blob)) {
      if (to !== undefined) obstacles.occupy(key);
      return undefined;
    }
    if (to !== undefined) counts.targets++;
    if (from === undefined) return meetExtra(blob);
    counts.sources++;
    tally.met(from);
    const known = { source: from, target: to, timesKnown };
    // a proof is the memory of tags; --checksum wants the bytes themselves compared
    const proven = !compare.checksum && isProven(pair);
    const decision = decide({ ...known, proven }, compare);
    if (decision.action === "skip") {
      tally.skipped(decision.class, from);
      if (to !== undefined) obstacles.occupy(key);
      // worth remembering only where the listings alone will not show it again
      const shown = !proven || decide({ ...known, proven: false }, { ...compare, sizeOnly: false }).action === "skip";
      if (!shown) proofs.add(pair.journal);
      return undefined;
    }
    return transferPair(pair, from, decision);
  }

  async function transferPair({ key, target: to }: ListedPair, from: BlobInfo, decision: Decision): Promise<void> {
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

  async function meetExtra(blob: BlobInfo): Promise<void> {
    obstacles.occupy(blob.key);
    if (compare.leave.has("extra")) return;
    const unlike = foreign.holds(blob.key);
    tally.extra(blob, unlike ? "kept: the source has a link or special file of that name" : undefined);
    if (!unlike) await extras.add({ key: blob.key, size: blob.size, modified: blob.modified.getTime() });
  }

  async function again({ key: text, size, decision }: Postponed): Promise<void> {
    const key = parseKey(text);
    const { signal } = context;
    const [from, to] = await Promise.all([source.head(key, { signal }), target.head(key, { signal })]);
    if (from === undefined) {
      tally.skipped(decision.class, { key, size }, "vanished from the source meanwhile");
      return;
    }
    await settler.settle({ key, source: from, target: to }, decision);
  }

  /** Whoever was killed while copying left something that nobody sees and somebody pays for. */
  async function sweepTarget(): Promise<void> {
    try {
      await target.sweep?.(new Date(context.now().getTime() - DAY), { signal: context.signal });
    } catch (error) {
      if (!isFeedctlError(error, "denied", "unavailable")) throw error;
      context.notice(`unfinished uploads were not looked for: ${error.message}`);
    }
  }

  async function* deleteWhatIsExtra(): AsyncGenerator<MirrorEvent[]> {
    if (extras.count === 0 || input.noDelete) return;
    if (summary.failed + summary.mismatch > 0) {
      summary.notDeleted = "something failed: nothing is deleted on doubt";
      return;
    }
    const { approve, maxDelete: limit } = input;
    const deletes = { target, extras, counts, limit, dryRun, trash, place: places.target, approve };
    for await (const _ of deleteExtras(context, deletes, tally)) yield tally.take();
  }
}

async function lockTarget(path: string, name: string): Promise<AsyncDisposable> {
  const answer = await tryProcessLock(path);
  if ("release" in answer) return { [Symbol.asyncDispose]: () => answer.release() };
  throw new FeedctlError("locked", `process ${answer.pid} is mirroring to ${name} right now`, {
    hint: "wait until it is done",
  });
}

function digest(...texts: string[]): string {
  return createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 32);
}
