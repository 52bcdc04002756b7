import { listFolderConflicts, foldersAbove, insertFolders } from "../../catalog/assets/folders.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { conflictReason } from "./match-assets.ts";
import { openAssetTarget } from "./asset-target.ts";
import { parseFolder } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { FeedWriter } from "../commit/feed-writer.ts";

/**
 * Creates folders and their parents; none without a writer, in a dry run. Returns how many were created. Throws
 * `conflict` where a file has such a path.
 */
export async function makeFolders(
  context: Context,
  writer: FeedWriter | undefined,
  paths: readonly string[],
): Promise<number> {
  if (writer === undefined || paths.length === 0) return 0;
  const { db } = await context.catalog();
  return writer.write(async (target) =>
    commit(db, [target], async (transaction) => {
      const { feed, run } = target;
      await lockRows(transaction, feed.id, "exclusive");
      const [conflict] = (await listFolderConflicts(transaction, feed.id, paths)).values();
      if (conflict !== undefined)
        throw new FeedctlError("conflict", `could not create the folder ${conflict.path}: ${conflictReason(conflict)}`);
      const wanted = paths.flatMap((path) => [...foldersAbove(path), path]);
      const made = await insertFolders(transaction, feed.id, wanted, context.now());
      await run.audit(
        transaction,
        made.map((path) => ({ action: "folder made", object: path })),
      );
      return made.length;
    }),
  );
}

export interface MadeFolder {
  directory: string;
  path: string;
  /** How many folders were created, parents included; 0 if it existed. */
  created: number;
}

export async function makeFolder(context: Context, directory: string, text: string): Promise<MadeFolder> {
  await using assets = await openAssetTarget(context, { directory, command: "asset mkdir" });
  const path = parseFolder(text);
  const created = assets.writer === undefined || path === "" ? 0 : await makeFolders(context, assets.writer, [path]);
  const made = { directory: assets.feed.name, path, created };
  await assets.run?.finish(made);
  return made;
}
