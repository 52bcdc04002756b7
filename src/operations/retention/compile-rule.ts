import type { KeyRange, QueryCriteria, RuleQuery } from "../../catalog/retention/rule-query.ts";
import type { RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import { findFormat } from "../../formats/index.ts";
import type { Bound } from "../../versions/ranges/interval.ts";
import { withCriterion, criteriaProblem, givenNames, ruleName, type RetentionRule } from "./criteria.ts";
import type { Compiler } from "./criteria/criterion.ts";
import { packagePattern } from "./terms.ts";

async function compileRange(feedType: string, text: string): Promise<KeyRange[]> {
  const ranges = (await findFormat(feedType))?.ranges;
  if (ranges === undefined)
    throw new FeedctlError("usage", `${feedType} feeds have no version ranges`, {
      hint: "--delete-versions takes patterns such as 1.*",
    });
  return ranges.parse(text).map(({ from, to, stableOnly }) => ({
    from: hex(from),
    fromIncluded: from?.included ?? true,
    to: hex(to),
    toIncluded: to?.included ?? true,
    stableOnly: stableOnly ?? false,
  }));
}

function hex(bound: Bound | undefined): string | null {
  return bound?.key.toString("hex") ?? null;
}

const YEAR_ONE = Date.parse("0001-01-01T00:00:00Z");

/** The criteria as the SQL query expects them. Days count back from `now`. Throws `usage` for an invalid value. */
export async function compileCriteria(feedType: string, rule: RetentionCriteria, now: Date): Promise<QueryCriteria> {
  const compiler: Compiler = {
    feedType,
    names: (patterns) => patterns.map((pattern) => packagePattern(feedType, pattern)),
    // PostgreSQL cannot parse JavaScript's form of dates before the year 1
    daysAgo: (days) => new Date(Math.max(now.getTime() - days * 86_400_000, YEAR_ONE)),
    range: (text) => compileRange(feedType, text),
  };
  const compiled = await Promise.all(
    givenNames(rule).map(async (name) => [
      name,
      await withCriterion(name, rule, (criterion, value) => criterion.query(value, compiler)),
    ]),
  );
  return {
    ...(Object.fromEntries(compiled) as QueryCriteria),
    ...(feedType === "asset" && { deleteHistory: rule.deleteHistory ?? false }),
  };
}

export async function compileRule(feedType: string, rule: RetentionRule, now: Date): Promise<RuleQuery> {
  const problem = criteriaProblem(rule.criteria, feedType);
  if (problem !== undefined) throw new FeedctlError("refused", `${ruleName(rule)}: ${problem}`);
  return {
    position: rule.position,
    of: feedType !== "asset" ? "versions" : rule.criteria.deleteHistory ? "history" : "files",
    criteria: await compileCriteria(feedType, rule.criteria, now),
    protectAcross: rule.protectAcrossRules,
  };
}
