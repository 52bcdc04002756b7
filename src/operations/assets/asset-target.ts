import type { FeedRef } from "../feed-store/find-feed.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Store } from "../../stores/store.ts";
import { commitAssets, planAssets } from "./commit-assets.ts";
import { assetOutcome, type AssetAnswer, type AssetItem, type IfExists } from "./item.ts";
import { claimUnchanged } from "./refresh-unchanged.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { openWriter, tryFinishPending, type FeedWriter } from "../commit/feed-writer.ts";
import { requireActiveDirectory } from "./require-asset.ts";
import type { Proof } from "../commit/prove-stored.ts";
import { startRun, type Run } from "../commit/recorded-run.ts";
import { isOwnBlob } from "../local-files/file-mark.ts";

/** An asset directory, opened for storing files. */
export interface AssetTarget extends AsyncDisposable {
  feed: FeedRow;
  run: Run | undefined;
  writer: FeedWriter | undefined;
  /** How many folders `store` has created so far. */
  readonly folders: number;
  /** Stores items; their paths must differ. Yields exactly one outcome for each. */
  store(items: readonly AssetItem[], ifExists: IfExists): AsyncGenerator<AssetAnswer>;
  /** Cleans up after interrupted runs and records the end of this run. */
  finish(summary: object): Promise<void>;
}

export interface AssetTargetInput {
  directory: FeedRef;
  command: string;
  dryRun?: boolean | undefined;
  /** How the blob is proven before a file is reported as unchanged. A missing blob is stored again. Default: `head`. */
  proof?: Proof | undefined;
}

export async function openAssetTarget(context: Context, input: AssetTargetInput): Promise<AssetTarget> {
  const { db } = await context.catalog();
  const { proof = "head" } = input;
  const feed = await requireActiveDirectory(db, input.directory);
  const run = input.dryRun ? undefined : await startRun(context, input.command, feed.id);
  const writer = run === undefined ? undefined : openWriter(context, feed, run);
  let folders = 0;
  return {
    feed,
    run,
    writer,
    get folders() {
      return folders;
    },
    async *store(items, ifExists) {
      if (writer === undefined) {
        await using store = await openFeedStore(context, db, feed);
        yield* await planAssets(context, feed, items, { ifExists, store, proof });
      } else yield* commit(writer, items, ifExists);
    },
    async finish(summary) {
      if (writer !== undefined) await tryFinishPending(context, writer);
      await run?.finish(summary);
    },
    async [Symbol.asyncDispose]() {
      await writer?.[Symbol.asyncDispose]();
      await run?.[Symbol.asyncDispose]();
    },
  };

  /** Retries items that another run is writing. No lock is held while it waits: two waiting runs could deadlock. */
  async function* commit(
    into: FeedWriter,
    items: readonly AssetItem[],
    ifExists: IfExists,
  ): AsyncGenerator<AssetAnswer> {
    let deadline: number | undefined;
    for (let rest = items; rest.length > 0;) {
      const { answers, busy, fatal, ...batch } = await into.write(async (target) => {
        const done = await commitAssets(context, target, rest, { ifExists, proof });
        const kept = await claimUnchanged(context, target, done.answers);
        return { ...done, answers: proof === "whole" ? await refuseOwnBlobs(target.store, kept) : kept };
      });
      folders += batch.folders;
      yield* answers;
      if (fatal !== undefined) throw fatal;
      if (busy.length === 0) return;
      // the others have this time from now on: storing the own part of the batch may have taken longer
      deadline ??= performance.now() + context.lockWait;
      if (performance.now() >= deadline) {
        for (const item of busy)
          yield { item, outcome: assetOutcome(item, "failed", "another run is still writing it") };
        return;
      }
      await sleep(100, undefined, { signal: context.signal });
      rest = busy;
    }
  }
}

const OWN_BLOB = "it is the directory's own file in its store, not a copy";

/** Fails items whose source is the blob itself: deleting the source would delete the only copy. */
async function refuseOwnBlobs(store: Store, answers: readonly AssetAnswer[]): Promise<AssetAnswer[]> {
  if (store.localPath === undefined) return [...answers];
  return Array.fromAsync(answers, async ({ item, outcome }) => {
    const isRefused = ["conflict", "invalid", "failed"].includes(outcome.status);
    if (isRefused || !(await isOwnBlob(store, item.key, item.local))) return { item, outcome };
    return { item, outcome: assetOutcome(item, "failed", OWN_BLOB) };
  });
}
