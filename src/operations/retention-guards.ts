import { FeedctlError } from "../errors.ts";
import { counted } from "../lib/size.ts";
import type { RetentionPlan } from "./plan-retention.ts";
import type { RetentionRule } from "./retention-rules.ts";
import { itemOf } from "./retention-terms.ts";

export type MostDeleted = { versions: number } | { percent: number };

/** Before the first deletion: a plan that takes more than is allowed is not obeyed at all. */
export function refuseTooMany({ feed, total, shares }: RetentionPlan, most: MostDeleted | undefined): void {
  if (most === undefined) return;
  const count = "versions" in most;
  // much earlier content must not make room for the deletion of all files
  for (const { planned, all } of count ? [{ planned: total.versions, all: 0 }] : shares) {
    const limit = count ? most.versions : Math.floor((all * most.percent) / 100);
    if (planned <= limit) continue;
    const said = count ? `${most.versions}` : `${most.percent}% of ${all}`;
    throw new FeedctlError(
      "refused",
      `the rules of feed "${feed.name}" would take ${counted(planned, itemOf(feed.type))}, and --max-delete allows ${said}`,
      {
        hint: `nothing was deleted; see: feedctl retention plan ${feed.name}`,
      },
    );
  }
}

/** Files cannot be hidden: everything that reads or writes a directory would have to look past them. */
export function refuseQuarantine(
  feed: { name: string; type: string },
  rules: readonly RetentionRule[],
  quarantineDays: number | undefined,
): void {
  if (feed.type !== "asset" || quarantineDays === undefined || !rules.some(({ enabled }) => enabled)) return;
  throw new FeedctlError("usage", `"${feed.name}" is an asset directory: its files cannot be put in quarantine`, {
    hint: `nothing was deleted; run it without: feedctl retention run ${feed.name}`,
  });
}
