import { listFeedsWithDropPath } from "../../catalog/drops.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db, StoreRole } from "../../catalog/schema/core.ts";
import { listLiveStores, lockPlaces } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { createLineages, kinship, type Lineage } from "../../lib/files/lineage.ts";
import { directoryLocation, locationName, overlap, type Overlap } from "../../stores/location.ts";
import type { Location } from "../../lib/location.ts";
import { requireProvider } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { loadSettings } from "./effective-settings.ts";
import { defaultDirectory } from "./default-directory.ts";

/** A location that a feed uses: a store that is not retired, or a drop path. */
export interface OccupiedPlace {
  feedId: number;
  /** The feed's name in messages. */
  owner: string;
  what: StoreRole | "drop path";
  location: Location;
  /** Undefined when the place is not a directory on this machine. */
  lineage(): Lineage | undefined;
}

const words = { same: "is", inside: "lies inside", contains: "contains" };
const places = { current: "store", target: "future store", previous: "earlier store", "drop path": "drop path" };

/** The locations of all stores that are not retired, and of all drop paths. */
export async function occupiedPlaces(context: Context, db: Db): Promise<OccupiedPlace[]> {
  const settings = await loadSettings(context, db);
  const occupied: OccupiedPlace[] = [];
  const lineageOf = lineagesOf();
  const add = (place: Omit<OccupiedPlace, "lineage">) => {
    let known: { lineage: Lineage | undefined } | undefined;
    occupied.push({ ...place, lineage: () => (known ??= { lineage: lineageOf(place.location) }).lineage });
  };
  for (const row of await listLiveStores(db)) {
    // an earlier version did not save the endpoint of the environment: the place that the marker proved counts
    const saved =
      row.location === null || requireProvider(row.type).isLocal ? row.location : (row.marked_location ?? row.location);
    if (saved === null && row.feed_type === null) continue;
    const feed = { id: row.feed_id, type: row.feed_type ?? "" };
    const location = saved ?? directoryLocation(defaultDirectory(settings, feed).path);
    const owner = `feed "${row.feed_name ?? `#${row.feed_id} (deleted)`}"`;
    add({ feedId: row.feed_id, owner, what: row.role, location });
  }
  for (const feed of await listFeedsWithDropPath(db)) {
    const location = directoryLocation(feed.drop_path ?? "");
    add({ feedId: feed.id, owner: `feed "${feed.name}"`, what: "drop path", location });
  }
  return occupied;
}

/** Looks at the directories of this machine; undefined for other locations. */
function lineagesOf(): (location: Location) => Lineage | undefined {
  const lineages = createLineages();
  return (location) => (requireProvider(location.type).isLocal ? lineages(locationName(location)) : undefined);
}

/**
 * How a directory overlaps each occupied place; undefined when it does not. Names are compared, and directories
 * themselves: one that is mounted at a second place has two names.
 */
export function overlapsOf(location: Location): (place: OccupiedPlace) => Overlap | undefined {
  const lineage = lineagesOf()(location);
  return (place) => {
    const byName = overlap(location, place.location);
    if (byName !== undefined || lineage === undefined) return byName;
    const other = place.lineage();
    return other && kinship(lineage, other);
  };
}

/** A location that a feed is about to use as its store. */
export interface WantedPlace {
  feed: Pick<FeedRow, "id" | "name">;
  location: Location;
}

/** As `refuseOverlaps`, for one feed. */
export async function refuseOverlap(context: Context, db: Db, feed: FeedRow, location: Location): Promise<void> {
  await refuseOverlaps(context, db, [{ feed, location }]);
}

/**
 * Throws `conflict` when a location equals, contains or is inside another feed's store, or any drop path, whose files
 * would be imported and deleted. The feed's own earlier stores may be reused, but not nested. Call it in the
 * transaction that records the locations: it locks out other changes of locations until the end.
 */
export async function refuseOverlaps(context: Context, db: Db, wanted: readonly WantedPlace[]): Promise<void> {
  await lockPlaces(db);
  const occupied = await occupiedPlaces(context, db);
  for (const { feed, location } of wanted) {
    const overlapOf = overlapsOf(location);
    for (const place of occupied) {
      // whether a store is another's under a second name is proven by its marker
      const how = place.what === "drop path" ? overlapOf(place) : overlap(location, place.location);
      const own = place.feedId === feed.id;
      if (how === undefined || (how === "same" && own && place.what !== "drop path")) continue;
      const whose = own ? "its own" : `${place.owner}'s`;
      // a user who looks for a free location need not know of the migration
      const what = place.what === "target" ? "earlier store" : places[place.what];
      throw new FeedctlError("conflict", `the location of feed "${feed.name}" ${words[how]} ${whose} ${what}`, {
        hint:
          place.what === "drop path"
            ? "a drop path is emptied; choose another location, or: feedctl drop clear"
            : "choose another path, bucket or target path: two feeds must not share files",
      });
    }
  }
}

/**
 * Throws `conflict` when a drop path overlaps a store, whose files would be imported and deleted, or another feed's
 * drop path. The feed's own earlier store is allowed: that moves its files to the current store.
 */
export function refuseDropOverlap(feed: FeedRow, path: string, occupied: readonly OccupiedPlace[]): void {
  const overlapOf = overlapsOf(directoryLocation(path));
  for (const place of occupied) {
    const how = overlapOf(place);
    const own = place.feedId === feed.id;
    if (how === undefined || (own && place.what === "drop path")) continue;
    if (own && place.what === "previous" && how !== "contains") continue;
    const whose = own ? "its own" : `${place.owner}'s`;
    throw new FeedctlError(
      "conflict",
      `the drop path of feed "${feed.name}" ${words[how]} ${whose} ${places[place.what]}`,
      {
        hint: "its files would be deleted; choose a directory that no feed uses",
      },
    );
  }
}
