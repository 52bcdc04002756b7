import { isFeedctlError } from "../../errors.ts";
import { detectType } from "../../lib/detect-type.ts";
import { inBatches, mapParallel, oneAhead } from "../../lib/parallel.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import { openAssetTarget } from "../assets/asset-target.ts";
import { checkNames } from "../assets/check-names.ts";
import type { AssetItem, AssetOutcome, AssetStatus } from "../assets/item.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { moveAway } from "../import/delete-imported-source.ts";
import { isThere, unread, type ImportedFile, type ImportStatus } from "../import/outcome.ts";
import { fileProblem } from "../local-files/file-source.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { readLocalFile } from "../local-files/read-local-file.ts";
import type { IntakeOptions, OpenIntake } from "./intake-contract.ts";

/** The largest batch that is recorded at once. */
const BATCH = 256;
const BATCH_BYTES = 256 * 1024 * 1024;

const words: Record<AssetStatus, ImportStatus> = {
  stored: "imported",
  overwritten: "overwritten",
  unchanged: "existing",
  skipped: "skipped",
  conflict: "conflict",
  invalid: "invalid",
  failed: "failed",
};

/** A file of the drop path, and what it is to become or why it cannot. */
interface ReadFile {
  found: FoundFile;
  read: AssetItem | ImportedFile;
}

/**
 * Stores files of a drop path in an asset directory, each under its path there. Unlike in an upload a bad name stops
 * nobody else: whoever has dropped the others knows nothing of it.
 */
export async function openAssetIntake(context: Context, options: IntakeOptions): Promise<OpenIntake> {
  const { feed: directory, command, dryRun, overwrite, pathOf } = options;
  const { db } = await context.catalog();
  const assets = await openAssetTarget(context, { directory, command, dryRun, prove: true });
  const { feed } = assets;

  return {
    async *take(files) {
      await using store = await openFeedStore(context, db, feed);
      for await (const batch of oneAhead(readAll(files, store))) {
        const results = await importBatch(batch, store);
        for (const { found } of batch) {
          const result = results.get(found);
          if (result === undefined) throw new Error(`nobody answered for ${found.path}`);
          const outcome = { found, result: { ...result, key: pathOf(found.path) } };
          yield dryRun || !isThere(result) ? outcome : await moveAway(outcome);
        }
      }
    },
    finish: (summary) => assets.finish(summary),
    [Symbol.asyncDispose]: () => assets[Symbol.asyncDispose](),
  };

  async function importBatch(batch: readonly ReadFile[], store: Store): Promise<Map<FoundFile, ImportedFile>> {
    const results = new Map<FoundFile, ImportedFile>();
    // once more, now that the batch before is recorded: its files may be in the way
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

  /** While one batch is being stored and recorded the next one is read. */
  async function* readAll(files: AsyncIterable<FoundFile>, store: Store): AsyncGenerator<ReadFile[]> {
    const most = { size: ({ file }: FoundFile) => file.size, most: BATCH_BYTES };
    for await (const batch of inBatches(files, BATCH, most)) {
      // of what cannot be stored gigabytes need not be read
      const bad = await badNames(batch, store);
      const reading = mapParallel(batch, context.concurrency, async (found) => ({
        found,
        read: bad.get(found.path) ?? (await readFile(found)),
      }));
      const read = new Map((await Array.fromAsync(reading)).map((each) => [each.found, each]));
      yield batch.map((found) => read.get(found) as ReadFile);
    }
  }

  /** Files whose names are bad by themselves, beside one another, or beside what is there; by their paths. */
  async function badNames(files: readonly FoundFile[], store: Store): Promise<Map<string, ImportedFile>> {
    const names = files.map(({ path: from }) => ({ path: pathOf(from), folder: false, from }));
    const problems = (await checkNames(db, { feedId: feed.id, store, names })).toReversed();
    return new Map(problems.map(({ from, status, reason }) => [from, unread(from, status, reason)]));
  }

  async function readFile({ path, file, mark }: FoundFile): Promise<AssetItem | ImportedFile> {
    const name = pathOf(path);
    try {
      const { size } = file;
      const { source, hashes, head } = await readLocalFile(file.path, size, context.signal);
      const key = parseKey(name);
      return {
        key,
        from: path,
        local: file.path,
        size,
        hashes,
        detectedType: await detectType(name, { head, size }),
        modifiedAt: new Date(Math.floor(mark.mtimeMs)),
        put: (store, how) => store.put(key, source, how),
        problem: (failure) => fileProblem({ ...source, path: file.path }, failure),
      };
    } catch (error) {
      if (!isFeedctlError(error) || error.code === "interrupted") throw error;
      return unread(path, "failed", error.message);
    }
  }
}

function importedFile({ from, status, size, reason, restored }: AssetOutcome): ImportedFile {
  return { ...unread(from, restored ? "restored" : words[status], ""), size: size ?? null, reason: reason ?? null };
}
