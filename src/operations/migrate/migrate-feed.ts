import { setTimeout as sleep } from "node:timers/promises";
import type { CatalogLock } from "../../catalog/connection/catalog.ts";
import { updateMigration, wasCurrentStore } from "../../catalog/migration/feed-migrations.ts";
import { feedTotals, type FeedRow } from "../../catalog/feeds.ts";
import { startPass, updatePass } from "../../catalog/migration/progress.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { MigrationPlan } from "../../catalog/schema/migration.ts";
import { updateStorePlace } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { overlap } from "../../stores/location.ts";
import type { Store } from "../../stores/store.ts";
import { recordMigration, resolveEnds, type Ends, type MigrationGoal } from "./begin.ts";
import { clearCached } from "../packages/clear-cached.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { copyPass } from "./full-pass.ts";
import { noPass, type PassSummary } from "./pass-log.ts";
import { cutOver } from "./cut-over.ts";
import { sealStore } from "../feed-store/store-seal.ts";
import { openProvenStore } from "../feed-store/open-feed-store.ts";
import { openWriter, tryFinishPending } from "../commit/feed-writer.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import { requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { lockMigration } from "../commit/lock-feed.ts";
import type { MigrateEvent, MigrateSummary } from "./events.ts";
import { passCounts, watchMigration, type Session, type Watch } from "./session.ts";
import { planMigration } from "./estimate.ts";
import { refuseArchived } from "./refuse-archived.ts";
import { startRun } from "../commit/recorded-run.ts";
import { hasPending, finishPending, reportUndeleted } from "../commit/settle.ts";
import { openTarget, provenTarget } from "./open-target.ts";
import { shareFirstPass } from "./shared-pass.ts";
import { requirePreservable, type Preserve } from "../transfer/preserve.ts";

export interface MigrateInput {
  feed: FeedRef;
  goal: MigrationGoal;
  dryRun?: boolean | undefined;
  /** `auto` switches as soon as a delta pass is small. Default: as in the open migration, else `manual`. */
  cutover?: MigrationPlan["cutover"] | undefined;
  /** What to do with cached packages. Default: as in the open migration, else `copy`. */
  cached?: MigrationPlan["cached"] | undefined;
  /** Default for each member: as in the open migration or in the one that is rolled back, else false. */
  preserve?: { [Member in keyof Preserve]?: Preserve[Member] | undefined } | undefined;
  /** Milliseconds between delta passes, which are repeated until the cut-over. Default: end when all is copied. */
  follow?: number | undefined;
  /** Do not share the first pass with workers. */
  alone?: boolean | undefined;
}

/** When a pass copied no more than this, the rest is copied while the feed is frozen. */
const SMALL_DELTA = { blobs: 100, bytes: 1024 ** 3 };
const MOST_PASSES = 10;

/**
 * Moves a feed to another store: copies every blob, proves each by its hash, and switches in one transaction. The feed
 * can be used until then; its rows and the old files are kept. An interrupted migration continues when it is started
 * again. `held`: the feed's migration lock, if the caller holds it; it is released here.
 */
export async function* migrateFeed(
  outer: Context,
  input: MigrateInput,
  held?: CatalogLock,
): AsyncGenerator<MigrateEvent> {
  const catalog = await outer.catalog();
  const { db } = catalog;
  const found = await requireLiveFeed(db, input.feed);
  await using lock = held ?? (await lockMigration(catalog, found));
  const feed = await requireLiveFeed(db, found);
  const ends = await resolveEnds(outer, db, feed, input.goal);
  const { current, next, from, open } = ends;
  const preserve = preserveOf(ends, input.preserve);
  const places = { feed: feed.name, ...ends.names };
  const nothing = { type: "summary", ...places, ...noPass, passes: 0, frozenMilliseconds: 0 } as const;
  if (overlap(next.location, from.location) === "same") {
    const place = { options: next.options, location: next.savedLocation };
    if (!input.dryRun) {
      await commit(db, [lock], async (transaction) => {
        await updateStorePlace(transaction, current.id, place);
        await sealStore(outer, transaction, current.id);
      });
      await finishAfterSwitch(outer, db, feed, current.id);
    }
    return yield { ...nothing, outcome: "already" };
  }
  await refuseOverlap(outer, db, feed, next.location);
  const intent = input.dryRun ? "read" : "write";
  await using source = await openProvenStore(outer, db, feed, { row: current, intent });
  await using opened = await openTarget(outer, db, { feed, current, source, next });
  requirePreservable(source, opened, preserve);
  // fails on wrong credentials, and on blobs that cannot be read, before anything is recorded
  if (open === undefined && source.localPath === undefined) await refuseArchived(source, outer.signal);
  else await isEmpty(source, outer.signal);
  const fresh = open?.plan.fresh ?? (open === undefined && (await isEmpty(opened, outer.signal)));
  if (input.dryRun) {
    const { summary, ...estimate } = await planMigration(outer, source, opened, preserve);
    return yield { ...nothing, ...summary, outcome: "planned", estimate };
  }

  const plan: MigrationPlan = {
    cutover: input.cutover ?? open?.plan.cutover ?? "manual",
    cached: input.cached ?? open?.plan.cached ?? "copy",
    fresh,
    preserve,
  };
  await using run = await startRun(outer, "migrate", feed.id);
  const holders = [lock, run];
  const migration = await recordMigration(outer, { catalog, feed, ends, run, holders }, plan);
  const saveProblem = async (error: unknown) => {
    const problem = outer.signal.aborted ? "interrupted" : (error as Error).message;
    const ended = { problem, updated_at: outer.now() };
    await commit(db, holders, (transaction) => updateMigration(transaction, migration.id, ended)).catch(() => {});
  };
  const about = { feed, storeId: migration.to_store_id, next, target: opened };
  const target = await provenTarget(outer, db, about).catch(async (error: unknown) => {
    await saveProblem(error);
    throw error;
  });
  await using watch = watchMigration(outer, catalog, migration.id, lock);
  const context = { ...outer, signal: AbortSignal.any([outer.signal, watch.signal]) };
  const ownTarget = await wasCurrentStore(db, feed.id, migration.to_store_id);
  const session: Session = { context, catalog, feed, ends, migration, ownTarget, run, holders, source, target };
  if (plan.cached === "clear") await clearCached(context, feed);
  const summary: MigrateSummary = { ...nothing, ...noPass, migration: migration.id, outcome: "incomplete" };
  try {
    yield* runPasses(session, watch, summary, input);
  } catch (error) {
    if (outer.signal.aborted || watch.request === undefined) {
      const cause = outer.signal.aborted ? error : (watch.lockError ?? error);
      await saveProblem(cause);
      throw cause;
    }
    if (watch.request === "cancel")
      throw new FeedctlError(
        "interrupted",
        `the migration of feed "${feed.name}" was cancelled by ${watch.requestedBy}`,
      );
    const paused = { state: "paused", request: null, updated_at: outer.now() } as const;
    await commit(db, holders, (transaction) => updateMigration(transaction, migration.id, paused));
    summary.outcome = "paused";
  }
  await run.finish(summary);
  yield summary;
}

/** Throws `usage` when the target's options set a storage class for all copies, too. */
function preserveOf({ next, open, reverses }: Ends, given: MigrateInput["preserve"]): Preserve {
  const saved = open?.plan.preserve ?? reverses?.plan.preserve;
  const preserve = {
    tags: given?.tags ?? saved?.tags ?? false,
    storageClass: given?.storageClass ?? saved?.storageClass ?? false,
  };
  const own = ["storageClass", "reducedRedundancy"].find((property) => next.options[property] !== undefined);
  if (preserve.storageClass && own !== undefined)
    throw new FeedctlError("usage", `copies cannot keep their storage class: the target has the option "${own}"`, {
      hint: "leave out one of the two",
    });
  return preserve;
}

/** Finishes pending deletes of a migration that was killed right after its switch. */
async function finishAfterSwitch(context: Context, db: Db, feed: FeedRow, storeId: number): Promise<void> {
  if (!(await hasPending(db, storeId, feed.id))) return;
  await using run = await startRun(context, "migrate", feed.id);
  await using writer = openWriter(context, feed, run);
  await tryFinishPending(context, writer);
  await run.finish({});
}

/** Runs the full pass, delta passes, and the cut-over unless it must wait. Updates the summary. */
async function* runPasses(
  session: Session,
  watch: Watch,
  summary: MigrateSummary,
  { follow, alone }: MigrateInput,
): AsyncGenerator<MigrateEvent> {
  const { context, catalog, feed, migration, run, holders, target } = session;
  const mayCutOver = () => migration.plan.cutover === "auto" || watch.request === "cutover";
  const state = (change: "copying" | "ready") =>
    commit(catalog.db, holders, (db) =>
      updateMigration(db, migration.id, { state: change, updated_at: context.now() }),
    );

  if (!alone) yield* shareFirstPass(session, watch, summary);
  for (;;) {
    const pass = yield* runPass(session, watch, summary);
    const small = pass.copied + pass.verified <= SMALL_DELTA.blobs && pass.bytes <= SMALL_DELTA.bytes;
    const converged = small || summary.passes >= MOST_PASSES;
    if (pass.failed > 0 && follow === undefined) return;
    if (pass.failed === 0 && converged) {
      if (mayCutOver()) break;
      await state("ready");
      summary.outcome = "ready";
      if (follow === undefined) return;
    }
    const over = () => pass.failed === 0 && mayCutOver();
    if (follow !== undefined && converged) await waitForNextPass(context.signal, follow, over);
    if (converged) summary.failed = 0; // the next pass retries the failed blobs
  }
  watch.ignoreRequests();
  yield { type: "pass", number: ++summary.passes, kind: "last", frozen: true, blobs: 0 };
  const { last, switched, frozenMilliseconds } = yield* cutOver(session);
  addPass(summary, last);
  summary.frozenMilliseconds = frozenMilliseconds;
  summary.outcome = switched ? "switched" : "incomplete";
  if (!switched) return;
  const finished = await finishPending(context, { feed, storeId: migration.to_store_id, store: target, run });
  reportUndeleted(context, feed.name, finished, "none");
}

async function* runPass(
  session: Session,
  watch: Watch,
  summary: MigrateSummary,
): AsyncGenerator<MigrateEvent, PassSummary> {
  const { context, catalog, feed, migration, run, holders, source, target } = session;
  const { db } = catalog;
  const kind = summary.passes === 0 ? "full" : "delta";
  const { files, bytes } = await feedTotals(db, feed.id);
  const about = { migrationId: migration.id, kind, runId: run.id, expectedBlobs: files, expectedBytes: bytes } as const;
  const number = await commit(db, holders, (transaction) => startPass(transaction, { ...about, now: context.now() }));
  summary.passes++;
  yield { type: "pass", number: summary.passes, kind, frozen: false, blobs: files };
  const counts = { ...noPass };
  watch.follow(number, () => counts);
  const events = copyPass(context, db, {
    feedId: feed.id,
    source,
    sourceStoreId: migration.from_store_id,
    target,
    targetStoreId: migration.to_store_id,
    migrationId: migration.id,
    ownTarget: session.ownTarget,
    runId: run.id,
    holders,
    skipCached: migration.plan.cached === "skip",
    preserve: migration.plan.preserve,
  });
  const saveCounts = (finished: boolean) =>
    commit(db, holders, (transaction) =>
      updatePass(transaction, { migrationId: migration.id, number }, passCounts(counts), {
        now: context.now(),
        finished,
      }),
    );
  try {
    for await (const event of events) {
      counts[event.outcome]++;
      if (event.outcome === "copied") counts.bytes += event.size;
      yield event;
    }
  } catch (error) {
    await saveCounts(false).catch(() => {}); // how far it came
    throw error;
  }
  await saveCounts(true);
  addPass(summary, counts);
  return counts;
}

/** Adds a pass to the totals. `same` counts the blobs of the newest pass that no pass copied or verified. */
function addPass(total: PassSummary, pass: PassSummary): void {
  const done = total.copied + total.verified;
  for (const name of ["copied", "verified", "failed", "stale", "bytes"] as const) total[name] += pass[name];
  if (pass.same + pass.foreign === 0) return;
  total.same = Math.max(0, pass.same - done);
  total.foreign = pass.foreign;
}

async function isEmpty(store: Store, signal: AbortSignal): Promise<boolean> {
  for await (const _ of store.list("", { signal })) return false;
  return true;
}

/** Resolves after this time, or earlier when `over` returns true. Rejects when the signal is aborted. */
async function waitForNextPass(signal: AbortSignal, milliseconds: number, over: () => boolean): Promise<void> {
  const until = performance.now() + milliseconds;
  while (performance.now() < until && !over()) {
    await sleep(Math.min(500, milliseconds), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
