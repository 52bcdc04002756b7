import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FeedRow } from "../../catalog/feeds.ts";
import { listVersionsNamed } from "../../catalog/packages.ts";
import { readRecorded, type RecordedFile } from "../../catalog/recorded-files.ts";
import { FeedctlError } from "../../errors.ts";
import type { Format, VersionName } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import type { Store } from "../../stores/store.ts";
import { openWriter, tryFinishPending, type FeedWriter } from "../commit/feed-writer.ts";
import { startRun } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";
import { requireActiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { isOwnBlob } from "../local-files/file-mark.ts";
import { identityName } from "../packages/identity-name.ts";
import { createCompanions, type Companions } from "./companions.ts";
import { commitBatch, planBatch } from "./commit-packages.ts";
import type { MatchOptions } from "./match-existing.ts";
import { isInFeed, packageOutcome, type ImportedFile, type PackageOutcome } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { isWellNamed } from "./well-named.ts";

/** A feed, opened for importing packages. */
export interface ImportTarget extends AsyncDisposable {
  feed: FeedRow;
  format: Format;
  /** The feed's rows at `keys`, by key. */
  recorded(keys: readonly string[]): Promise<Map<string, RecordedFile>>;
  /** The versions of the feed with one of these names. */
  versionsNamed(wanted: readonly Omit<VersionName, "group">[]): Promise<VersionName[]>;
  /**
   * Imports prepared packages; yields one outcome for each, except for files whose package may still come (symbols).
   */
  import(items: readonly PreparedPackage[]): AsyncGenerator<PackageOutcome>;
  /** Imports the files that waited for their package. To be called after the last `import`. */
  importHeld(): AsyncGenerator<PackageOutcome>;
  /** Cleans up after interrupted runs and records the end of this run. */
  finish(summary: object): Promise<void>;
}

export interface ImportTargetOptions extends MatchOptions {
  feed: FeedRef;
  command: string;
  dryRun: boolean;
}

export async function openImportTarget(context: Context, options: ImportTargetOptions): Promise<ImportTarget> {
  const { feed: ref, command, dryRun, overwrite, proof } = options;
  const { db } = await context.catalog();
  const feed = await requireActiveFeed(db, ref);
  if (feed.type === "asset")
    throw new FeedctlError("usage", `"${feed.name}" is an asset directory: it holds files, not packages`, {
      hint: `feedctl asset upload ${feed.name} PATH...; from a drop path: feedctl drop set ${feed.name} DIR`,
    });
  const format = await loadFormat(feed.type);
  const store = dryRun ? await openFeedStore(context, db, feed) : undefined;
  const run = dryRun ? undefined : await startRun(context, command, feed.id);
  const writer = run === undefined ? undefined : openWriter(context, feed, run);
  const companions = createCompanions(db, { feedId: feed.id, format, dryRun });
  /** The sha256 of the packages that this run has imported, by identity: the same identity may have several keys. */
  const seen = new Map<string, string>();

  return {
    feed,
    format,
    recorded: (keys) => readRecorded(db, feed.id, keys),
    versionsNamed: (wanted) => listVersionsNamed(db, feed.id, wanted),
    async *import(items) {
      for (const round of roundsOf(items.filter((item) => !companions.has(item))))
        for await (const each of importRound(round)) {
          companions.note(each);
          yield each;
        }
      yield* importSorted(await companions.sort(items.filter(companions.has)));
      // in a plain run the catalog already has the packages of earlier batches
      if (!dryRun && !overwrite) for (const { identity } of items) seen.delete(identityName(identity));
    },
    async *importHeld() {
      yield* importSorted(await companions.rest());
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

  async function* importSorted({ ready, answered }: Awaited<ReturnType<Companions["sort"]>>) {
    yield* answered;
    for (const round of roundsOf(ready)) yield* importRound(round);
  }

  /** Imports packages; their identities must differ. One that this run has already imported is never overwritten. */
  async function* importRound(items: readonly PreparedPackage[]): AsyncGenerator<PackageOutcome> {
    const fresh = items.filter(({ identity }) => !seen.has(identityName(identity)));
    const twins = items.filter(({ identity }) => seen.has(identityName(identity)));
    const keepExisting: MatchOptions = { overwrite: false, proof };
    if (writer === undefined) {
      if (store === undefined) throw new Error("a dry run has no store");
      const place = { feedId: feed.id, store };
      yield* await planBatch(context, place, fresh, options);
      for (const { item, result } of await planBatch(context, place, twins, keepExisting)) {
        const known = result.status === "existing" && !overwrite;
        const status = known || isSeen(item) ? "existing" : "conflict";
        yield { item, result: explain({ ...result, status }, isSeen(item)) };
      }
    } else {
      yield* commitWithRetries(context, writer, fresh, options);
      for await (const { item, result } of commitWithRetries(context, writer, twins, keepExisting))
        yield { item, result: explain(result, isSeen(item)) };
    }
    for (const item of fresh) seen.set(identityName(item.identity), item.hashes.sha256);
  }

  function isSeen({ identity, hashes }: PreparedPackage): boolean {
    return seen.get(identityName(identity)) === hashes.sha256;
  }
}

/**
 * Splits packages into rounds without duplicate identities. A file with the right name wins over a copy, then the first
 * path; later rounds compare with it.
 */
function* roundsOf(items: readonly PreparedPackage[]): Generator<PreparedPackage[]> {
  const isCopy = ({ identity, path }: PreparedPackage) => !isWellNamed(identity, basename(path));
  const byMerit = items.toSorted((a, b) => Number(isCopy(a)) - Number(isCopy(b)) || (a.path < b.path ? -1 : 1));
  for (let rest = byMerit; rest.length > 0;) {
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
 * Commits packages; retries those that another run is importing. No lock is held while it waits: two runs that wait for
 * each other's packages would deadlock.
 */
async function* commitWithRetries(
  context: Context,
  writer: FeedWriter,
  items: readonly PreparedPackage[],
  options: MatchOptions,
): AsyncGenerator<PackageOutcome> {
  let deadline: number | undefined;
  for (let rest = items; rest.length > 0;) {
    const { outcomes, busy, fatal } = await writer.write(async (target) => {
      const batch = await commitBatch(context, target, rest, options);
      return options.proof === "whole"
        ? { ...batch, outcomes: await refuseOwnBlobs(target.store, batch.outcomes) }
        : batch;
    });
    yield* outcomes.toSorted((a, b) => (a.result.file < b.result.file ? -1 : 1));
    if (fatal !== undefined) throw fatal;
    if (busy.length === 0) return;
    // the others have this time from now on: storing the own part of the batch may have taken longer
    deadline ??= performance.now() + context.lockWait;
    if (performance.now() >= deadline) {
      for (const item of busy) yield packageOutcome(item, "failed", "another run is still importing the same package");
      return;
    }
    await sleep(100, undefined, { signal: context.signal });
    rest = busy;
  }
}

function explain(result: ImportedFile, same: boolean): ImportedFile {
  if (result.status === "existing" && same)
    return { ...result, reason: "the same package was already given in this run" };
  if (result.status === "conflict" && !same)
    return { ...result, reason: "another file of this run has the same identity but other bytes" };
  return result;
}

const OWN_BLOB = "it is the feed's own file in its store, not a copy";

/** Fails packages whose source is the blob itself: deleting the source would delete the only copy. */
async function refuseOwnBlobs(store: Store, outcomes: readonly PackageOutcome[]): Promise<PackageOutcome[]> {
  if (store.localPath === undefined) return [...outcomes];
  return Array.fromAsync(outcomes, async (each) => {
    const { item, result } = each;
    if (!isInFeed(result) || !(await isOwnBlob(store, item.key, item.source.path))) return each;
    return packageOutcome(item, "failed", OWN_BLOB);
  });
}
