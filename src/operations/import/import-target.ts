import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../../catalog/feeds.ts";
import { readRecorded, type RecordedFile } from "../../catalog/recorded-files.ts";
import { FeedctlError } from "../../errors.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { Format } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import { openWriter, tryFinishPending, type FeedWriter } from "../commit/feed-writer.ts";
import { startRun } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";
import { requireActiveFeed } from "../feed-store/find-feed.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { isOwnBlob } from "../local-files/file-mark.ts";
import { identityName } from "../packages/identity-name.ts";
import { commitBatch, planBatch } from "./commit-packages.ts";
import type { MatchOptions } from "./match-existing.ts";
import { isThere, packageOutcome, type ImportedFile, type PackageOutcome } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";

/** A feed that packages are imported into. */
export interface ImportTarget extends AsyncDisposable {
  feed: FeedRow;
  format: Format;
  /** What the feed's rows say of those of these keys that it has. */
  recorded(keys: readonly string[]): Promise<Map<string, RecordedFile>>;
  /** Imports prepared packages; each of them has exactly one outcome. */
  import(items: readonly PreparedPackage[]): AsyncGenerator<PackageOutcome>;
  /** The end: what interrupted runs left is cleared away, and the run is recorded. */
  finish(summary: object): Promise<void>;
}

export interface ImportTargetOptions extends MatchOptions {
  feed: string;
  command: string;
  dryRun: boolean;
}

export async function openImportTarget(context: Context, options: ImportTargetOptions): Promise<ImportTarget> {
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
  /** The sha256 of what this run has imported, by identity; one identity may have several keys. */
  const seen = new Map<string, string>();

  return {
    feed,
    format,
    recorded: (keys) => readRecorded(db, feed.id, keys),
    async *import(items) {
      for (const round of roundsOf(items)) yield* importRound(round);
      // in a plain run the catalog itself knows what earlier batches brought
      if (!dryRun && !overwrite) for (const { identity } of items) seen.delete(identityName(identity));
    },
    async finish(summary) {
      if (writer !== undefined) await tryFinishPending(context, writer);
      await run?.finish(summary);
    },
    async [Symbol.asyncDispose]() {
      await store?.[Symbol.asyncDispose]();
      await writer?.[Symbol.asyncDispose]();
      await run?.[Symbol.asyncDispose]();
    },
  };

  /** Packages with different identities. Those that the run has imported already are compared, and never overwritten. */
  async function* importRound(items: readonly PreparedPackage[]): AsyncGenerator<PackageOutcome> {
    const fresh = items.filter(({ identity }) => !seen.has(identityName(identity)));
    const twins = items.filter(({ identity }) => seen.has(identityName(identity)));
    const careful: MatchOptions = { overwrite: false, prove };
    if (writer === undefined) {
      const place = { feedId: feed.id, store };
      yield* await planBatch(context, place, fresh, options);
      for (const { item, result } of await planBatch(context, place, twins, careful)) {
        const known = result.status === "existing" && !overwrite;
        const status = known || isSeen(item) ? "existing" : "conflict";
        yield { item, result: explain({ ...result, status }, isSeen(item)) };
      }
    } else {
      yield* commitWithRetries(context, writer, fresh, options);
      for await (const { item, result } of commitWithRetries(context, writer, twins, careful))
        yield { item, result: explain(result, isSeen(item)) };
    }
    for (const item of fresh) seen.set(identityName(item.identity), item.hashes.sha256);
  }

  function isSeen({ identity, hashes }: PreparedPackage): boolean {
    return seen.get(identityName(identity)) === hashes.sha256;
  }
}

/** Parts packages so that no identity is twice in a round: the first by name comes first, and the others find it there. */
function* roundsOf(items: readonly PreparedPackage[]): Generator<PreparedPackage[]> {
  for (let rest = items.toSorted((a, b) => (a.path < b.path ? -1 : 1)); rest.length > 0;) {
    const round = new Map<string, PreparedPackage>();
    for (const item of rest) {
      const identity = identityName(item.identity);
      if (!round.has(identity)) round.set(identity, item);
    }
    yield [...round.values()];
    const done = new Set(round.values());
    rest = rest.filter((item) => !done.has(item));
  }
}

/**
 * What another run is importing at this moment is left to it and looked at again, while nothing of ours is held: two runs
 * that wait for each other's packages would wait for ever.
 */
async function* commitWithRetries(
  context: Context,
  writer: FeedWriter,
  items: readonly PreparedPackage[],
  options: MatchOptions,
): AsyncGenerator<PackageOutcome> {
  const deadline = performance.now() + context.lockWait;
  for (let rest = items; rest.length > 0;) {
    const { outcomes, busy, fatal } = await writer.write(async (target) => {
      const batch = await commitBatch(context, target, rest, options);
      return options.prove ? { ...batch, outcomes: await refuseOwnBlobs(target.store, batch.outcomes) } : batch;
    });
    yield* outcomes.toSorted((a, b) => (a.result.file < b.result.file ? -1 : 1));
    if (fatal !== undefined) throw fatal;
    if (busy.length > 0 && performance.now() >= deadline) {
      for (const item of busy)
        yield packageOutcome(item, "failed", "another run is importing the same package and does not end");
      return;
    }
    if (busy.length > 0) await sleep(100, undefined, { signal: context.signal });
    rest = busy;
  }
}

function explain(result: ImportedFile, same: boolean): ImportedFile {
  if (result.status === "existing" && same)
    return { ...result, reason: "the same package was already given in this run" };
  if (result.status === "conflict" && !same)
    return { ...result, reason: "another file of this run has the same identity and other bytes" };
  return result;
}

const OWN_BLOB = "it is the feed's own file in its store, and no copy that could be deleted";

/** The store's own files are no copies of its blobs that could be deleted, however their paths are spelt. */
async function refuseOwnBlobs(store: Store, outcomes: readonly PackageOutcome[]): Promise<PackageOutcome[]> {
  if (store.localPath === undefined) return [...outcomes];
  return Array.fromAsync(outcomes, async (each) => {
    const { item, result } = each;
    if (!isThere(result) || result.key === null) return each;
    if (!(await isOwnBlob(store, parseKey(result.key), item.source.path))) return each;
    return packageOutcome(item, "failed", OWN_BLOB);
  });
}
