import { createHash } from "node:crypto";
import { join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { batched } from "../../lib/lists/batches.ts";
import { lockOwnerName, tryProcessLock } from "../../lib/files/process-lock.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import { createSpool } from "../../lib/lists/spool.ts";
import { diskError } from "../../stores/disk/index.ts";
import { locationName } from "../../stores/location.ts";
import { sweepUnfinished } from "../../stores/unfinished.ts";
import type { Context } from "../context.ts";
import { reportKeptAt } from "../feed-store/store-traits.ts";
import { removeOldProbes } from "../feed-store/probes.ts";
import { copyDifferences } from "./copy-differences.ts";
import { deleteExtras, type Extra } from "./delete-extras.ts";
import { requireDisks } from "./disk-only.ts";
import { mirrorFolders, planFolders, refuseFolderDeletes } from "./empty-folders.ts";
import { createForeignNames } from "./foreign-names.ts";
import { refuseUnsafePlaces, requireSource } from "./guards.ts";
import { requirePreservable } from "../transfer/preserve.ts";
import { journalInOrder, openJournal } from "./journal.ts";
import type { Deferred, MirrorInput, MirrorRun } from "./mirror-run.ts";
import { refuseMarkedPlaces } from "./marked-places.ts";
import { createModes } from "./modes.ts";
import { createNameClashes } from "./name-clashes.ts";
import { copyAsItIsNow, createMirrorTransfer } from "./retry-postponed.ts";
import { createPairCopier } from "./pair-copier.ts";
import { createTally, type MirrorEvent } from "./tally.ts";
import { createTrash } from "./trash.ts";

/** Milliseconds after which an unfinished upload counts as abandoned. */
const DAY = 86_400_000;

/**
 * Makes the target equal the source. Copies while it reads the two listings. Deletes only after both were read to their
 * end in order, when nothing failed and the guards allow the whole number. The last event is always the summary; an
 * error that ended the run early is thrown after it.
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
  requirePreservable(source, target, input.preserve);
  requireDisks(source, target, input);
  await refuseMarkedPlaces(context, input, { source, target });
  await using extras = createSpool<Extra>(`${own}.extras`);
  await using deferred = createSpool<Deferred>(`${own}.deferred`);
  const foreignInTarget = createForeignNames();
  const journal = openJournal(join(directory, `${digest(names.source, names.target)}.journal`), { readOnly: dryRun });
  const tally = createTally({ ...names, dryRun });
  const modes = input.copyModes === true ? createModes({ source, target, dryRun }) : undefined;
  const copier = createPairCopier(context, { ...input, source, target, trash, tally, modes });
  const places = { input, source, target, copier, tally, deferred, deletes: { areOver: false } };
  await using transfer = createMirrorTransfer(context, { ...places, spool: `${own}.postponed` });
  const run: MirrorRun = {
    ...places,
    names,
    trash,
    modes,
    journal,
    proofs: journalInOrder(journal),
    extras,
    counts: { sources: 0, targets: 0 },
    foreign: createForeignNames(),
    foreignInTarget,
    clashes: createNameClashes({
      localPath: target.localPath,
      folders: input.folders,
      kept: foreignInTarget,
      foldsCase: await target.foldsCase?.(),
    }),
    transfer,
  };
  let failure: { error: unknown } | undefined;
  try {
    yield* mirrorOnce(context, run);
  } catch (error) {
    failure = { error: diskError(error, "write in", directory) };
    const { summary } = tally;
    if (extras.count > summary.deleted) summary.notDeleted ??= error instanceof Error ? error.message : String(error);
  } finally {
    await transfer.idle().catch(() => {}); // the first error is the one to throw
  }
  yield tally.take();
  yield [tally.close(failure !== undefined, performance.now() - started)];
  if (failure !== undefined) throw failure.error;
}

async function* mirrorOnce(context: Context, run: MirrorRun): AsyncGenerator<MirrorEvent[]> {
  const { tally, transfer, input } = run;
  yield* copyDifferences(context, run);
  for await (const _ of transfer.retry()) yield tally.take();
  yield tally.take();
  const folders = await planFolders(context, run);
  if (folders !== undefined) refuseFolderDeletes(run, folders);
  const allowed = yield* deleteIfNothingFailed(context, run);
  yield* copyDeferred(context, run, allowed);
  if (folders !== undefined) {
    const { extras } = folders;
    if (allowed && extras.length > 0 && !input.dryRun)
      await input.approve(extras.length, run.names.target, "directory");
    await mirrorFolders(run, folders, allowed);
    yield tally.take();
  }
  const { summary } = tally;
  // the target of `asset sync` deletes blobs later, and reports them itself
  if (!input.dryRun && input.through === undefined)
    summary.keptByProvider = await reportKeptAt(context, run.target, summary.deleted);
  if (tally.summary.copied > 0 && !input.dryRun) await sweepTarget(context, run);
}

/** Deletes the extras. Returns whether it did: false when files failed. Throws when a guard refuses. */
async function* deleteIfNothingFailed(context: Context, run: MirrorRun): AsyncGenerator<MirrorEvent[], boolean> {
  const { input, target, extras, counts, clashes, trash, tally, names } = run;
  const { summary } = tally;
  if (summary.failed > 0) {
    if (extras.count > 0 && !input.noDelete) summary.notDeleted = "some files failed, so nothing is deleted";
    return false;
  }
  if (extras.count === 0 || input.noDelete) return true;
  const { approve, maxDelete: limit, dryRun } = input;
  const deletes = {
    target,
    extras,
    counts: { ...counts, replaced: clashes.replaced() },
    limit,
    dryRun,
    trash,
    place: names.target,
    approve,
  };
  try {
    for await (const _ of deleteExtras(context, deletes, tally)) yield tally.take();
  } catch (error) {
    if (summary.deleted === 0) yield* copyDeferred(context, run, false);
    throw error;
  }
  return true;
}

/** Copies the files that needed the place of extras, which are deleted by now. Without `allowed` they are mismatches. */
async function* copyDeferred(context: Context, run: MirrorRun, allowed: boolean): AsyncGenerator<MirrorEvent[]> {
  const { deferred, deletes, transfer, tally } = run;
  deletes.areOver = true;
  for await (const { reason, ...job } of deferred.read()) {
    if (allowed) await transfer.add(job, () => copyAsItIsNow(context, run, job));
    else tally.mismatch(job, `${reason}, and nothing was deleted`);
    yield tally.take();
  }
  await transfer.idle();
  for await (const _ of transfer.retry()) yield tally.take();
  yield tally.take();
}

/**
 * Deletes the parts of unfinished uploads, and the probes, that killed processes left: no listing shows them, but they are
 * billed.
 */
async function sweepTarget(context: Context, { target }: MirrorRun): Promise<void> {
  try {
    await sweepUnfinished(target, new Date(context.now().getTime() - DAY), { signal: context.signal });
    await removeOldProbes(context, target);
  } catch (error) {
    if (!isFeedctlError(error, "denied", "unavailable")) throw error;
    context.notice(`could not clean up unfinished uploads: ${error.message}`);
  }
}

/** Creates the directory of the locks, journals and spools of mirrors, and returns its path. */
async function ownDirectory(context: Context): Promise<string> {
  const directory = join(context.dataDir, "mirrors");
  await makeFolders(directory, { mode: 0o700 }).catch((error: unknown) => {
    throw diskError(error, "make", directory);
  });
  return directory;
}

async function lockTarget(path: string, name: string): Promise<AsyncDisposable> {
  const answer = await tryProcessLock(path);
  if ("release" in answer) return { [Symbol.asyncDispose]: () => answer.release() };
  throw new FeedctlError("locked", `${lockOwnerName(answer)} is mirroring to ${name} right now`, {
    hint: "wait until it is done",
  });
}

function digest(...texts: string[]): string {
  return createHash("sha256").update(texts.join("\0")).digest("hex").slice(0, 32);
}
