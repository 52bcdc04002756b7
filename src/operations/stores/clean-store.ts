import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { StoreRow } from "../../catalog/stores.ts";
import { isFeedctlError, type FeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import { commit } from "../commit/commit.ts";
import { lockWrites } from "../commit/lock-feed.ts";
import { startRun } from "../commit/recorded-run.ts";
import { listUnfinished, type FoundUpload } from "../commit/unfinished.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { timeOfStore } from "../feed-store/probes.ts";
import { requireRightClock } from "../right-clock.ts";

export interface CleanInput {
  feeds: readonly string[];
  /** Only uploads that began so many milliseconds ago. Default: all of ours, and those of others after a week. */
  olderThan?: number | undefined;
  /** Also uploads of other programs. */
  others?: boolean | undefined;
  dryRun?: boolean | undefined;
  /** Called before the uploads of a feed's store are discarded; a rejection ends the command. */
  approve(feed: string, selected: { uploads: number; bytes: number }): Promise<void>;
}

/** Why an upload is kept. */
export type KeptBecause = "without --others" | "not old enough" | "its age is not known";

export type CleanEvent =
  | (FoundUpload & {
      type: "upload";
      feed: string;
      status: "discarded" | "selected" | "kept" | "failed";
      reason: string | null;
    })
  | { type: "store"; feed: string; status: "failed"; reason: string }
  | CleanSummary;

export interface CleanSummary {
  type: "summary";
  dryRun: boolean;
  /** With `dryRun`: those that would be. */
  discarded: number;
  /** Their size, as far as the provider reports it. */
  bytes: number;
  kept: number;
  /** Uploads and stores. */
  failed: number;
}

const WEEK = 7 * 86_400_000;
/** How many uploads are discarded in one transaction. */
const BATCH = 100;

/**
 * Discards the unfinished uploads in feeds' stores, ours and with `others` those of other programs. Nothing of a writer
 * that is alive: the feed's write lock is held meanwhile. An upload or a store that fails is reported, and the next one
 * follows; of a single feed the store's error is thrown.
 */
export async function* cleanStores(context: Context, input: CleanInput): AsyncGenerator<CleanEvent> {
  const { feeds, dryRun = false } = input;
  const summary: CleanSummary = { type: "summary", dryRun, discarded: 0, bytes: 0, kept: 0, failed: 0 };
  for (const feed of feeds) {
    try {
      for await (const event of cleanStore(context, feed, input)) {
        if (event.status === "kept") summary.kept++;
        else if (event.status === "failed") summary.failed++;
        else {
          summary.discarded++;
          summary.bytes += event.bytes ?? 0;
        }
        yield event;
      }
    } catch (error) {
      if (!isFeedctlError(error) || feeds.length === 1 || ["interrupted", "refused"].includes(error.code)) throw error;
      summary.failed++;
      yield { type: "store", feed, status: "failed", reason: error.message };
    }
  }
  yield summary;
}

type UploadEvent = Extract<CleanEvent, { type: "upload" }>;

async function* cleanStore(context: Context, name: string, input: CleanInput): AsyncGenerator<UploadEvent> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, name);
  const row = await requireStore(db, feed);
  await using store = await openProvenStore(context, db, feed, { row, intent: input.dryRun ? "read" : "write" });
  const { unfinished } = store;
  if (unfinished === undefined) {
    context.notice(`${store.name} does not list unfinished uploads: the provider discards them itself`);
    return;
  }
  const selected: FoundUpload[] = [];
  const keep = await createFilter(context, store, input);
  for await (const upload of listUnfinished(context, db, { feed, storeId: row.id, store }, { sizes: true })) {
    const reason = await keep(upload);
    if (reason !== undefined) yield { type: "upload", feed: name, status: "kept", reason, ...upload };
    else if (input.dryRun) yield { type: "upload", feed: name, status: "selected", reason: null, ...upload };
    else selected.push(upload);
  }
  if (selected.length === 0) return;
  await input.approve(name, {
    uploads: selected.length,
    bytes: selected.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
  });
  yield* discardSelected(context, db, { feed, row, store }, selected);
}

/** Returns a function that says why an upload is kept; undefined: it is to be discarded. */
async function createFilter(context: Context, store: Store, { olderThan, others, dryRun }: CleanInput) {
  let now: number | undefined;
  /** By the store's own clock, except in a dry run, which writes nothing. */
  async function storeTime(): Promise<number> {
    if (dryRun) {
      await requireRightClock(context, { dryRun });
      return context.now().getTime();
    }
    return timeOfStore(context, store);
  }
  return async ({ isOurs, since }: FoundUpload): Promise<KeptBecause | undefined> => {
    if (!isOurs && !others) return "without --others";
    const age = olderThan ?? (isOurs ? 0 : WEEK);
    if (age === 0) return undefined;
    if (since === undefined) return "its age is not known";
    now ??= await storeTime();
    return now - since.getTime() < age ? "not old enough" : undefined;
  };
}

/**
 * Discards in transactions that prove the lock, so that no writer begins meanwhile. An upload that its writer has
 * completed since it was listed does not exist any more, and its blob stays.
 */
async function* discardSelected(
  context: Context,
  db: Db,
  { feed, row, store }: { feed: FeedRow; row: StoreRow; store: Store },
  selected: readonly FoundUpload[],
): AsyncGenerator<UploadEvent> {
  const catalog = await context.catalog();
  const hint = "nothing was discarded; try again when the import is over";
  await using lock = await lockWrites(context, catalog, feed, hint);
  await using run = await startRun(context, "store clean", feed.id);
  const done = { discarded: 0, failed: 0 };
  for (let i = 0; i < selected.length; i += BATCH) {
    const events = await commit(db, [run, lock], async (transaction) => {
      const ended: UploadEvent[] = [];
      for (const upload of selected.slice(i, i + BATCH)) {
        const failure = await discard(context, store, upload);
        const status = failure === undefined ? "discarded" : "failed";
        ended.push({ type: "upload", feed: feed.name, status, reason: failure?.message ?? null, ...upload });
      }
      const discarded = ended.filter(({ status }) => status === "discarded");
      await run.audit(
        transaction,
        discarded.map(({ name, since, bytes, isOurs }) => ({
          action: "unfinished upload discarded",
          object: name,
          detail: { store: row.id, since, bytes, ours: isOurs },
        })),
      );
      done.discarded += discarded.length;
      done.failed += ended.length - discarded.length;
      return ended;
    });
    yield* events;
  }
  await run.finish(done);
}

async function discard(context: Context, store: Store, upload: FoundUpload): Promise<FeedctlError | undefined> {
  try {
    await store.unfinished?.discard(upload, { signal: context.signal });
    return undefined;
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    return error;
  }
}
