import { listFeedsWithDropPath } from "../../catalog/drops.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db, StoreRole } from "../../catalog/schema/core.ts";
import { readSettings } from "../../catalog/settings.ts";
import { listLiveStores, lockPlaces } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, overlap, type Location } from "../../stores/location.ts";
import type { Context } from "../context.ts";
import { settingsMap } from "./effective-settings.ts";
import { defaultDirectory } from "./default-directory.ts";

/** Where some feed's files are or may still lie, or where files are taken from. */
export interface Occupied {
  feedId: number;
  /** As messages name its owner. */
  owner: string;
  what: StoreRole | "drop path";
  location: Location;
}

const words = { same: "is", inside: "lies inside", contains: "contains" };
const places = { current: "store", target: "future store", previous: "earlier store", "drop path": "drop path" };

/** All stores that are not retired, and all drop paths. */
export async function occupiedPlaces(context: Context, db: Db): Promise<Occupied[]> {
  const settings = settingsMap(context, await readSettings(db));
  const occupied: Occupied[] = [];
  for (const row of await listLiveStores(db)) {
    const saved = row.location as Location | null;
    if (saved === null && row.feed_type === null) continue;
    const feed = { id: row.feed_id, type: row.feed_type ?? "" };
    const location = saved ?? directoryLocation(defaultDirectory(settings, feed).path);
    const owner = `feed "${row.feed_name ?? `#${row.feed_id} (deleted)`}"`;
    occupied.push({ feedId: row.feed_id, owner, what: row.role, location });
  }
  for (const feed of await listFeedsWithDropPath(db)) {
    const location = directoryLocation(feed.drop_path ?? "");
    occupied.push({ feedId: feed.id, owner: `feed "${feed.name}"`, what: "drop path", location });
  }
  return occupied;
}

/**
 * Refuses a location that is the same as, inside of, or around any place where another feed's files are or may lie, or
 * any drop path, whose files would be taken away. The feed's own earlier stores may be taken again as they were, but not
 * nested. In the transaction that records the location it also keeps everybody else from recording one until the end.
 */
export async function refuseOverlap(context: Context, db: Db, feed: FeedRow, location: Location): Promise<void> {
  await lockPlaces(db);
  for (const place of await occupiedPlaces(context, db)) {
    const how = overlap(location, place.location);
    const own = place.feedId === feed.id;
    if (how === undefined || (how === "same" && own && place.what !== "drop path")) continue;
    const whose = own ? "its own" : `${place.owner}'s`;
    // a migration's target is a store like any other to somebody who looks for a free place
    const what = place.what === "target" ? "earlier store" : places[place.what];
    throw new FeedctlError("conflict", `the location of feed "${feed.name}" ${words[how]} ${whose} ${what}`, {
      hint:
        place.what === "drop path"
          ? "a drop path is emptied; choose another location, or: feedctl drop clear"
          : "choose another path, bucket or target path; two feeds must never share files",
    });
  }
}

/**
 * Refuses a drop path where a store is, for its files would be taken for packages and deleted, and one that shares files
 * with another feed's. Only the feed's own earlier store may be emptied through it.
 */
export function refuseDropOverlap(feed: FeedRow, path: string, occupied: readonly Occupied[]): void {
  const location = directoryLocation(path);
  for (const place of occupied) {
    const how = overlap(location, place.location);
    const own = place.feedId === feed.id;
    if (how === undefined || (own && place.what === "drop path")) continue;
    if (own && place.what === "previous" && how !== "contains") continue;
    const whose = own ? "its own" : `${place.owner}'s`;
    throw new FeedctlError(
      "conflict",
      `the drop path of feed "${feed.name}" ${words[how]} ${whose} ${places[place.what]}`,
      {
        hint: "its files would be taken away; choose a directory that is nobody's",
      },
    );
  }
}
