import type { FeedRow } from "../../catalog/feeds.ts";
import { subjectOf } from "../../catalog/retention/subject.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { listUncoveredDays, type DayRange, type RejectedLog } from "../../catalog/usage.ts";
import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { Context } from "../context.ts";
import { coverageWords, readKnownUse, type KnownUse } from "../usage/coverage.ts";
import { criteria, givenNames, ruleName, type RetentionRule } from "./criteria.ts";

/** What is known of a feed's use, for rules that depend on it. */
export interface UseOfPlan extends KnownUse {
  /** The rejected logs that may hold use within the time that the rules look at. */
  missing: RejectedLog[];
  /** The rules that depend on use, and the days of their time that no counted log covers. */
  uncovered: { rule: RetentionRule; days: DayRange[] }[];
}

/**
 * What the enabled rules know of use; undefined when none depends on it. Says on which logs they rely, and warns when no
 * recent download is recorded or logs were rejected: then used versions look unused.
 */
export async function findKnownUse(
  context: Context,
  db: Db,
  feed: FeedRow,
  enabled: readonly RetentionRule[],
): Promise<UseOfPlan | undefined> {
  const trusting = enabled.filter(needsUsage);
  const [first] = trusting;
  if (first === undefined) return undefined;
  const known = await readKnownUse(db, feed.id);
  const since = Math.min(...trusting.map((rule) => startOf(rule, context.now())));
  const missing = known.rejected.filter(({ last }) => last.getTime() >= since);
  if (known.files > 0) context.notice(`use of feed ${feed.name} is known from ${coverageWords(known)}`);
  if (missing.length > 0) context.notice(missingWords(feed.name, missing));
  const newest = await subjectOf(feed.type).newestUse(db, feed.id);
  if (newest === null || newest.getTime() < startOf(first, context.now())) {
    const after = newest === null ? "" : ` since ${newest.toISOString().slice(0, 10)}`;
    context.notice(
      `no downloads of feed ${feed.name} are recorded${after}, and ${ruleName(first)} depends on them; see: feedctl usage import`,
    );
  }
  const uncovered = await findUncovered(context, db, feed, trusting);
  for (const gap of uncovered) context.notice(uncoveredWords(feed.name, gap));
  return { ...known, missing, uncovered };
}

const DAY = 86_400_000;
/** Days. A rule may look further back, but no log does. */
const CENTURY = 36_525;

/**
 * The rules whose days are not all covered by counted logs. Today and yesterday do not count: logs are written, rotated
 * and imported later.
 */
async function findUncovered(
  context: Context,
  db: Db,
  feed: FeedRow,
  trusting: readonly RetentionRule[],
): Promise<UseOfPlan["uncovered"]> {
  const found: UseOfPlan["uncovered"] = [];
  for (const rule of trusting) {
    const { keepUsedWithinDays } = rule.criteria;
    if (keepUsedWithinDays === undefined) continue;
    const day = (ago: number) => new Date(context.now().getTime() - ago * DAY).toISOString().slice(0, 10);
    const days = await listUncoveredDays(db, feed.id, {
      from: day(Math.min(keepUsedWithinDays, CENTURY)),
      until: day(2),
    });
    if (days.length > 0) found.push({ rule, days });
  }
  return found;
}

export function uncoveredWords(feed: string, { rule, days }: UseOfPlan["uncovered"][number]): string {
  const ranges = days.map(({ from, until }) => (from === until ? from : `${from} to ${until}`));
  const shown = ranges.length > 3 ? [...ranges.slice(0, 2), `${ranges.length - 2} more gaps`] : ranges;
  return `no counted log of feed ${feed} covers ${shown.join(", ")}, and ${ruleName(rule)} depends on the last ${counted(rule.criteria.keepUsedWithinDays ?? 0, "day")}`;
}

/** The error for a run that would delete by incomplete use; undefined when it may run. */
export function missingUseError(feed: FeedRow, use: UseOfPlan | undefined): FeedctlError | undefined {
  if (use === undefined || use.missing.length === 0) return undefined;
  return new FeedctlError("refused", missingWords(feed.name, use.missing), {
    hint: `nothing was deleted; see: feedctl usage show ${feed.name}; to delete by the use that is known: --yes`,
  });
}

function missingWords(feed: string, [first, ...others]: readonly RejectedLog[]): string {
  const which = `${first?.name} (${first?.unreadable} of ${first?.lines})`;
  const more = others.length === 0 ? "" : ` and of ${counted(others.length, "other log")}`;
  return `the use of feed ${feed} is incomplete: lines of ${which}${more} were not understood`;
}

function needsUsage(rule: RetentionRule): boolean {
  return givenNames(rule.criteria).some((name) => criteria[name].needsUsage);
}

/** The time from which on the rule looks at use, in milliseconds since 1970. A count of downloads looks at all time. */
function startOf({ criteria: { keepUsedWithinDays, triggerDownloadCount } }: RetentionRule, now: Date): number {
  if (triggerDownloadCount !== undefined || keepUsedWithinDays === undefined) return -Infinity;
  return now.getTime() - keepUsedWithinDays * 86_400_000;
}
