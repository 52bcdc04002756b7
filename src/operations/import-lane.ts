import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../catalog/feeds.ts";
import { isFeedctlError } from "../errors.ts";
import type { FeedType } from "../formats/feed-types.ts";
import type { Format } from "../formats/format.ts";
import { loadFormat } from "../formats/index.ts";
import type { Context } from "./context.ts";
import { openWriter, settle, type FeedWriter } from "./feed-writer.ts";
import { requireActiveFeed } from "./find-feed.ts";
import { commitBatch, planBatch } from "./import-batch.ts";
import { outcome, type ImportedFile } from "./import-outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { startRun } from "./run.ts";

/** The way into one feed. */
export interface Lane extends AsyncDisposable {
  feed: FeedRow;
  format: Format;
  /** Takes prepared files in; every one is answered exactly once. */
  take(items: readonly PreparedPackage[]): AsyncGenerator<ImportedFile>;
  /** The end: what interrupted runs left is cleared away, and the run is recorded. */
  finish(summary: object): Promise<void>;
}

export interface LaneOptions {
  feed: string;
  command: string;
  dryRun: boolean;
  overwrite: boolean;
}

export async function openLane(
  context: Context,
  { feed: name, command, dryRun, overwrite }: LaneOptions,
): Promise<Lane> {
  const { db } = await context.catalog();
  const feed = await requireActiveFeed(db, name);
  const format = await loadFormat(feed.type as FeedType);
  const run = dryRun ? undefined : await startRun(context, command, feed.id);
  const writer = run === undefined ? undefined : openWriter(context, feed.name, run);
  let seen = new Map<string, string>();

  return {
    feed,
    format,
    async *take(items) {
      // earlier batches are in the catalog by now, unless this is a dry run
      if (!dryRun) seen = new Map();
      const fresh: PreparedPackage[] = [];
      for (const item of items.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
        const twin = seen.get(item.key);
        if (twin === undefined) {
          seen.set(item.key, item.hashes.sha256);
          fresh.push(item);
        } else if (twin === item.hashes.sha256) {
          yield outcome(item, "existing", "the same package was already given in this run");
        } else {
          yield outcome(item, "conflict", "another file of this run has the same identity and other bytes");
        }
      }
      if (writer === undefined) yield* await planBatch(context, feed, fresh, overwrite);
      else yield* commit(writer, fresh);
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

  /**
   * What another run is importing at this moment is left to it and looked at again, while nothing of ours is held: two
   * runs that wait for each other's packages would wait for ever.
   */
  async function* commit(into: FeedWriter, items: readonly PreparedPackage[]): AsyncGenerator<ImportedFile> {
    const deadline = performance.now() + context.lockWait;
    for (let rest = items; rest.length > 0;) {
      const { results, busy } = await into.write((target) => commitBatch(context, target, rest, overwrite));
      yield* results;
      if (busy.length > 0 && performance.now() >= deadline) {
        for (const item of busy)
          yield outcome(item, "failed", "another run is importing the same package and does not end");
        return;
      }
      if (busy.length > 0) await sleep(100, undefined, { signal: context.signal });
      rest = busy;
    }
  }
}

/** What earlier runs left is not this import's fault: a store that forbids deleting must not make it fail. */
async function settleIfPossible(context: Context, writer: FeedWriter): Promise<void> {
  try {
    await settle(context, writer);
  } catch (error) {
    if (!isFeedctlError(error, "denied", "unavailable", "locked")) throw error;
    context.notice(`what interrupted runs left stays for now: ${error.message}`);
  }
}
