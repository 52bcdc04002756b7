import { feedTotals, listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { findCurrentStore, forgetMark, pinPlace, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, locationName, overlap } from "../../stores/location.ts";
import { requireProvider } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { defaultDirectory } from "../feed-store/default-directory.ts";
import { followsSettings } from "../feed-store/open-feed-store.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import type { Setting } from "../feed-store/setting-names.ts";

/** A feed whose default directory a change of the settings moves. */
export interface MovedFeed {
  id: number;
  feed: string;
  from: string;
  to: string;
  /** The feed keeps using `from` until it is migrated. */
  kept: boolean;
  /** Its catalogued files, which stay in `from`. None when `to` is where they already are. */
  files: number;
  bytes: number;
}

/** Effective settings by name, before and after a change. */
export interface SettingsChange {
  before: ReadonlyMap<string, Setting>;
  after: ReadonlyMap<string, Setting>;
}

/**
 * Lists the feeds whose default directory the change moves, and records what follows from it: with `keepFeeds` the
 * directories that hold files become explicit, to be migrated; a directory that was made explicit so follows the
 * settings again when they lead back to it. Call it in the transaction that changes the settings. Throws `conflict`
 * when a new directory overlaps another store.
 */
export async function moveFeeds(
  context: Context,
  db: Db,
  change: SettingsChange,
  keepFeeds: boolean,
): Promise<MovedFeed[]> {
  const moved: MovedFeed[] = [];
  for (const feed of await listFeeds(db)) {
    const store = await findCurrentStore(db, feed.id);
    if (store === undefined) continue;
    if (!followsSettings(store.type, store.options)) await unpin(db, feed, store, change);
    else {
      const move = await moveFeed(context, db, { feed, store, change }, keepFeeds);
      if (move !== undefined) moved.push(move);
    }
  }
  return moved;
}

async function moveFeed(
  context: Context,
  db: Db,
  { feed, store, change }: { feed: FeedRow; store: StoreRow; change: SettingsChange },
  keepFeeds: boolean,
): Promise<MovedFeed | undefined> {
  const previous = defaultDirectory(change.before, feed).path;
  const to = defaultDirectory(change.after, feed).path;
  const { files, bytes } = await feedTotals(db, feed.id);
  // where the marker is, the files are: an earlier change may have left them behind
  const marked = files > 0 ? store.marked_location : null;
  const elsewhere = marked !== null && overlap(marked, directoryLocation(previous)) !== "same";
  const from = elsewhere ? locationName(marked) : previous;
  if (previous === to && !elsewhere) return undefined;
  if (previous !== to) await refuseOverlap(context, db, feed, directoryLocation(to));
  const isBack = marked !== null && overlap(marked, directoryLocation(to)) === "same";
  const kept = keepFeeds && !isBack;
  if (previous === to && !kept) return undefined;
  if (kept) {
    const path = { options: { [requireProvider(store.type).pathOption]: from }, location: directoryLocation(from) };
    await pinPlace(db, store.id, path, true);
  } else if (files === 0) await forgetMark(db, store.id);
  return { id: feed.id, feed: feed.name, from, to, kept, ...(isBack ? { files: 0, bytes: 0 } : { files, bytes }) };
}

/** Undoes `keepFeeds` for a feed whose default directory is the explicit one again. */
async function unpin(db: Db, feed: FeedRow, store: StoreRow, { after }: SettingsChange): Promise<void> {
  if (!store.pinned || store.location === null) return;
  if (overlap(store.location, directoryLocation(defaultDirectory(after, feed).path)) !== "same") return;
  await pinPlace(db, store.id, { options: {}, location: null }, false);
}

/** Throws `refused` when feeds would no longer find their files. */
export function refuseToLeaveFiles(name: string, moved: readonly MovedFeed[]): void {
  const left = moved.filter(({ files, kept }) => files > 0 && !kept);
  const [first] = left;
  if (first === undefined) return;
  const feeds = left.length === 1 ? `feed "${first.feed}"` : `${left.length} feeds`;
  throw new FeedctlError("refused", `changing ${name} would leave the files of ${feeds} behind in ${first.from}`, {
    hint: "nothing was changed; to move the files as well: --migrate; to leave them: --yes",
  });
}
