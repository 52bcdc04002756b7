import { fileTime } from "../../lib/files/file-time.ts";
import { isFeedctlError } from "../../errors.ts";
import { detectType } from "../../lib/detect-type.ts";
import { inBatches, mapParallel, oneAhead } from "../../lib/concurrency/parallel.ts";
import { tagOf } from "../../stores/disk/index.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import { openAssetTarget } from "../assets/asset-target.ts";
import { checkNames } from "../assets/check-names.ts";
import type { AssetItem, AssetOutcome, AssetStatus } from "../assets/item.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { deleteSource } from "../import/delete-imported-source.ts";
import { isInFeed, unread, type ImportedFile, type ImportStatus } from "../import/outcome.ts";
import { fileProblem } from "../local-files/file-source.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { readLocalFile } from "../local-files/read-local-file.ts";
import type { IntakeOptions, OpenIntake } from "./intake-contract.ts";

/** Limits of a batch, which is recorded in one transaction: number of files and their total size. */
const BATCH = 256;
const BATCH_BYTES = 256 * 1024 * 1024;

/** The import status for each asset status. */
const importStatus: Record<AssetStatus, ImportStatus> = {
  stored: "imported",
  overwritten: "overwritten",
  unchanged: "existing",
  skipped: "skipped",
  conflict: "conflict",
  invalid: "invalid",
  failed: "failed",
};

/** A file of the drop path, with the asset made from it or the reason why it is not imported. */
interface ReadFile {
  found: FoundFile;
  read: AssetItem | ImportedFile;
}

/**
 * Stores files of a drop path in an asset directory, under their paths relative to the drop path. Unlike in an upload,
 * an invalid name does not stop the other files: they may come from other users.
 */
export async function openAssetIntake(context: Context, options: IntakeOptions): Promise<OpenIntake> {
  const { feed: directory, command, dryRun, overwrite, pathOf } = options;
  const { db } = await context.catalog();
  const assets = await openAssetTarget(context, { directory, command, dryRun, proof: "whole" });
  const { feed } = assets;

  return {
    async *importFiles(files) {
      await using store = await openFeedStore(context, db, feed);
      for await (const batch of oneAhead(readAll(files, store))) {
        const results = await importBatch(batch, store);
        for (const { found } of batch) {
          const result = results.get(found);
          if (result === undefined) throw new Error(`${found.path} has no result`);
          const outcome = { found, result: { ...result, key: pathOf(found.path) } };
          yield dryRun || !isInFeed(result) ? outcome : await deleteSource(outcome);
        }
      }
    },
    finish: (summary) => assets.finish(summary),
    [Symbol.asyncDispose]: () => assets[Symbol.asyncDispose](),
  };

  async function importBatch(batch: readonly ReadFile[], store: Store): Promise<Map<FoundFile, ImportedFile>> {
    const results = new Map<FoundFile, ImportedFile>();
    // checked again, now that the previous batch is recorded: its names may conflict with these
    const bad = await badNames(
      batch.flatMap(({ found, read }) => ("put" in read ? [found] : [])),
      store,
    );
    const foundOf = new Map<AssetItem, FoundFile>();
    for (const { found, read } of batch) {
      const problem = bad.get(found.path);
      if (!("put" in read)) results.set(found, read);
      else if (problem !== undefined) results.set(found, problem);
      else foundOf.set(read, found);
    }
    for await (const { item, outcome } of assets.store([...foundOf.keys()], overwrite ? "replace" : "fail"))
      results.set(foundOf.get(item) as FoundFile, importedFile(outcome));
    return results;
  }

  /** Reads files in batches. `oneAhead` makes it read a batch while the previous one is stored and recorded. */
  async function* readAll(files: AsyncIterable<FoundFile>, store: Store): AsyncGenerator<ReadFile[]> {
    const most = { size: ({ file }: FoundFile) => file.size, most: BATCH_BYTES };
    for await (const batch of inBatches(files, BATCH, most)) {
      // files whose names are refused need not be read
      const bad = await badNames(batch, store);
      const reading = mapParallel(batch, context.concurrency, async (found) => ({
        found,
        read: bad.get(found.path) ?? (await readFile(found)),
      }));
      const read = new Map((await Array.fromAsync(reading)).map((each) => [each.found, each]));
      yield batch.map((found) => read.get(found) as ReadFile);
    }
  }

  /** Results for files whose names are invalid or conflict with each other or with existing assets, by path. */
  async function badNames(files: readonly FoundFile[], store: Store): Promise<Map<string, ImportedFile>> {
    const names = files.map(({ path: from }) => ({ path: pathOf(from), folder: false, from }));
    const problems = (await checkNames(db, { feedId: feed.id, store, names })).toReversed();
    return new Map(problems.map(({ from, status, reason }) => [from, unread(from, status, reason)]));
  }

  async function readFile({ path, file, mark }: FoundFile): Promise<AssetItem | ImportedFile> {
    const name = pathOf(path);
    try {
      const { size } = file;
      const { source, hashes, head } = await readLocalFile(file.path, mark, context.signal);
      const key = parseKey(name);
      return {
        key,
        from: path,
        local: file.path,
        size,
        hashes,
        detectedType: await detectType(name, { head, size }),
        modifiedAt: new Date(Math.floor(fileTime(mark.mtimeMs))),
        put: (store, how) => store.put(key, source, how),
        problem: (failure) => fileProblem({ size, path: file.path, pathTag: tagOf(mark) }, failure),
      };
    } catch (error) {
      if (!isFeedctlError(error) || error.code === "interrupted") throw error;
      return unread(path, "failed", error.message);
    }
  }
}

function importedFile({ from, status, size, reason, restored }: AssetOutcome): ImportedFile {
  return {
    ...unread(from, restored ? "restored" : importStatus[status], ""),
    size: size ?? null,
    reason: reason ?? null,
  };
}
