import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Store } from "../../stores/store.ts";
import { commitAssets, planAssets } from "./commit-assets.ts";
import { assetOutcome, type AssetItem, type AssetOutcome, type IfExists } from "./item.ts";
import { claimUnchanged } from "./refresh-unchanged.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { openWriter, settleIfPossible, type FeedWriter } from "../commit/feed-writer.ts";
import { requireActiveDirectory } from "./require-asset.ts";
import { startRun, type Run } from "../commit/recorded-run.ts";
import { isOwnBlob } from "../local-files/file-mark.ts";

/** The way into one asset directory. */
export interface AssetLane extends AsyncDisposable {
  feed: FeedRow;
  run: Run | undefined;
  writer: FeedWriter | undefined;
  /** Stores items with different paths; every one is answered exactly once. */
  take(items: readonly AssetItem[], ifExists: IfExists): AsyncGenerator<AssetOutcome>;
  /** The end: what interrupted runs left is cleared away, and the run is recorded. */
  finish(summary: object): Promise<void>;
}

export interface LaneInput {
  directory: string;
  command: string;
  dryRun?: boolean | undefined;
  /**
   * What the catalog has must be in the store as well to count as unchanged, for its source is going to be deleted; where
   * the blob is missing it is put back.
   */
  prove?: boolean | undefined;
}

export async function openAssetLane(context: Context, input: LaneInput): Promise<AssetLane> {
  const { db } = await context.catalog();
  const { prove = false } = input;
  const feed = await requireActiveDirectory(db, input.directory);
  const run = input.dryRun ? undefined : await startRun(context, input.command, feed.id);
  const writer = run === undefined ? undefined : openWriter(context, feed.name, run);
  return {
    feed,
    run,
    writer,
    async *take(items, ifExists) {
      if (writer === undefined) {
        await using store = prove ? await openFeedStore(context, db, feed) : undefined;
        yield* await planAssets(context, feed, items, { ifExists, store });
      } else yield* commit(writer, items, ifExists);
    },
    async finish(summary) {
      if (writer !== undefined) await settleIfPossible(context, writer);
      await run?.finish(summary);
    },
    async [Symbol.asyncDispose]() {
      await writer?.[Symbol.asyncDispose]();
      await run?.[Symbol.asyncDispose]();
    },
  };

  /** What another run is writing is looked at again while nothing of ours is held: two that wait for each other would wait for ever. */
  async function* commit(
    into: FeedWriter,
    items: readonly AssetItem[],
    ifExists: IfExists,
  ): AsyncGenerator<AssetOutcome> {
    const deadline = performance.now() + context.lockWait;
    for (let rest = items; rest.length > 0;) {
      const { results, busy, fatal } = await into.write(async (target) => {
        const done = await commitAssets(context, target, rest, { ifExists, prove });
        const batch = { ...done, results: await claimUnchanged(context, target, done.results) };
        if (prove) await refuseOwnBlobs(target.store, rest, batch.results);
        return batch;
      });
      yield* results;
      if (fatal !== undefined) throw fatal;
      if (busy.length > 0 && performance.now() >= deadline) {
        for (const item of busy) yield assetOutcome(item, "failed", "another run is writing it and does not end");
        return;
      }
      if (busy.length > 0) await sleep(100, undefined, { signal: context.signal });
      rest = busy;
    }
  }
}

/** The store's own files are no copies of its blobs that could be deleted, however their paths are spelt. */
async function refuseOwnBlobs(store: Store, items: readonly AssetItem[], results: AssetOutcome[]): Promise<void> {
  if (store.localPath === undefined) return;
  const byKey = new Map<string, AssetItem>(items.map((item) => [item.key, item]));
  for (const [at, { path, status }] of results.entries()) {
    const item = byKey.get(path);
    if (item === undefined || status === "conflict" || status === "invalid" || status === "failed") continue;
    if (!(await isOwnBlob(store, item.key, item.local))) continue;
    const why = "it is the directory's own file in its store, and no copy that could be deleted";
    results[at] = assetOutcome(item, "failed", why);
  }
}
