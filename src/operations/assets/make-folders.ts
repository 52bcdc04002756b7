import { listFolderConflicts, foldersAbove, insertFolders } from "../../catalog/assets/folders.ts";
import { lockRows } from "../../catalog/packages.ts";
import { FeedctlError } from "../../errors.ts";
import { obstacleReason } from "./match-assets.ts";
import { openAssetTarget } from "./asset-target.ts";
import { parseFolder } from "./paths.ts";
import type { Context } from "../context.ts";
import type { FeedWriter } from "../commit/feed-writer.ts";

/** Makes folders with those that they lie in; what is there stays. Returns how many were made. */
export async function makeFolders(context: Context, writer: FeedWriter, paths: readonly string[]): Promise<number> {
  if (paths.length === 0) return 0;
  const { db } = await context.catalog();
  return writer.write(async (target) =>
    db.transaction().execute(async (transaction) => {
      await target.assertHeld();
      const { feed, run } = target;
      await lockRows(transaction, feed.id, "exclusive");
      const [obstacle] = (await listFolderConflicts(transaction, feed.id, paths)).values();
      if (obstacle !== undefined) throw new FeedctlError("conflict", obstacleReason(obstacle));
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
  /** How many folders came into being; none where it was there. */
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
