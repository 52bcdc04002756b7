import { readSettings } from "../catalog/settings.ts";
import { liveStores } from "../catalog/stores.ts";
import { listFeeds } from "../catalog/feeds.ts";
import { FeedctlError } from "../errors.ts";
import { locationName, locationOf, overlap, type Location } from "../stores/location.ts";
import type { Context } from "./context.ts";
import { settingsMap } from "./effective-settings.ts";
import { defaultDirectory } from "./feed-directory.ts";
import type { Place } from "./places.ts";

/** Refuses to mirror into oneself, and into a place where a feed lives: its files would no longer be the catalog's. */
export async function refuseUnsafePlaces(context: Context, source: Place, target: Place): Promise<void> {
  const how = overlap(source.location, target.location);
  if (how !== undefined) {
    const words = { same: "are the same place", inside: "overlap: the source lies inside the target", contains: "overlap: the target lies inside the source" }[how];
    throw new FeedctlError("refused", `source and target ${words} (${locationName(source.location)}, ${locationName(target.location)})`, { hint: "nothing was changed" });
  }
  if (target.feed !== undefined) throw liveStore(target.feed.name, target.location);
  await context.withCatalog(async ({ db }) => {
    const settings = settingsMap(context, await readSettings(db));
    const feeds = new Map((await listFeeds(db)).map((feed) => [feed.id, feed]));
    for (const row of await liveStores(db)) {
      const feed = feeds.get(row.feed_id);
      if (feed === undefined || row.role === "previous") continue;
      const place = (row.location as Location | null) ?? locationOf({ type: "disk", path: defaultDirectory(settings, feed).path });
      if (overlap(target.location, place) !== undefined) throw liveStore(feed.name, target.location);
    }
  });
}

function liveStore(feed: string, location: Location): FeedctlError {
  return new FeedctlError("refused", `${locationName(location)} holds the live files of feed "${feed}"; a mirror would delete what the catalog names`, {
    hint: `to move a feed: feedctl migrate run ${feed}; to add packages: feedctl import ${feed}`,
  });
}
