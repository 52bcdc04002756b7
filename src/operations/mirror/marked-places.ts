import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { MARKER_KEY } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { readMarker, type Marker } from "../feed-store/marker.ts";
import { earlierStore } from "./guards.ts";
import type { MirrorInput } from "./mirror-run.ts";

/**
 * Throws `unavailable` when the source is a feed's store without its marker, such as an unmounted disk, and `refused`
 * when the marker of the target says that it is a feed's store, whatever name led to it.
 */
export async function refuseMarkedPlaces(
  context: Context,
  { source: from, through }: MirrorInput,
  { source, target }: { source: Store; target: Store },
): Promise<void> {
  const { feed, location } = from;
  if (feed !== undefined)
    await context.withCatalog(async ({ db }) => {
      const { requireStore } = await import("../feed-store/open-feed-store.ts");
      const { provePlace } = await import("../feed-store/prove-place.ts");
      await provePlace(context, db, { feed, row: await requireStore(db, feed), location, store: source }, "read");
    });
  if (through !== undefined) return;
  const marker = await findMarker(context, target);
  if (marker === undefined || marker === "other") return;
  const owner = await context.withCatalog(async ({ db }) => ownerOf(db, marker));
  if (owner === "obsolete") return;
  if (owner?.isEarlier) throw earlierStore(target.name, owner.feed, true);
  const whose = owner === undefined ? `#${marker.feed} of another feedctl installation` : `"${owner.feed}"`;
  throw new FeedctlError(
    "refused",
    `${target.name} holds the live files of feed ${whose}, as its marker says; a mirror would delete files of the catalog`,
    { hint: "nothing was changed; if it is only a copy of them, delete the file .feedctl-store there" },
  );
}

/** As `readMarker`, with one request where there is none: most targets have none. */
async function findMarker({ signal }: Context, target: Store): Promise<Marker | "other" | undefined> {
  const found = await target.head(MARKER_KEY, { signal }).catch((error: unknown) => {
    if (isFeedctlError(error, "not-found")) return undefined; // the bucket: the mirror itself reports it
    throw error;
  });
  return found === undefined ? undefined : readMarker(target, signal);
}

/** The feed whose store has this marker; `obsolete`: none any more. Undefined: the marker is of another installation. */
async function ownerOf(db: Db, marker: Marker): Promise<{ feed: string; isEarlier: boolean } | "obsolete" | undefined> {
  const [{ findInstallation }, { findStore }, { findFeedById }] = await Promise.all([
    import("../../catalog/installation.ts"),
    import("../../catalog/stores.ts"),
    import("../../catalog/feeds.ts"),
  ]);
  if ((await findInstallation(db))?.id !== marker.installation) return undefined;
  const row = await findStore(db, marker.store);
  const feed = await findFeedById(db, marker.feed);
  if (row === undefined || feed === undefined || row.feed_id !== feed.id || row.retired_at !== null) return "obsolete";
  return { feed: feed.name, isEarlier: row.role === "previous" };
}
