import type { FeedRow } from "../../catalog/feeds.ts";
import { isFeedctlError } from "../../errors.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { openFeedStore, requireStore } from "../feed-store/open-feed-store.ts";
import { feedReplaced, requireLiveFeed } from "../feed-store/find-feed.ts";
import { whyLocked } from "./lock-feed.ts";
import type { Run } from "./recorded-run.ts";
import { settlePending } from "./settle.ts";

/** The feed's store as of now, opened once and again whenever a migration has switched it. */
export interface FeedWriter extends AsyncDisposable {
  /** Runs `work` while the feed cannot be switched, frozen or deleted. Several may run at once. */
  write<T>(work: (target: Target) => Promise<T>): Promise<T>;
}

export interface Target {
  feed: FeedRow;
  storeId: number;
  store: Store;
  run: Run;
  assertHeld(): Promise<void>;
}

/** `exclusive`: nobody else writes to the feed during `write`. */
export function openWriter(
  context: Context,
  feedName: string,
  run: Run,
  mode: "shared" | "exclusive" = "shared",
): FeedWriter {
  let opened: { id: number; store: Promise<Store> } | undefined;
  return {
    async write(work) {
      const catalog = await context.catalog();
      const { id } = await requireLiveFeed(catalog.db, feedName);
      await using lock = await catalog.lock({
        kind: "write",
        id,
        mode,
        wait: context.lockWait,
        signal: context.signal,
        onWait: () => context.notice(`waiting: feed "${feedName}" is locked by another run`),
      });
      if (lock === undefined) throw await whyLocked(catalog, { id, name: feedName });
      // only now: what was read before the lock may be the store before the switch
      const feed = await requireLiveFeed(catalog.db, feedName);
      if (feed.id !== id) throw feedReplaced(feedName);
      const row = await requireStore(catalog.db, feed);
      if (opened?.id !== row.id) {
        const last = opened?.store;
        opened = { id: row.id, store: openFeedStore(context, catalog.db, feed, row) };
        // one that could not be opened is asked for again
        opened.store.catch(() => (opened = undefined));
        await (await last)?.[Symbol.asyncDispose]();
      }
      const store = await opened.store;
      return await work({ feed, storeId: row.id, store, run, assertHeld: () => lock.assertHeld() });
    },
    async [Symbol.asyncDispose]() {
      await (await opened?.store)?.[Symbol.asyncDispose]();
    },
  };
}

/** Removes what dead runs left and pending deletes ask for. The writer's lock is not held meanwhile. */
export async function settle(context: Context, writer: FeedWriter): Promise<void> {
  await settlePending(context, await writer.write(async (target) => target));
}

/** What earlier runs left is not this run's fault: a store that forbids deleting must not make it fail. */
export async function settleIfPossible(context: Context, writer: FeedWriter): Promise<void> {
  try {
    await settle(context, writer);
  } catch (error) {
    if (!isFeedctlError(error, "denied", "unavailable", "locked")) throw error;
    context.notice(`what interrupted runs left stays for now: ${error.message}`);
  }
}
