import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { diskError } from "../../stores/disk/index.ts";
import { directoryLocation, locationName, overlap, type Location } from "../../stores/location.ts";
import { isDirectory } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import type { Place } from "./parse-location.ts";

/**
 * Refuses to mirror into oneself, and into a place where a feed lives or takes packages from: its files would no longer be the
 * catalog's, unless the catalog is told of them, or would go before they are imported.
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
    // Loaded only where there is a catalog: most of the time to start is that of the library for SQL.
    const [
      { readSettings },
      { listLiveStores },
      { listFeeds },
      { listFeedsWithDropPath },
      { settingsMap },
      { defaultDirectory },
    ] = await Promise.all([
      import("../../catalog/settings.ts"),
      import("../../catalog/stores.ts"),
      import("../../catalog/feeds.ts"),
      import("../../catalog/drops.ts"),
      import("../feed-store/effective-settings.ts"),
      import("../feed-store/default-directory.ts"),
    ]);
    const settings = settingsMap(context, await readSettings(db));
    const feeds = new Map((await listFeeds(db)).map((feed) => [feed.id, feed]));
    for (const row of await listLiveStores(db)) {
      const feed = feeds.get(row.feed_id);
      if (feed === undefined || row.role === "previous") continue;
      const place = (row.location as Location | null) ?? directoryLocation(defaultDirectory(settings, feed).path);
      if (overlap(target.location, place) !== undefined) throw liveStore(feed.name, target.location);
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
    `${locationName(location)} holds the live files of feed "${feed}"; a mirror would delete what the catalog names`,
    {
      hint: `to move a feed: feedctl migrate run ${feed}; to add packages: feedctl import ${feed}`,
    },
  );
}

function dropPath(feed: string, path: string, location: Location): FeedctlError {
  return new FeedctlError(
    "refused",
    `${locationName(location)} overlaps the drop path of feed "${feed}" (${path}); a mirror would delete the packages that ` +
      `wait there, and what it copies there would be taken away`,
    { hint: `to add packages: feedctl import ${feed}; to have the directory back: feedctl drop clear ${feed}` },
  );
}

/** feedctl's own files are not for a mirror to delete; other folders of its data directory may be. */
function refuseOwnData({ dataDir }: Context, target: Place): void {
  const own = (name: string) => overlap(target.location, directoryLocation(join(dataDir, name)));
  if (["catalog", "mirrors"].every((name) => own(name) === undefined)) return;
  throw new FeedctlError("refused", `${locationName(target.location)} holds feedctl's own data (${dataDir})`, {
    hint: "nothing was changed; choose another target",
  });
}

/** A folder that is not there looks like an empty one to a listing; an unmounted disk must not empty a target. */
export async function requireSource({ config, text }: Place): Promise<void> {
  if (!isDirectory(config)) return;
  const stats = await stat(config.path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw diskError(error, "read", config.path);
  });
  if (stats === undefined) throw new FeedctlError("not-found", `the source ${text} does not exist (${config.path})`);
  if (!stats.isDirectory()) throw new FeedctlError("usage", `the source ${text} is not a directory (${config.path})`);
}
