import { fileTotals, listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { currentStores, forgetMark, lockPlaces, pinPlace, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, locationName, overlap } from "../../stores/location.ts";
import { requireProvider } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { defaultDirectory } from "../feed-store/default-directory.ts";
import { followsSettings } from "../feed-store/open-feed-store.ts";
import { refuseOverlaps, type WantedPlace } from "../feed-store/occupied-places.ts";
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
  await lockPlaces(db); // nobody creates a feed meanwhile in the directory that the settings had before
  const stores = await currentStores(db);
  const totals = await fileTotals(db);
  const moved: MovedFeed[] = [];
  const wanted: WantedPlace[] = [];
  for (const feed of await listFeeds(db)) {
    const store = stores.get(feed.id);
    if (store === undefined) continue;
    if (!followsSettings(store.type, store.options)) {
      await unpin(db, feed, store, change);
      continue;
    }
    const to = defaultDirectory(change.after, feed).path;
    if (defaultDirectory(change.before, feed).path !== to) wanted.push({ feed, location: directoryLocation(to) });
    const move = planMove({ feed, store, change, totals: totals.get(feed.id) ?? noFiles }, keepFeeds);
    if (move === undefined) continue;
    moved.push(move);
    if (move.kept) {
      const location = directoryLocation(move.from);
      await pinPlace(
        db,
        store.id,
        { options: { [requireProvider(store.type).pathOption]: move.from }, location },
        true,
      );
    } else if (!totals.has(feed.id) && store.marked_at !== null) await forgetMark(db, store.id);
  }
  if (wanted.length > 0) await refuseOverlaps(context, db, wanted);
  return moved;
}

const noFiles = { files: 0, bytes: 0 };

/** How the change moves a feed; undefined when it stays where it is. */
function planMove(
  {
    feed,
    store,
    change,
    totals,
  }: { feed: FeedRow; store: StoreRow; change: SettingsChange; totals: { files: number; bytes: number } },
  keepFeeds: boolean,
): MovedFeed | undefined {
  const previous = defaultDirectory(change.before, feed).path;
  const to = defaultDirectory(change.after, feed).path;
  // where the marker is, the files are: an earlier change may have left them behind
  const marked = totals.files > 0 ? store.marked_location : null;
  const elsewhere = marked !== null && overlap(marked, directoryLocation(previous)) !== "same";
  const from = elsewhere ? locationName(marked) : previous;
  const isBack = marked !== null && overlap(marked, directoryLocation(to)) === "same";
  const kept = keepFeeds && !isBack;
  if (previous === to && !(elsewhere && kept)) return undefined;
  return { id: feed.id, feed: feed.name, from, to, kept, ...(isBack ? noFiles : totals) };
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
