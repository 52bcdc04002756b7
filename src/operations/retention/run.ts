import { listFeeds } from "../../catalog/feeds.ts";
import { savePlan } from "../../catalog/retention/plan.ts";
import { countExpired } from "../../catalog/retention/quarantine.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { counted, formatSize } from "../../lib/format-size.ts";
import { prove } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireRightClock } from "../right-clock.ts";
import { loadSettings } from "../feed-store/effective-settings.ts";
import { openWriter } from "../commit/feed-writer.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { planRetention, type RetentionPlan } from "./plan.ts";
import {
  addReclaimed,
  deleteBatch,
  forgetPlan,
  freeBatch,
  hideBatch,
  reclaim,
  restoreUsed,
  countPendingDeletes,
  type Reclaimed,
  type VersionOutcome,
  type RetentionTask,
  type RunLocks,
} from "./delete-batch.ts";
import { readRules } from "./rules.ts";
import { refuseQuarantine, refusalOf, type DeletionLimit } from "./guards.ts";
import { itemOf } from "./terms.ts";
import { startRun } from "../commit/recorded-run.ts";

export interface RetentionInput {
  feeds: readonly string[] | "all";
  dryRun?: boolean | undefined;
  /** A plan that deletes more is refused. Default: 99 % of the feed, for plans of 100 deletions or more. */
  maxDelete?: DeletionLimit | undefined;
  /** Days to hide versions before they are deleted. Undefined: delete at once. */
  quarantineDays?: number | undefined;
  /** Milliseconds after which no further batch starts; the next run continues. */
  maxDuration?: number | undefined;
  /** Deletes by use although the lines of a recent log were not understood. Default: refused. */
  acceptMissingUse?: boolean | undefined;
  /** Called once per feed, before the first deletion; rejects when the user declines. */
  approve(plan: FeedOutcome, verb: string): Promise<void>;
}

/** The result for one feed. */
export interface FeedOutcome extends Reclaimed {
  type: "feed";
  feed: string;
  feedType: string;
  /** `disabled`: its rules are switched off. `stopped`: `maxDuration` was reached. */
  outcome: "done" | "dry-run" | "disabled" | "stopped";
  /** How many versions, or files of an asset directory, the rules select. */
  planned: number;
  plannedBytes: number;
  deleted: number;
  hidden: number;
  /** Hidden by earlier runs and deleted now. In a dry run: how many would be. */
  freed: number;
  restored: number;
  /** Not deleted, because they changed since they were planned or another process deleted them. */
  left: number;
  /** Folders of an asset directory that became empty and were removed. In a dry run: how many would be. */
  folders: number;
  /** Deletes that are still pending, because other writers were at work. */
  waiting: number;
}

export interface FeedFailure {
  type: "feed-failed";
  feed: string;
  code: string;
  reason: string;
  hint: string | null;
}

export interface RetentionSummary extends Omit<FeedOutcome, "type" | "feed" | "feedType" | "outcome"> {
  type: "summary";
  dryRun: boolean;
  feeds: number;
  /** Feeds whose run failed. */
  failed: number;
  stopped: number;
}

export interface RemovedFolder {
  type: "folder";
  feed: string;
  path: string;
}

export type RetentionEvent = VersionOutcome | RemovedFolder | FeedOutcome | FeedFailure | RetentionSummary;

/**
 * Deletes what the rules select, feed by feed. Each feed's plan is made in one snapshot and then carried out in
 * batches; versions that changed since are left. A feed that fails does not stop the others; if it is the only feed,
 * its error is thrown.
 */
export async function* runRetention(context: Context, input: RetentionInput): AsyncGenerator<RetentionEvent> {
  const { db } = await context.catalog();
  const isDry = input.dryRun === true || (await loadSettings(context, db)).get(DRY_RUN)?.value === "true";
  if (isDry && !input.dryRun) context.notice(`the setting ${DRY_RUN} is on: nothing is deleted`);
  await requireRightClock(context, { dryRun: isDry });
  const names = input.feeds === "all" ? await feedsWithRetention(context, input) : input.feeds;
  const started = context.monotonic();
  const isOver = () => input.maxDuration !== undefined && context.monotonic() - started >= input.maxDuration;
  const summary: RetentionSummary = {
    type: "summary",
    dryRun: isDry,
    feeds: names.length,
    failed: 0,
    stopped: 0,
    ...zeroCounts(),
  };
  let failure: unknown;
  for (const [index, name] of names.entries()) {
    try {
      const work = () => {
        if (isDry) return dryRunFeed(context, name, input);
        // after maxDuration no plan is made either, because planning takes time too
        return index > 0 && isOver() ? skipFeed(context, name) : retainFeed(context, name, input, isOver);
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
        names.length === 1 ||
        !isFeedctlError(error) ||
        isFeedctlError(error, "interrupted") ||
        context.signal.aborted
      )
        throw error;
      failure ??= error;
      summary.failed++;
      const { code, message: reason, hint = null } = error;
      yield { type: "feed-failed", feed: name, code, reason, hint };
    }
  }
  yield summary;
}

const DRY_RUN = "FeedRetentionDryRun";

const counts = [
  ...(["planned", "plannedBytes", "deleted", "hidden", "freed", "restored", "left", "folders"] as const),
  ...(["blobs", "bytes", "keptBytes", "waiting"] as const),
] as const;

function zeroCounts(): Record<(typeof counts)[number], number> & Pick<FeedOutcome, "kept"> {
  const zeros = counts.map((name) => [name, 0]);
  return { ...(Object.fromEntries(zeros) as Record<(typeof counts)[number], number>), kept: null };
}

/** Names of all feeds except those being deleted and, with a quarantine, asset directories that have rules. */
async function feedsWithRetention(context: Context, { quarantineDays }: RetentionInput): Promise<string[]> {
  const { db } = await context.catalog();
  const feeds = (await listFeeds(db)).filter((feed) => feed.deleting_at === null);
  if (quarantineDays === undefined) return feeds.map(({ name }) => name);
  const names = [];
  for (const feed of feeds) {
    const rules = feed.type === "asset" && feed.retention_rules_enabled ? await readRules(db, feed.id) : [];
    if (!rules.some(({ enabled }) => enabled)) names.push(feed.name);
    else
      context.notice(
        `skipped asset directory ${feed.name}: its files cannot be put in quarantine; run: feedctl retention run ${feed.name}`,
      );
  }
  return names;
}

async function* dryRunFeed(
  context: Context,
  name: string,
  input: RetentionInput,
): AsyncGenerator<VersionOutcome | FeedOutcome> {
  await using plan = await planRetention(context, name);
  const outcome = outcomeOf(plan, "dry-run");
  if (!plan.feed.retention_rules_enabled) return yield { ...outcome, ...zeroCounts(), outcome: "disabled" };
  refuseQuarantine(plan.feed, plan.rules, input.quarantineDays);
  const refusal = refusalOf(plan, input);
  if (refusal !== undefined) context.notice(`a run would be refused: ${refusal.message}`);
  for await (const version of plan.versions())
    yield { type: "version", feed: plan.feed.name, action: "planned", ...version };
  yield { ...outcome, folders: plan.folders, freed: await countExpired(plan.db, plan.feed.id, context.now()) };
}

async function* skipFeed(context: Context, name: string): AsyncGenerator<FeedOutcome> {
  const feed = await requireLiveFeed((await context.catalog()).db, name);
  yield { type: "feed", feed: feed.name, feedType: feed.type, outcome: "stopped", ...zeroCounts() };
}

function outcomeOf({ feed, total }: RetentionPlan, outcome: FeedOutcome["outcome"]): FeedOutcome {
  return {
    type: "feed",
    feed: feed.name,
    feedType: feed.type,
    outcome,
    ...zeroCounts(),
    planned: total.versions,
    plannedBytes: total.bytes,
  };
}

async function* retainFeed(
  context: Context,
  name: string,
  input: RetentionInput,
  isOver: () => boolean,
): AsyncGenerator<VersionOutcome | RemovedFolder | FeedOutcome> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  await using lock = await catalog.lock({ kind: "retention", id: feed.id, mode: "exclusive" });
  if (lock === undefined)
    throw new FeedctlError("locked", `retention is running for feed "${feed.name}" already`, {
      hint: "try again when it is done",
    });
  await using run = await startRun(context, "retention run", feed.id);
  await forgetPlan(context, feed.id, [run, lock]);
  const { outcome, rules } = await savePlanForRun(context, name, input, { run, lock });
  if (outcome.outcome === "disabled") {
    await run.finish(outcome);
    return yield outcome;
  }
  await using writer = openWriter(context, feed.name, run);
  const task: RetentionTask = { context, feed, rules, run, writer, lock };
  // finishes the pending deletes of runs that died
  addReclaimed(outcome, await reclaim(task));
  for (const version of await restoreUsed(task)) {
    outcome.restored++;
    yield version;
  }
  const steps = [
    () => freeBatch(task),
    () => (input.quarantineDays === undefined ? deleteBatch(task) : hideBatch(task, input.quarantineDays)),
  ];
  for (const step of steps) {
    for (;;) {
      context.signal.throwIfAborted();
      if (isOver()) {
        outcome.outcome = "stopped";
        break;
      }
      await lock.assertHeld();
      const { versions, gone, folders } = await step();
      if (versions.length === 0 && gone === 0) break;
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

/** Makes the plan, checks its limits, asks for approval and saves it for the run. Throws `refused`. */
async function savePlanForRun(context: Context, name: string, input: RetentionInput, { run, lock }: RunLocks) {
  await using plan = await planRetention(context, name);
  const { feed, rules, total } = plan;
  const outcome = outcomeOf(plan, "done");
  if (!feed.retention_rules_enabled)
    return { rules, outcome: { ...outcome, ...zeroCounts(), outcome: "disabled" as const } };
  refuseQuarantine(feed, rules, input.quarantineDays);
  const refusal = refusalOf(plan, input);
  if (refusal !== undefined) throw refusal;
  const freed = await countExpired(plan.db, feed.id, context.now());
  await prove(plan.db, [run, lock]);
  await savePlan(plan.db, run.id);
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
