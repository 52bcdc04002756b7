import type { FeedRow } from "../../catalog/feeds.ts";
import { hasDeletesOfRun } from "../../catalog/pending.ts";
import { isFeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { Holder } from "./commit.ts";
import { openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { whyLocked } from "./lock-feed.ts";
import type { Run } from "./recorded-run.ts";
import { reportKept, type KeptBlobs } from "../feed-store/store-traits.ts";
import { finishPending, reportUndeleted } from "./settle.ts";

/** Writes to the feed's current store. The store stays open between writes and is reopened after a migration. */
export interface FeedWriter extends AsyncDisposable {
  /**
   * Runs `work` under the feed's write lock: the feed is not switched, frozen or deleted meanwhile. May run in
   * parallel.
   */
  write<T>(work: (target: Target) => Promise<T>): Promise<T>;
  readonly run: Run;
}

/** Where a feed's blobs are written, while its write lock is held. Holds that lock and the run's. */
export interface Target extends Holder {
  feed: FeedRow;
  storeId: number;
  store: Store;
  run: Run;
}

/** Of a feed that was found by its name: a rename does not disturb it. `exclusive`: no other run writes to it during `write`. */
export function openWriter(
  context: Context,
  { id, name }: { id: number; name: string },
  run: Run,
  mode: "shared" | "exclusive" = "shared",
): FeedWriter {
  let opened: { id: number; store: Promise<Store> } | undefined;
  return {
    run,
    async write(work) {
      const catalog = await context.catalog();
      await requireLiveFeed(catalog.db, { id, name });
      await using lock = await catalog.lock({
        kind: "write",
        id,
        mode,
        wait: context.lockWait,
        signal: context.signal,
        onWait: () => context.notice(`waiting: feed "${name}" is locked by another run`),
      });
      if (lock === undefined) throw await whyLocked(catalog, { id, name });
      // read again: a migration may have switched the store before the lock was acquired
      const feed = await requireLiveFeed(catalog.db, { id, name });
      const row = await requireStore(catalog.db, feed);
      if (opened?.id !== row.id) {
        const previous = opened?.store;
        opened = { id: row.id, store: openProvenStore(context, catalog.db, feed, { row, intent: "write" }) };
        // after a failure the next write tries to open it again
        opened.store.catch(() => (opened = undefined));
        await (await previous)?.[Symbol.asyncDispose]();
      }
      const store = await opened.store;
      return await work({ feed, storeId: row.id, store, run, proofs: [...run.proofs, ...lock.proofs] });
    },
    async [Symbol.asyncDispose]() {
      await (await opened?.store)?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * Calls `finishPending` for the writer's feed, for a command that deletes: blobs of its own that were not deleted are
 * reported as failures. The writer's lock is not held meanwhile. Returns what the provider keeps of those that were deleted.
 */
export async function finishPendingOf(context: Context, writer: FeedWriter): Promise<KeptBlobs | null> {
  return finishFor(context, writer, { failed: true });
}

async function finishFor(context: Context, writer: FeedWriter, about: { failed: boolean }): Promise<KeptBlobs | null> {
  const target = await writer.write(async (each) => each);
  const finished = await finishPending(context, target);
  reportUndeleted(context, target.feed.name, finished, about.failed ? "own" : "none");
  if (!about.failed) return null; // a command that only cleans up after others does not speak of their deletions
  return reportKept(context, (await context.catalog()).db, target, finished.deleted);
}

/**
 * Like `finishPendingOf`, but only reports when the store or the lock forbids it. `failed`: the command deletes, too, and
 * fails if it did not get to its own blobs. The leftovers of other runs do not fail it.
 */
export async function tryFinishPending(
  context: Context,
  writer: FeedWriter,
  about: { failed: boolean } = { failed: false },
): Promise<KeptBlobs | null> {
  try {
    return await finishFor(context, writer, about);
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    if (about.failed && !isFeedctlError(error, "denied", "unavailable", "locked")) throw error;
    const failed = about.failed && (await hasDeletesOfRun((await context.catalog()).db, writer.run.id));
    context.notice(
      `${failed ? "the deleted files still have blobs, which the next run deletes" : "could not clean up after interrupted runs"}: ${error.message}`,
      { failed },
    );
    return null;
  }
}
