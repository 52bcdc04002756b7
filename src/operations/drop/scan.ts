import { listFeedsWithDropPath, saveDropScans } from "../../catalog/drops.ts";
import { findFeedById } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { openDropPath } from "./check-path.ts";
import { addDrops, zeroDropCounts, type DropEvent, type DropFeedEvent, type DropSummary } from "./outcome.ts";
import { checkRejectFolder } from "./reject.ts";
import { loadSettings } from "../feed-store/effective-settings.ts";
import { requireActiveFeed } from "../feed-store/find-feed.ts";
import { occupiedPlaces } from "../feed-store/occupied-places.ts";
import { SETTLE } from "../local-files/settled.ts";
import { scanDropPath } from "./scan-one.ts";

export interface DropScanInput {
  /** Only this feed's drop path. */
  feed?: string | undefined;
  /** Milliseconds for which a file must not change; default `SETTLE`. */
  settle?: number | undefined;
  /** Read files again that earlier scans could not import. */
  again?: boolean | undefined;
  /** Absolute directory to which conflicting and invalid files are moved. */
  rejectTo?: string | undefined;
  dryRun?: boolean | undefined;
}

/**
 * Scans all drop paths, or one feed's. A failed scan does not stop the others; a drop path that another scan is working
 * on is skipped. For a named feed, both are thrown as errors after the summary.
 */
export async function* scanDropPaths(context: Context, input: DropScanInput): AsyncGenerator<DropEvent> {
  const { db } = await context.catalog();
  const feeds = input.feed === undefined ? await listFeedsWithDropPath(db) : [await requireActiveFeed(db, input.feed)];
  const occupied = await occupiedPlaces(context, db);
  const { rejectTo, again = false, dryRun = false, settle = SETTLE } = input;
  if (rejectTo !== undefined) checkRejectFolder(rejectTo, occupied);
  const options = { overwrite: await mayOverwrite(context, db), settle, again, dryRun, rejectTo, occupied };
  const summary: DropSummary = { type: "summary", feeds: 0, problems: 0, ...zeroDropCounts() };
  let failure: FeedctlError | undefined;
  const absent: { feedId: number; problem: string }[] = [];

  for (const { id, name } of feeds) {
    // read again: the previous scans may have taken an hour
    const feed = await findFeedById(db, id);
    const path = feed?.drop_path ?? undefined;
    if (path === undefined && input.feed !== undefined)
      throw new FeedctlError("usage", `feed "${name}" has no drop path`, { hint: `feedctl drop set ${name} DIR` });
    if (feed === undefined || path === undefined || feed.deleting_at !== null) continue;
    const event: DropFeedEvent = { type: "feed", feed: name, path, ...zeroDropCounts(), problem: null, skipped: null };
    if (!feed.active) {
      yield { ...event, skipped: "the feed is disabled" };
      continue;
    }
    // A lost mount may take thousands of drop paths with it: what has no files to protect needs no lock.
    const absence = input.feed === undefined ? await absenceOf(path) : undefined;
    if (absence !== undefined) {
      absent.push({ feedId: id, problem: absence });
      summary.feeds++;
      summary.problems++;
      yield { ...event, problem: absence };
      continue;
    }
    try {
      const { counts, error } = yield* scanDropPath(context, { ...feed, drop_path: path }, options);
      summary.feeds++;
      addDrops(summary, counts);
      if (error !== undefined) summary.problems++;
      failure ??= error;
      yield { ...event, ...counts, problem: error?.message ?? null };
    } catch (error) {
      if (!isFeedctlError(error, "locked")) throw error;
      failure ??= error;
      yield { ...event, skipped: error.message };
    }
  }
  if (!dryRun) await saveAbsent(context, db, absent);
  yield summary;
  if (input.feed !== undefined && failure !== undefined) throw failure;
}

/** Why the drop path cannot be scanned, if it does not exist. */
async function absenceOf(path: string): Promise<string | undefined> {
  try {
    await (await openDropPath(path)).close();
    return undefined;
  } catch (error) {
    // the scan meets everything else again, and reports it
    return isFeedctlError(error, "not-found") ? error.message : undefined;
  }
}

async function saveAbsent(context: Context, db: Db, absent: { feedId: number; problem: string }[]): Promise<void> {
  const scannedAt = context.now();
  for (let from = 0; from < absent.length; from += 5_000) {
    const scans = absent.slice(from, from + 5_000).map((each) => ({ ...each, scannedAt, imported: 0 }));
    await commit(db, [], (transaction) => saveDropScans(transaction, scans));
  }
}

/** Whether drop paths may overwrite: ProGet's setting, which applies to all of them. */
async function mayOverwrite(context: Context, db: Db): Promise<boolean> {
  return (await loadSettings(context, db)).get("Feeds.AllowDropPathImportOverwrite")?.value === "true";
}
