import type { FeedRow } from "../../catalog/feeds.ts";
import { subjectOf } from "../../catalog/retention/subject.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { RejectedLog } from "../../catalog/usage.ts";
import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/format-size.ts";
import type { Context } from "../context.ts";
import { coverageWords, readKnownUse, type KnownUse } from "../usage/coverage.ts";
import { criteria, givenNames, ruleName, type RetentionRule } from "./criteria.ts";

/** What is known of a feed's use, for rules that depend on it. */
export interface UseOfPlan extends KnownUse {
  /** The rejected logs that may hold use within the time that the rules look at. */
  missing: RejectedLog[];
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
  return { ...known, missing };
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
