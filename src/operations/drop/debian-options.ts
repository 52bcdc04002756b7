import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { feedTypeInfo, placesOnly } from "../../formats/feed-types.ts";
import type { GivenPlace, Place } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";

/** The columns that a change of distribution or component sets; empty when nothing changes. Throws `usage`. */
export async function dropPlaceChange(
  feed: FeedRow,
  { dropDistribution, dropComponent }: Partial<Record<"dropDistribution" | "dropComponent", string | null | undefined>>,
): Promise<Partial<Pick<FeedRow, "drop_distribution" | "drop_component">>> {
  const [distribution, component] = [dropDistribution ?? undefined, dropComponent ?? undefined];
  if ((distribution ?? component) !== undefined) {
    const place = await completePlace(feed.type, { distribution, component });
    if (place === undefined) throw new FeedctlError("usage", placesOnly());
  }
  const differs = (now: string | null | undefined, before: string | null) => now !== undefined && now !== before;
  return {
    ...(differs(dropDistribution, feed.drop_distribution) && { drop_distribution: dropDistribution ?? null }),
    ...(differs(dropComponent, feed.drop_component) && { drop_component: dropComponent ?? null }),
  };
}

/** Distribution and component for the packages of a drop path; undefined for feed types without them. */
export async function dropPlace(
  feed: Pick<FeedRow, "type" | "drop_distribution" | "drop_component">,
): Promise<Place | undefined> {
  return completePlace(feed.type, {
    distribution: feed.drop_distribution ?? undefined,
    component: feed.drop_component ?? undefined,
  });
}

async function completePlace(type: string, given: GivenPlace): Promise<Place | undefined> {
  if (!feedTypeInfo(type).hasPlaces) return undefined;
  return (await loadFormat(type)).place?.complete(given);
}
