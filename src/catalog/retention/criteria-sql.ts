import { sql, type RawBuilder } from "kysely";
import type { TestName } from "../schema/retention-criteria.ts";
import { anyLike, shownName } from "./like.ts";
import type { KeyRange, QueryCriteria, RuleQuery } from "./rule-query.ts";

export type Test = RawBuilder<unknown>;

/** What the test of a criterion may depend on besides its value. */
export interface TestScope {
  of: RuleQuery["of"];
  feedId: number;
}

/** The SQL of one criterion: whether an item `w` meets it. */
export interface CriterionSql<Value> {
  /**
   * `filter`: limits which items the rule looks at; keep-N counts among the items that pass all filters. `condition`:
   * must hold as well. `quota`: compares the running totals when the item's turn comes.
   */
  readonly stage: "filter" | "condition" | "quota";
  readonly test: (value: Value, scope: TestScope) => Test;
  /**
   * With `--protect-across-rules`, no other rule may delete an item that fails this test: among all items, or only
   * among those that pass the filters.
   */
  readonly keeps?: "of-all" | "of-filtered";
  /** The test reads `w.newest_stable` or `w.newest_prerelease`. */
  readonly readsNewest?: true;
}

/** How each criterion selects items. A criterion without SQL does not compile. */
export const criteriaSql: {
  readonly [Name in TestName]: CriterionSql<NonNullable<QueryCriteria[Name]>>;
} = {
  deleteHistory: { stage: "filter", test: (history) => (history ? sql`w.history` : sql`not w.history`) },
  deleteCached: { stage: "filter", test: () => sql`w.cached` },
  deletePrereleaseVersions: { stage: "filter", test: () => sql`w.prerelease` },
  deleteUnlisted: { stage: "filter", test: () => sql`not w.listed` },
  deleteDeprecated: { stage: "filter", test: () => sql`w.deprecated` },
  deleteSuperseded: {
    stage: "filter",
    test: () => sql`(w.prerelease and coalesce(w.rank > w.newest_stable, false))`,
    readsNewest: true,
  },
  deletePackageIds: { stage: "filter", test: nameLike },
  keepPackageIds: {
    stage: "filter",
    test: (patterns, scope) => sql`not (${nameLike(patterns, scope)})`,
    keeps: "of-all",
  },
  deleteVersions: { stage: "filter", test: versionLike },
  keepVersions: { stage: "filter", test: (patterns) => sql`not ${versionLike(patterns)}`, keeps: "of-all" },
  versionsRange: { stage: "filter", test: inRanges },
  keepVersionsCount: {
    stage: "condition",
    test: (count) => sql`w.place > ${count}::bigint`,
    keeps: "of-filtered",
  },
  olderThanDays: { stage: "condition", test: (date) => sql`w.published_at <= ${date}::timestamptz` },
  keepUsedWithinDays: {
    stage: "condition",
    test: (date) => sql`w.used_at < ${date}::timestamptz`,
    keeps: "of-all",
  },
  triggerDownloadCount: {
    stage: "condition",
    test: (downloads) => sql`w.downloads <= ${downloads}::bigint`,
    keeps: "of-all",
  },
  keepLastStable: {
    stage: "condition",
    test: () => sql`w.rank is distinct from w.newest_stable`,
    keeps: "of-all",
    readsNewest: true,
  },
  keepStableNewer: {
    stage: "condition",
    test: () => sql`(w.prerelease or w.newest_prerelease is null or w.rank > w.newest_prerelease)`,
    keeps: "of-all",
    readsNewest: true,
  },
  sizeTrigger: { stage: "quota", test: (bytes) => sql`w.bytes_before > ${bytes}::bigint` },
  countTrigger: { stage: "quota", test: (count) => sql`w.count_before > ${count}::bigint` },
};

function nameLike(patterns: readonly string[], { of, feedId }: TestScope): Test {
  if (of !== "versions") return anyLike(sql`w.name`, patterns);
  return sql`w.package_id in (select p.id from feedctl.packages p where p.feed_id = ${feedId}::int and ${anyLike(shownName, patterns)})`;
}

/** As the version was written, or normalised. */
function versionLike(patterns: readonly string[]): Test {
  return sql`(${anyLike(sql`w.version`, patterns)} or ${anyLike(sql`w.normalized`, patterns)})`;
}

function inRanges(ranges: readonly KeyRange[]): Test {
  if (ranges.length === 0) return sql`false`;
  const bound = (key: string, operator: string) => sql`w.sort_key ${sql.raw(operator)} decode(${key}, 'hex')`;
  const tests = ranges.map(({ from, fromIncluded, to, toIncluded, stableOnly }) =>
    sql.join(
      [
        sql`true`,
        ...(from === null ? [] : [bound(from, fromIncluded ? ">=" : ">")]),
        ...(to === null ? [] : [bound(to, toIncluded ? "<=" : "<")]),
        ...(stableOnly ? [sql`not w.prerelease`] : []),
      ],
      sql` and `,
    ),
  );
  return sql`(${sql.join(
    tests.map((test) => sql`(${test})`),
    sql` or `,
  )})`;
}
