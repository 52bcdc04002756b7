import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { batched } from "../../lib/batches.ts";
import { tryProcessLock } from "../../lib/process-lock.ts";
import { createSpool } from "../../lib/spool.ts";
import { diskError } from "../../stores/disk/index.ts";
import { locationName } from "../../stores/location.ts";
import type { Context } from "../context.ts";
import { copyDifferences } from "./copy-differences.ts";
import { deleteExtras, type Extra } from "./delete-extras.ts";
import { createForeignNames } from "./foreign-names.ts";
import { refuseUnsafePlaces, requireSource } from "./guards.ts";
import { journalInOrder, openJournal } from "./journal.ts";
import type { MirrorInput, MirrorRun } from "./mirror-run.ts";
import { createObstacles } from "./name-clashes.ts";
import { createMirrorTransfer } from "./retry-postponed.ts";
import { createSettler } from "./settle-pair.ts";
import { createTally, type MirrorEvent } from "./tally.ts";
import { createTrash } from "./trash.ts";

/** No upload takes longer. */
const DAY = 86_400_000;

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
  const { dryRun } = input;
  const names = {
    source: locationName(input.source.location),
    target: input.through?.name ?? locationName(input.target.location),
  };
  const trash = input.trash === undefined ? undefined : createTrash(input.trash, context.now());
  const directory = await ownDirectory(context);
  const own = join(directory, digest(names.target));
  await using _lock = await lockTarget(`${own}.lock`, names.target);
  await using source = await context.openStore(input.source.config);
  await using target = input.through ?? (await context.openStore(input.target.config));
  await using extras = createSpool<Extra>(`${own}.extras`);
  const journal = openJournal(join(directory, `${digest(names.source, names.target)}.journal`), { readOnly: dryRun });
  const tally = createTally({ ...names, dryRun });
  const settler = createSettler(context, { ...input, source, target, trash, tally });
  const places = { input, source, target, settler, tally };
  await using transfer = createMirrorTransfer(context, { ...places, spool: `${own}.postponed` });
  const run: MirrorRun = {
    ...places,
    names,
    trash,
    journal,
    proofs: journalInOrder(journal),
    extras,
    counts: { sources: 0, targets: 0 },
    foreign: createForeignNames(),
    obstacles: createObstacles(target),
    transfer,
  };
  let trouble: { error: unknown } | undefined;
  try {
    yield* mirrorOnce(context, run);
  } catch (error) {
    trouble = { error: diskError(error, "write in", directory) };
    const { summary } = tally;
    if (extras.count > summary.deleted) summary.notDeleted ??= error instanceof Error ? error.message : String(error);
  } finally {
    await transfer.idle().catch(() => {}); // its error was thrown above, unless the listing's came first
  }
  yield tally.take();
  yield [tally.close(trouble !== undefined, performance.now() - started)];
  if (trouble !== undefined) throw trouble.error;
}

async function* mirrorOnce(context: Context, run: MirrorRun): AsyncGenerator<MirrorEvent[]> {
  const { tally, transfer, input } = run;
  yield* copyDifferences(context, run);
  for await (const _ of transfer.retry()) yield tally.take();
  yield tally.take();
  yield* deleteUnlessInDoubt(context, run);
  if (tally.summary.copied > 0 && !input.dryRun) await sweepTarget(context, run);
}

async function* deleteUnlessInDoubt(context: Context, run: MirrorRun): AsyncGenerator<MirrorEvent[]> {
  const { input, target, extras, counts, trash, tally, names } = run;
  const { summary } = tally;
  if (extras.count === 0 || input.noDelete) return;
  if (summary.failed + summary.mismatch > 0) {
    summary.notDeleted = "something failed: nothing is deleted on doubt";
    return;
  }
  const { approve, maxDelete: limit, dryRun } = input;
  const deletes = { target, extras, counts, limit, dryRun, trash, place: names.target, approve };
  for await (const _ of deleteExtras(context, deletes, tally)) yield tally.take();
}

/** A process that was killed while copying leaves parts of uploads that nobody sees and somebody pays for. */
async function sweepTarget(context: Context, { target }: MirrorRun): Promise<void> {
  try {
    await target.sweep?.(new Date(context.now().getTime() - DAY), { signal: context.signal });
  } catch (error) {
    if (!isFeedctlError(error, "denied", "unavailable")) throw error;
    context.notice(`unfinished uploads were not looked for: ${error.message}`);
  }
}

/** Where mirrors keep their locks, journals and spools. */
async function ownDirectory(context: Context): Promise<string> {
  const directory = join(context.dataDir, "mirrors");
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw diskError(error, "make", directory);
  });
  return directory;
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
