import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { RetentionPlan } from "./plan.ts";
import type { RetentionRule } from "./criteria.ts";
import { missingUseError, uncoveredWords } from "./known-use.ts";
import { itemOf } from "./terms.ts";

export type DeletionLimit = { versions: number } | { percent: number };

/** What a run may delete. */
export interface DeletionOptions {
  /** A plan that deletes more is refused. Default: 99 % of the feed, for plans of 100 deletions or more. */
  maxDelete?: DeletionLimit | undefined;
  /** Days to hide versions before they are deleted. Undefined: delete at once. */
  quarantineDays?: number | undefined;
  /** Deletes by use although the lines of a recent log were not understood. Default: refused. */
  acceptMissingUse?: boolean | undefined;
  /** Deletes by use although no counted log covers some of the rules' days. Default: refused. */
  assumeUnused?: boolean | undefined;
}

/** Without `--max-delete`, plans with fewer deletions than this are never refused. */
const FEW = 100;

/** The error for a plan that must not be carried out with these options; undefined when it may. */
export function refusalOf(
  plan: RetentionPlan,
  { maxDelete, acceptMissingUse = false, ...options }: DeletionOptions,
): FeedctlError | undefined {
  const isIncomplete = plan.total.versions + plan.hidden.free > 0 && !acceptMissingUse;
  return (
    deletionLimitError(plan, maxDelete) ??
    (isIncomplete ? missingUseError(plan.feed, plan.use) : undefined) ??
    uncoveredError(plan, options)
  );
}

/**
 * The error for a plan that deletes too much; undefined when it may run. Without a limit, a plan that deletes more than
 * 99 % of the feed is refused as a probable mistake. Files and earlier content of assets are counted separately: with
 * much earlier content, the deletion of all files would be a small percentage.
 */
function deletionLimitError(
  { feed, total, hidden, shares: visible }: RetentionPlan,
  most: DeletionLimit | undefined,
): FeedctlError | undefined {
  // the run deletes these too, though an earlier one has hidden them
  const shares = visible.map((share) => ({
    ...share,
    planned: share.planned + hidden.free,
    all: share.all + hidden.free,
  }));
  const plan = `see: feedctl retention plan ${feed.name}`;
  const what = (count: number) => `the rules of feed "${feed.name}" would delete ${counted(count, itemOf(feed.type))}`;
  if (most === undefined) {
    const share = shares.find(({ history, planned, all }) => !history && planned >= FEW && planned * 100 > all * 99);
    if (share === undefined) return undefined;
    const { planned, all } = share;
    const message = `${what(planned)} of ${all.toLocaleString("en-US")}, which is more than 99%`;
    return new FeedctlError("refused", message, {
      hint: `nothing was deleted; ${plan}; to allow it: --max-delete 100%`,
    });
  }
  const limit = (all: number) => ("versions" in most ? `${most.versions}` : `${most.percent}% of ${all}`);
  const counts = "versions" in most ? [{ planned: total.versions + hidden.free, all: 0 }] : shares;
  const over = counts.find(
    ({ planned, all }) => planned > ("versions" in most ? most.versions : Math.floor((all * most.percent) / 100)),
  );
  if (over === undefined) return undefined;
  return new FeedctlError("refused", `${what(over.planned)}, and --max-delete allows ${limit(over.all)}`, {
    hint: `nothing was deleted; ${plan}`,
  });
}

/**
 * The error for a run that would delete what no log shows as used, although logs are missing; undefined when it may run.
 * `assumeUnused` allows it where the versions are hidden first: a log that is imported later shows them again. Assets
 * have no hidden state.
 */
function uncoveredError(
  { feed, use, sums, hidden }: RetentionPlan,
  { assumeUnused = false, quarantineDays }: DeletionOptions,
): FeedctlError | undefined {
  if (assumeUnused && feed.type !== "asset" && quarantineDays === undefined)
    return new FeedctlError("usage", "--assume-unused needs --quarantine", {
      hint: "nothing was deleted; hide the versions first, for example with --quarantine 30",
    });
  if (assumeUnused) return undefined;
  const deleting = new Set([...sums.rules.map(({ rule }) => rule), ...hidden.freeRules]);
  const gap = use?.uncovered.find(({ rule }) => deleting.has(rule.position));
  if (gap === undefined) return undefined;
  const how = feed.type === "asset" ? "--assume-unused" : "--quarantine DAYS --assume-unused";
  return new FeedctlError("refused", uncoveredWords(feed.name, gap), {
    hint: `nothing was deleted; import the logs of these days: feedctl usage import; to take what they would show for unused: ${how}`,
  });
}

/** Throws `usage` for a quarantine of an asset directory: assets have no hidden state. */
export function refuseQuarantine(
  feed: { name: string; type: string },
  rules: readonly RetentionRule[],
  quarantineDays: number | undefined,
): void {
  if (feed.type !== "asset" || quarantineDays === undefined || !rules.some(({ enabled }) => enabled)) return;
  throw new FeedctlError("usage", `the files of asset directory "${feed.name}" cannot be put in quarantine`, {
    hint: `nothing was deleted; run it without: feedctl retention run ${feed.name}`,
  });
}
