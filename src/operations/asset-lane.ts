import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../catalog/feeds.ts";
import { isFeedctlError } from "../errors.ts";
import { commitAssets, planAssets } from "./asset-batch.ts";
import { assetOutcome, type AssetItem, type AssetOutcome, type IfExists } from "./asset-item.ts";
import { claimUnchanged } from "./claim-unchanged.ts";
import type { Context } from "./context.ts";
import { openWriter, settle, type FeedWriter } from "./feed-writer.ts";
import { requireActiveDirectory } from "./find-assets.ts";
import { startRun, type Run } from "./run.ts";

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

export async function openAssetLane(
  context: Context,
  input: { directory: string; command: string; dryRun?: boolean | undefined },
): Promise<AssetLane> {
  const { db } = await context.catalog();
  const feed = await requireActiveDirectory(db, input.directory);
  const run = input.dryRun ? undefined : await startRun(context, input.command, feed.id);
  const writer = run === undefined ? undefined : openWriter(context, feed.name, run);
  return {
    feed,
    run,
    writer,
    async *take(items, ifExists) {
      if (writer === undefined) yield* await planAssets(context, feed, items, ifExists);
      else yield* commit(writer, items, ifExists);
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
      const { results, busy } = await into.write(async (target) => {
        const batch = await commitAssets(context, target, rest, ifExists);
        return { ...batch, results: await claimUnchanged(context, target, batch.results) };
      });
      yield* results;
      if (busy.length > 0 && performance.now() >= deadline) {
        for (const item of busy) yield assetOutcome(item, "failed", "another run is writing it and does not end");
        return;
      }
      if (busy.length > 0) await sleep(100, undefined, { signal: context.signal });
      rest = busy;
    }
  }
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
