import { join } from "node:path";
import { deleteEmptyFolders, foldersBelow } from "../../catalog/assets/folders.ts";
import { lockRows } from "../../catalog/packages.ts";
import { listFolder } from "../../lib/files/list-folder.ts";
import { diskError } from "../../stores/disk/index.ts";
import { locationOf } from "../../stores/location.ts";
import { directoryConfig } from "../../stores/providers.ts";
import { openAssetTarget, type AssetTarget } from "./asset-target.ts";
import { assetPathProblem, inside } from "./paths.ts";
import { openAssetView } from "./sync-target.ts";
import { commit } from "../commit/commit.ts";
import { tryFinishPending } from "../commit/feed-writer.ts";
import { addKept, type KeptBlobs } from "../feed-store/store-traits.ts";
import type { Context } from "../context.ts";
import { openFeedStore, requireStore, storeConfig } from "../feed-store/open-feed-store.ts";
import { makeFolders } from "./make-folders.ts";
import type { Filter } from "../mirror/filter.ts";
import type { MirrorEvent, MirrorSummary } from "../mirror/tally.ts";
import type { MirrorInput } from "../mirror/mirror-run.ts";
import { runMirror } from "../mirror/mirror.ts";

export interface SyncInput extends Omit<MirrorInput, "source" | "target" | "through" | "folders"> {
  /** A local folder. */
  local: string;
  directory: string;
  /** The folder of the directory that is made equal to it. */
  to: string;
}

/**
 * Mirrors a local folder to a folder of an asset directory, with the guards of `mirror`. Also mirrors empty folders.
 */
export async function* syncAssets(context: Context, input: SyncInput): AsyncGenerator<MirrorEvent> {
  const { directory, local, to, dryRun, noDelete } = input;
  await using assets = await openAssetTarget(context, { directory, command: "asset sync", dryRun });
  const { db } = await context.catalog();
  const { feed } = assets;
  const config = await storeConfig(context, db, feed, await requireStore(db, feed));
  const own = directoryConfig(local);
  const skip = to === "" ? 0 : to.length + 1;
  const folders = new Set<string>();
  for await (const { path } of foldersBelow(db, feed.id, to)) folders.add(path.slice(skip));
  let kept: KeptBlobs | null = null;
  const onKept = (more: KeptBlobs | null) => void (kept = addKept(kept, more));
  const view = { folder: to, folders, onKept };
  const through = openAssetView(context, assets, await openFeedStore(context, db, feed), view);
  let summary: MirrorSummary | undefined;
  try {
    const source = { text: local, config: own, location: locationOf(own) };
    const target = { text: directory, config, location: locationOf(config), feed };
    const events = runMirror(context, {
      ...input,
      source,
      target,
      through,
      folders,
    });
    for await (const event of events) {
      if (event.type === "summary") summary = event;
      else yield event;
    }
    if (summary !== undefined && assets.writer !== undefined) {
      const complete = summary.failed + summary.mismatch === 0 && summary.notDeleted === undefined;
      await equalFolders(context, assets, { local, to, filter: input.filter, prune: complete && !noDelete });
      summary.keptByProvider = addKept(kept, await tryFinishPending(context, assets.writer, { failed: true }));
      await assets.finish(summary);
    }
  } finally {
    if (summary !== undefined) yield summary;
  }
}

/** Creates the local folders that pass the filter. With `prune`, deletes empty folders that do not exist locally. */
async function equalFolders(
  context: Context,
  { feed, writer }: AssetTarget,
  { local, to, filter, prune }: { local: string; to: string; filter: Filter; prune: boolean },
): Promise<void> {
  if (writer === undefined) return;
  const { db } = await context.catalog();
  const wanted = new Set<string>(to === "" ? [] : [to]);
  const isSelected = (path: string) => assetPathProblem(inside(to, path)) === undefined && filter(path);
  for await (const path of localFolders(local, "")) if (isSelected(path)) wanted.add(inside(to, path));
  await makeFolders(context, writer, [...wanted]);
  if (!prune) return;
  const extra: string[] = [];
  const skip = to === "" ? 0 : to.length + 1;
  for await (const { path } of foldersBelow(db, feed.id, to))
    if (!wanted.has(path) && isSelected(path.slice(skip))) extra.push(path);
  // innermost first, so that their parents are empty in turn
  extra.reverse();
  await writer.write(async (target) =>
    commit(db, [target], async (transaction) => {
      await lockRows(transaction, feed.id, "exclusive");
      for (let gone = 1; gone > 0 && extra.length > 0;)
        gone = (await deleteEmptyFolders(transaction, feed.id, extra)).length;
    }),
  );
}

async function* localFolders(folder: string, path: string): AsyncGenerator<string> {
  const { entries } = await listFolder(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return { entries: [] }; // deleted meanwhile
    throw diskError(error, "read", folder);
  });
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const inner = path === "" ? entry.name : `${path}/${entry.name}`;
    yield inner;
    yield* localFolders(join(folder, entry.name), inner);
  }
}
