import { listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import { savePlan } from "../../catalog/retention/plan.ts";
import { listFeedsToRetain } from "../../catalog/retention/rules.ts";
import { countItems } from "../../catalog/retention/items.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import { prove } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireRightClock } from "../right-clock.ts";
import { openWriter } from "../commit/feed-writer.ts";
import { nameOf, requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { planRetention } from "./plan.ts";
import {
  addReclaimed,
  deleteBatch,
  forgetPlan,
  hideBatch,
  reclaim,
  countPendingDeletes,
  type VersionOutcome,
  type RetentionTask,
  type RunLocks,
} from "./delete-batch.ts";
import { dryRunWords, isDryRunSet } from "./halt.ts";
import { freeBatch, restoreBatch, restoreUsed } from "./hidden.ts";
import {
  counts,
  outcomeOf,
  zeroCounts,
  type FeedOutcome,
  type RemovedFolder,
  type RetentionEvent,
  type RetentionSummary,
} from "./outcome.ts";
import { readRules } from "./rules.ts";
import { refuseQuarantine, refusalOf, type DeletionOptions } from "./guards.ts";
import { itemOf } from "./terms.ts";
import { startRun } from "../commit/recorded-run.ts";

export interface RetentionInput extends DeletionOptions {
  feeds: readonly string[] | "all";
  dryRun?: boolean | undefined;
  /** Milliseconds after which no further batch starts; the next run continues. */
  maxDuration?: number | undefined;
  /** Called once per feed, before the first deletion; rejects when the user declines. */
  approve(plan: FeedOutcome, verb: string): Promise<void>;
}

/**
 * Deletes what the rules select, feed by feed. Each feed's plan is made in one snapshot and then carried out in
 * batches; versions that changed since are left. A feed that fails does not stop the others; if it is the only feed,
 * its error is thrown.
 */
export async function* runRetention(context: Context, input: RetentionInput): AsyncGenerator<RetentionEvent> {
  const { db } = await context.catalog();
  const isDry = input.dryRun === true || (await isDryRunSet(context, db));
  if (isDry && !input.dryRun) context.notice(`${dryRunWords}: nothing is deleted`);
  await requireRightClock(context, { dryRun: isDry });
  const { feeds, idle } =
    input.feeds === "all"
      ? await feedsWithRetention(context, input)
      : { feeds: input.feeds, idle: new Map<FeedRef, FeedRow>() };
  const started = context.monotonic();
  const isOver = () => input.maxDuration !== undefined && context.monotonic() - started >= input.maxDuration;
  const summary: RetentionSummary = {
    type: "summary",
    dryRun: isDry,
    feeds: feeds.length,
    failed: 0,
    stopped: 0,
    ...zeroCounts(),
  };
  let failure: unknown;
  for (const [index, feed] of feeds.entries()) {
    try {
      const work = () => {
        if (isDry) return dryRunFeed(context, feed, input);
        const without = idle.get(feed);
        if (without !== undefined) return [passedOver(without, "done")];
        // after maxDuration no plan is made either, because planning takes time too
        return index > 0 && isOver() ? skipFeed(context, feed) : retainFeed(context, feed, input, isOver);
      };
      for await (const event of work()) {
        yield event;
        if (event.type !== "feed") continue;
        for (const count of counts) summary[count] += event[count];
        summary.kept = event.kept ?? summary.kept;
        if (event.outcome === "stopped") summary.stopped++;
      }
    } catch (error) {
      if (
        feeds.length === 1 ||
        !isFeedctlError(error) ||
        isFeedctlError(error, "interrupted") ||
        context.signal.aborted
      )
        throw error;
      failure ??= error;
      summary.failed++;
      const { code, message: reason, hint = null } = error;
      yield { type: "feed-failed", feed: nameOf(feed), code, reason, hint };
    }
  }
  yield summary;
}

/**
 * All feeds except those being deleted and, with a quarantine, asset directories that have rules. `idle`: those
 * for which a run would have nothing to do. Among thousands of feeds most are.
 */
async function feedsWithRetention(
  context: Context,
  { quarantineDays }: RetentionInput,
): Promise<{ feeds: readonly FeedRef[]; idle: Map<FeedRef, FeedRow> }> {
  const { db } = await context.catalog();
  const feeds = (await listFeeds(db)).filter((feed) => feed.deleting_at === null);
  const busy = await listFeedsToRetain(db);
  const idle = new Map<FeedRef, FeedRow>(feeds.filter(({ id }) => !busy.has(id)).map((feed) => [feed, feed]));
  if (quarantineDays === undefined) return { feeds, idle };
  const chosen = [];
  for (const feed of feeds) {
    const mayHaveRules = feed.type === "asset" && feed.retention_rules_enabled && !idle.has(feed);
    const rules = mayHaveRules ? await readRules(db, feed.id) : [];
    if (!rules.some(({ enabled }) => enabled)) chosen.push(feed);
    else
      context.notice(
        `skipped asset directory ${feed.name}: its files cannot be put in quarantine; run: feedctl retention run ${feed.name}`,
      );
  }
  return { feeds: chosen, idle };
}

async function* dryRunFeed(
  context: Context,
  ref: FeedRef,
  input: RetentionInput,
): AsyncGenerator<VersionOutcome | FeedOutcome> {
  await using plan = await planRetention(context, ref);
  const outcome = outcomeOf(plan, "dry-run");
  if (!plan.feed.retention_rules_enabled) return yield { ...outcome, ...zeroCounts(), outcome: "disabled" };
  refuseQuarantine(plan.feed, plan.rules, input.quarantineDays);
  const refusal = refusalOf(plan, input);
  if (refusal !== undefined) context.notice(`a run would be refused: ${refusal.message}`);
  for await (const version of plan.versions())
    yield { type: "version", feed: plan.feed.name, action: "planned", ...version };
  yield { ...outcome, folders: plan.folders, freed: plan.hidden.free, restored: plan.hidden.restore };
}

async function* skipFeed(context: Context, ref: FeedRef): AsyncGenerator<FeedOutcome> {
  yield passedOver(await requireLiveFeed((await context.catalog()).db, ref), "stopped");
}

function passedOver(feed: FeedRow, why: "done" | "stopped"): FeedOutcome {
  const outcome = feed.retention_rules_enabled ? why : "disabled";
  return { type: "feed", feed: feed.name, feedType: feed.type, outcome, ...zeroCounts() };
}

async function* retainFeed(
  context: Context,
  ref: FeedRef,
  input: RetentionInput,
  isOver: () => boolean,
): AsyncGenerator<VersionOutcome | RemovedFolder | FeedOutcome> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, ref);
  await using lock = await catalog.lock({ kind: "retention", id: feed.id, mode: "exclusive" });
  if (lock === undefined)
    throw new FeedctlError("locked", `retention is running for feed "${feed.name}" already`, {
      hint: "try again when it is done",
    });
  await using run = await startRun(context, "retention run", feed.id);
  await forgetPlan(context, feed.id, [run, lock]);
  const { outcome, rules } = await savePlanForRun(context, feed, input, { run, lock });
  if (outcome.outcome === "disabled") {
    await run.finish(outcome);
    return yield outcome;
  }
  await using writer = openWriter(context, feed, run);
  const task: RetentionTask = { context, feed, rules, run, writer, lock };
  // finishes the pending deletes of runs that died
  addReclaimed(outcome, await reclaim(task));
  const steps = [
    () => restoreUsed(task),
    () => restoreBatch(task),
    () => freeBatch(task),
    () => (input.quarantineDays === undefined ? deleteBatch(task) : hideBatch(task, input.quarantineDays)),
  ];
  for (const step of steps) {
    while (outcome.outcome === "done") {
      context.signal.throwIfAborted();
      if (isOver()) {
        outcome.outcome = "stopped";
        break;
      }
      await lock.assertHeld();
      const { versions, gone, folders, isEmpty, halted } = await step();
      if (halted !== undefined) await halt(task, outcome, halted);
      if (isEmpty) break;
      outcome.left += gone;
      for (const version of versions) {
        if (version.action !== "planned") outcome[version.action]++;
        yield version;
      }
      outcome.folders += folders.length;
      for (const path of folders) yield { type: "folder", feed: feed.name, path };
      addReclaimed(outcome, await reclaim(task));
    }
  }
  outcome.waiting = await countPendingDeletes(task);
  if (outcome.waiting > 0 && !isOver()) {
    addReclaimed(outcome, await reclaim(task, context.lockWait));
    outcome.waiting = await countPendingDeletes(task);
  }
  await forgetPlan(context, feed.id, [run, lock]);
  await run.finish(outcome);
  yield outcome;
}

/** Records that the run ends before its plan is done. */
async function halt({ context, feed, run }: RetentionTask, outcome: FeedOutcome, why: string): Promise<void> {
  const left = await countItems((await context.catalog()).db, run.id);
  outcome.outcome = "halted";
  outcome.left += left;
  context.notice(`${why}: the run ends, and ${counted(left, itemOf(feed.type))} of its plan are left`);
}

/** Makes the plan, checks its limits, asks for approval and saves it for the run. Throws `refused`. */
async function savePlanForRun(context: Context, ref: FeedRef, input: RetentionInput, { run, lock }: RunLocks) {
  await using plan = await planRetention(context, ref);
  const { feed, rules, total } = plan;
  const outcome = outcomeOf(plan, "done");
  if (!feed.retention_rules_enabled)
    return { rules, outcome: { ...outcome, ...zeroCounts(), outcome: "disabled" as const } };
  refuseQuarantine(feed, rules, input.quarantineDays);
  const refusal = refusalOf(plan, input);
  if (refusal !== undefined) throw refusal;
  const freed = plan.hidden.free;
  await prove(plan.db, [run, lock]);
  await savePlan(plan.db, run.id, feed.type);
  // committed before the question: no transaction stays open while the user thinks
  await plan.commit();
  if (total.versions > 0 || freed > 0) {
    const what = `${input.quarantineDays === undefined ? "delete" : "hide"} ${counted(total.versions, itemOf(feed.type))} (${formatSize(total.bytes)}) of feed ${feed.name}`;
    try {
      await input.approve({ ...outcome, freed }, freed > 0 ? `${what}, and delete ${freed} that are hidden` : what);
    } catch (error) {
      await forgetPlan(context, feed.id, [run, lock]);
      throw error;
    }
  }
  return { rules, outcome };
}
