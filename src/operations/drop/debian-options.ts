import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";

/** What a change makes other of the place of Debian packages that come this way. Throws `usage` for a bad one. */
export async function dropPlaceChange(
  feed: FeedRow,
  { dropDistribution, dropComponent }: Partial<Record<"dropDistribution" | "dropComponent", string | null | undefined>>,
): Promise<Partial<Pick<FeedRow, "drop_distribution" | "drop_component">>> {
  const [distribution, component] = [dropDistribution ?? undefined, dropComponent ?? undefined];
  if ((distribution ?? component) !== undefined) {
    if (feed.type !== "debian")
      throw new FeedctlError("usage", "--distribution and --component are for feeds of type debian");
    const { debianPlace } = await import("../../formats/debian/format.ts");
    debianPlace({ distribution, component });
  }
  const differs = (now: string | null | undefined, before: string | null) => now !== undefined && now !== before;
  return {
    ...(differs(dropDistribution, feed.drop_distribution) && { drop_distribution: dropDistribution ?? null }),
    ...(differs(dropComponent, feed.drop_component) && { drop_component: dropComponent ?? null }),
  };
}

/** Where the Debian packages of a drop path belong; undefined for feeds of other types. */
export async function dropPlace(
  feed: Pick<FeedRow, "type" | "drop_distribution" | "drop_component">,
): Promise<Record<"distribution" | "component", string> | undefined> {
  if (feed.type !== "debian") return undefined;
  const { debianPlace } = await import("../../formats/debian/format.ts");
  return debianPlace({
    distribution: feed.drop_distribution ?? undefined,
    component: feed.drop_component ?? undefined,
  });
}
