import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../../catalog/feeds.ts";
import { readRecorded, type RecordedFile } from "../../catalog/recorded-files.ts";
import { FeedctlError } from "../../errors.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { Format } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { openWriter, settleIfPossible, type FeedWriter } from "../commit/feed-writer.ts";
import { requireActiveFeed } from "../feed-store/find-feed.ts";
import { commitBatch, planBatch, type BatchOptions } from "./commit-packages.ts";
import { identityName } from "../packages/identity-name.ts";
import { isThere, outcome, type ImportedFile } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { startRun } from "../commit/recorded-run.ts";
import { isOwnBlob } from "../local-files/file-mark.ts";

/** The way into one feed. */
export interface Lane extends AsyncDisposable {
  feed: FeedRow;
  format: Format;
  /** What the feed's rows say of those of these keys that it has. */
  recorded(keys: readonly string[]): Promise<Map<string, RecordedFile>>;
  /** Takes prepared files in; every one is answered exactly once. */
  take(items: readonly PreparedPackage[]): AsyncGenerator<ImportedFile>;
  /** The end: what interrupted runs left is cleared away, and the run is recorded. */
  finish(summary: object): Promise<void>;
}

export interface LaneOptions extends BatchOptions {
  feed: string;
  command: string;
  dryRun: boolean;
}

export async function openLane(context: Context, options: LaneOptions): Promise<Lane> {
  const { feed: name, command, dryRun, overwrite, prove } = options;
  const { db } = await context.catalog();
  const feed = await requireActiveFeed(db, name);
  if (feed.type === "asset")
    throw new FeedctlError("usage", `"${feed.name}" is an asset directory: it holds files, not packages`, {
      hint: `feedctl asset upload ${feed.name} PATH...; from a drop path: feedctl drop set ${feed.name} DIR`,
    });
  const format = await loadFormat(feed.type as FeedType);
  const store = dryRun && prove ? await openFeedStore(context, db, feed) : undefined;
  const run = dryRun ? undefined : await startRun(context, command, feed.id);
  const writer = run === undefined ? undefined : openWriter(context, feed.name, run);
  /** What this run has met, by identity, which may have several keys: its sha256. */
  const seen = new Map<string, string>();

  return {
    feed,
    format,
    recorded: (keys) => readRecorded(db, feed.id, keys),
    async *take(items) {
      // in rounds: of files with one identity the first by name comes first, and the others find it there
      for (let rest = items.toSorted((a, b) => (a.path < b.path ? -1 : 1)); rest.length > 0;) {
        const round = new Map<string, PreparedPackage>();
        for (const item of rest) {
          const identity = identityName(item.identity);
          if (!round.has(identity)) round.set(identity, item);
        }
        yield* takeRound([...round.values()]);
        const taken = new Set(round.values());
        rest = rest.filter((item) => !taken.has(item));
      }
      // without either of them the catalog knows what earlier batches brought
      if (!dryRun && !overwrite) for (const { identity } of items) seen.delete(identityName(identity));
    },
    async finish(summary) {
      if (writer !== undefined) await settleIfPossible(context, writer);
      await run?.finish(summary);
    },
    async [Symbol.asyncDispose]() {
      await store?.[Symbol.asyncDispose]();
      await writer?.[Symbol.asyncDispose]();
      await run?.[Symbol.asyncDispose]();
    },
  };

  async function* takeRound(items: readonly PreparedPackage[]): AsyncGenerator<ImportedFile> {
    const before = new Map(items.map((item) => [item, seen.get(identityName(item.identity))]));
    const fresh = items.filter((item) => before.get(item) === undefined);
    const twins = items.filter((item) => before.get(item) !== undefined);
    // one file of a run does not replace another
    const careful: BatchOptions = { overwrite: false, prove };
    const same = new Map(twins.map((item) => [item.path, before.get(item) === item.hashes.sha256]));
    if (writer === undefined) {
      const place = { feedId: feed.id, store };
      yield* await planBatch(context, place, fresh, options);
      for (const result of await planBatch(context, place, twins, careful)) {
        const isSame = same.get(result.file) === true;
        const known = result.status === "existing" && !overwrite;
        yield explain({ ...result, status: known || isSame ? "existing" : "conflict" }, isSame);
      }
    } else {
      yield* commit(writer, fresh, options);
      for await (const result of commit(writer, twins, careful)) yield explain(result, same.get(result.file) === true);
    }
    for (const item of fresh) seen.set(identityName(item.identity), item.hashes.sha256);
  }

  /**
   * What another run is importing at this moment is left to it and looked at again, while nothing of ours is held: two
   * runs that wait for each other's packages would wait for ever.
   */
  async function* commit(
    into: FeedWriter,
    items: readonly PreparedPackage[],
    how: BatchOptions,
  ): AsyncGenerator<ImportedFile> {
    const deadline = performance.now() + context.lockWait;
    for (let rest = items; rest.length > 0;) {
      const { results, busy, fatal } = await into.write(async (target) => {
        const batch = await commitBatch(context, target, rest, how);
        if (prove) await refuseOwnBlobs(target.store, rest, batch.results);
        return batch;
      });
      yield* results.toSorted((a, b) => (a.file < b.file ? -1 : 1));
      if (fatal !== undefined) throw fatal;
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

function explain(result: ImportedFile, same: boolean): ImportedFile {
  if (result.status === "existing" && same)
    return { ...result, reason: "the same package was already given in this run" };
  if (result.status === "conflict" && !same)
    return { ...result, reason: "another file of this run has the same identity and other bytes" };
  return result;
}

/** The store's own files are no copies of its blobs that could be deleted, however their paths are spelt. */
async function refuseOwnBlobs(store: Store, items: readonly PreparedPackage[], results: ImportedFile[]): Promise<void> {
  if (store.localPath === undefined) return;
  const byPath = new Map(items.map((item) => [item.path, item]));
  for (const [at, result] of results.entries()) {
    const item = byPath.get(result.file);
    if (item === undefined || !isThere(result) || result.key === null) continue;
    if (!(await isOwnBlob(store, parseKey(result.key), item.source.path))) continue;
    results[at] = outcome(item, "failed", "it is the feed's own file in its store, and no copy that could be deleted");
  }
}
