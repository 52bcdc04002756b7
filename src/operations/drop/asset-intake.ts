import { isFeedctlError } from "../../errors.ts";
import { detectType } from "../../lib/detect-type.ts";
import { inBatches, mapParallel, oneAhead } from "../../lib/parallel.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import type { AssetItem, AssetStatus } from "../assets/item.ts";
import { openAssetLane } from "../assets/asset-target.ts";
import { checkNames } from "../assets/check-names.ts";
import type { Context } from "../context.ts";
import type { IntakeOptions, OpenIntake } from "./intake-contract.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { fileProblem } from "../local-files/file-source.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { isThere, unread, type ImportedFile, type ImportStatus } from "../import/outcome.ts";
import { readLocalFile } from "../local-files/read-local-file.ts";
import { moveAway } from "../import/delete-imported-source.ts";

/** So many files, or so many bytes of them, are recorded at once. */
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

/**
 * Takes files of a drop path into an asset directory, each under its path there. Unlike in an upload a name that cannot
 * be stops nobody else: whoever has dropped the others knows nothing of it.
 */
export async function openAssetIntake(context: Context, options: IntakeOptions): Promise<OpenIntake> {
  const { feed: directory, command, dryRun, overwrite, pathOf } = options;
  const { db } = await context.catalog();
  const lane = await openAssetLane(context, { directory, command, dryRun, prove: true });
  const { feed } = lane;

  return {
    async *take(files) {
      await using store = await openFeedStore(context, db, feed);
      for await (const { batch, found } of oneAhead(readAll(files, store))) {
        const answers = new Map<string, ImportedFile>();
        const items = new Map<string, AssetItem>();
        for (const each of found) {
          if ("status" in each) answers.set(each.file, each);
          else items.set(each.from, each);
        }
        // once more, now that the batch before is recorded: what it brought may stand in the way
        for (const [from, answer] of await badNames([...items.keys()], store))
          if (items.delete(from)) answers.set(from, answer);
        for await (const outcome of lane.take([...items.values()], overwrite ? "replace" : "fail")) {
          const { from, status, size = null, reason = null, restored } = outcome;
          const told = unread(from, restored ? "restored" : words[status], "");
          answers.set(from, { ...told, size, reason });
        }
        for (const source of batch) {
          const answer = answers.get(source.path);
          if (answer === undefined) throw new Error(`nobody answered for ${source.path}`);
          const outcome = { found: source, result: { ...answer, key: pathOf(source.path) } };
          yield dryRun || !isThere(answer) ? outcome : await moveAway(outcome);
        }
      }
    },
    finish: (summary) => lane.finish(summary),
    [Symbol.asyncDispose]: () => lane[Symbol.asyncDispose](),
  };

  /** While one batch is being stored and recorded the next one is read. */
  async function* readAll(files: AsyncIterable<FoundFile>, store: Store) {
    const most = { size: ({ file }: FoundFile) => file.size, most: BATCH_BYTES };
    for await (const batch of inBatches(files, BATCH, most)) {
      // of what cannot be taken gigabytes need not be read
      const bad = await badNames(
        batch.map(({ path }) => path),
        store,
      );
      const answers = mapParallel(batch, context.concurrency, async (file) => bad.get(file.path) ?? (await read(file)));
      yield { batch, found: await Array.fromAsync(answers) };
    }
  }

  /** Files whose names can not be, by themselves, beside one another, or beside what is there. */
  async function badNames(paths: readonly string[], store: Store): Promise<Map<string, ImportedFile>> {
    const names = paths.map((from) => ({ path: pathOf(from), folder: false, from }));
    const problems = (await checkNames(db, { feedId: feed.id, store, names })).toReversed();
    return new Map(problems.map(({ from, status, reason }) => [from, unread(from, status, reason)]));
  }

  async function read({ path, file, mark }: FoundFile): Promise<AssetItem | ImportedFile> {
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
