import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { diskError } from "../../stores/disk/index.ts";
import { directoryLocation, locationName, overlap } from "../../stores/location.ts";
import type { Location } from "../../lib/location.ts";
import { isDirectory } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import type { Place } from "./parse-location.ts";

/**
 * Throws `refused` when source and target overlap; when the target overlaps the store of a feed, whose rows would no
 * longer match its files, or an earlier store that is not retired; when it overlaps a drop path, whose packages would be deleted before they are imported; and
 * when it holds feedctl's own data. `recorded`: the target records its changes in the catalog, so that only the first
 * is checked.
 */
export async function refuseUnsafePlaces(
  context: Context,
  source: Place,
  target: Place,
  recorded = false,
): Promise<void> {
  const how = overlap(source.location, target.location);
  if (how !== undefined) {
    const words = {
      same: "are the same place",
      inside: "overlap: the source lies inside the target",
      contains: "overlap: the target lies inside the source",
    }[how];
    throw new FeedctlError(
      "refused",
      `source and target ${words} (${locationName(source.location)}, ${locationName(target.location)})`,
      { hint: "nothing was changed" },
    );
  }
  if (recorded) return;
  refuseOwnData(context, target);
  if (target.feed !== undefined) throw liveStore(target.feed.name, target.location);
  await context.withCatalog(async ({ db }) => {
    // Imported only when a catalog exists: loading the SQL library takes most of the start-up time.
    const [{ listLiveStores }, { listFeeds }, { listFeedsWithDropPath }, { loadSettings }, { defaultDirectory }] =
      await Promise.all([
        import("../../catalog/stores.ts"),
        import("../../catalog/feeds.ts"),
        import("../../catalog/drops.ts"),
        import("../feed-store/effective-settings.ts"),
        import("../feed-store/default-directory.ts"),
      ]);
    const settings = await loadSettings(context, db);
    const feeds = new Map((await listFeeds(db)).map((feed) => [feed.id, feed]));
    for (const row of await listLiveStores(db)) {
      const feed = feeds.get(row.feed_id);
      if (feed === undefined) continue;
      const place = row.location ?? directoryLocation(defaultDirectory(settings, feed).path);
      if (overlap(target.location, place) === undefined) continue;
      throw row.role === "previous"
        ? earlierStore(locationName(target.location), feed.name)
        : liveStore(feed.name, target.location);
    }
    for (const { name, drop_path: path } of await listFeedsWithDropPath(db)) {
      if (path === null || overlap(target.location, directoryLocation(path)) === undefined) continue;
      throw dropPath(name, path, target.location);
    }
  });
}

function liveStore(feed: string, location: Location): FeedctlError {
  return new FeedctlError(
    "refused",
    `${locationName(location)} holds the live files of feed "${feed}"; a mirror would delete files of the catalog`,
    {
      hint: `to move a feed: feedctl migrate run ${feed}; to add packages: feedctl import ${feed}`,
    },
  );
}

/** Throwing it keeps what may be the only copies: `store set` moves no file. `isMarked`: the marker says whose store it is. */
export function earlierStore(place: string, feed: string, isMarked = false): FeedctlError {
  const says = isMarked ? ", as its marker says" : "";
  const copy = isMarked ? "; if it is only a copy of them, delete the file .feedctl-store there" : "";
  return new FeedctlError(
    "refused",
    `${place} holds files of feed "${feed}", which has left it${says}; a mirror would delete them`,
    { hint: `nothing was changed; after a migration: feedctl migrate retire ${feed}${copy}` },
  );
}

function dropPath(feed: string, path: string, location: Location): FeedctlError {
  return new FeedctlError(
    "refused",
    `${locationName(location)} overlaps the drop path of feed "${feed}" (${path}); a mirror would delete packages ` +
      `that are not imported yet, and the files that it copies would be imported and deleted`,
    { hint: `to add packages: feedctl import ${feed}; to stop using the drop path: feedctl drop clear ${feed}` },
  );
}

/** A mirror must not delete the catalog or the journals of mirrors. Other folders of the data directory are allowed. */
function refuseOwnData({ dataDir }: Context, target: Place): void {
  const own = (name: string) => overlap(target.location, directoryLocation(join(dataDir, name)));
  if (["catalog", "mirrors"].every((name) => own(name) === undefined)) return;
  throw new FeedctlError("refused", `${locationName(target.location)} holds feedctl's own data (${dataDir})`, {
    hint: "nothing was changed; choose another target",
  });
}

/**
 * Throws `not-found` when a local source does not exist. Its listing would be empty, and the target would be emptied.
 */
export async function requireSource({ config, text }: Place): Promise<void> {
  if (!isDirectory(config)) return;
  const stats = await stat(config.path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw diskError(error, "read", config.path);
  });
  if (stats === undefined) throw new FeedctlError("not-found", `the source ${text} does not exist (${config.path})`);
  if (!stats.isDirectory()) throw new FeedctlError("usage", `the source ${text} is not a directory (${config.path})`);
}
