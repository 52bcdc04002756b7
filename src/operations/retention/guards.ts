import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/format-size.ts";
import type { RetentionPlan } from "./plan.ts";
import type { RetentionRule } from "./criteria.ts";
import { itemOf } from "./terms.ts";

export type MostDeleted = { versions: number } | { percent: number };

/** Fewer deletions are never too many, unless `maxDelete` says so. */
const FEW = 100;

/**
 * Why the plan takes too much. Without `maxDelete` hardly a hundredth of the feed may be left: more is rather a mistake.
 * Earlier content of assets is counted apart, so that much of it does not make room for the deletion of all files.
 */
export function tooMuch(
  { feed, total, shares }: RetentionPlan,
  most: MostDeleted | undefined,
): FeedctlError | undefined {
  const plan = `see: feedctl retention plan ${feed.name}`;
  const take = (count: number) => `the rules of feed "${feed.name}" would take ${counted(count, itemOf(feed.type))}`;
  if (most === undefined) {
    const share = shares.find(({ history, planned, all }) => !history && planned >= FEW && planned * 100 > all * 99);
    if (share === undefined) return undefined;
    const { planned, all } = share;
    const leaves = `${take(planned)} of ${all.toLocaleString("en-US")}, which leaves hardly anything`;
    return new FeedctlError("refused", leaves, {
      hint: `nothing was deleted; ${plan}; if that is meant: --max-delete 100%`,
    });
  }
  const said = (all: number) => ("versions" in most ? `${most.versions}` : `${most.percent}% of ${all}`);
  const counts = "versions" in most ? [{ planned: total.versions, all: 0 }] : shares;
  const over = counts.find(
    ({ planned, all }) => planned > ("versions" in most ? most.versions : Math.floor((all * most.percent) / 100)),
  );
  if (over === undefined) return undefined;
  return new FeedctlError("refused", `${take(over.planned)}, and --max-delete allows ${said(over.all)}`, {
    hint: `nothing was deleted; ${plan}`,
  });
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
