import { sql } from "kysely";
import { criteriaSql, type CriterionSql, type Test, type TestScope } from "./criteria-sql.ts";
import type { TestName } from "../schema/retention-criteria.ts";
import type { QueryCriteria, RuleQuery } from "./rule-query.ts";

/** A criterion that a rule sets. */
export interface CriterionTest extends Pick<CriterionSql<never>, "stage" | "keeps" | "readsNewest"> {
  name: TestName;
  test: Test;
}

const names = Object.keys(criteriaSql) as TestName[];

/** The tests of the criteria that the rule sets, in the order of `criteriaSql`. */
function testsOf(rule: RuleQuery, feedId: number): CriterionTest[] {
  return names.flatMap((name) => testOf(name, rule.criteria[name], { of: rule.of, feedId }) ?? []);
}

function testOf<Name extends TestName>(
  name: Name,
  value: QueryCriteria[Name],
  scope: TestScope,
): CriterionTest | undefined {
  if (value === undefined) return undefined;
  const criterion = criteriaSql[name];
  return { ...criterion, name, test: criterion.test(value, scope) };
}

/** Tests that limit which items the rule looks at. keep-N counts among the items that pass. */
export function filtersOf(rule: RuleQuery, feedId: number): CriterionTest[] {
  return testsOf(rule, feedId).filter(({ stage }) => stage === "filter");
}

/** Further tests of the items that passed the filters. `place` numbers these items, the newest of a line first. */
export function conditionsOf(rule: RuleQuery, feedId: number): CriterionTest[] {
  return testsOf(rule, feedId).filter(({ stage }) => stage === "condition");
}

/** Limits of the totals. Deletion stops as soon as one of them is reached, because all criteria of a rule must hold. */
export function quotasOf(rule: RuleQuery, feedId: number): CriterionTest[] {
  return testsOf(rule, feedId).filter(({ stage }) => stage === "quota");
}

/** Whether `w` is of the kind that the rule looks at. */
export function isOfKind({ of }: RuleQuery): Test {
  return of === "versions" ? sql`true` : of === "history" ? sql`w.history` : sql`not w.history`;
}

/** With `--protect-across-rules`: for each keep criterion, the test for what it keeps in the whole feed. */
export function keepsOf(rule: RuleQuery, feedId: number): Test[] {
  const filtered = every(filtersOf(rule, feedId));
  return testsOf(rule, feedId).flatMap(({ keeps, test }) => {
    if (keeps === undefined) return [];
    return keeps === "of-all" ? sql`not (${test})` : sql`((${filtered}) and not (${test}))`;
  });
}

export function every(criteria: readonly CriterionTest[]): Test {
  if (criteria.length === 0) return sql`true`;
  return sql.join(
    criteria.map(({ test }) => test),
    sql` and `,
  );
}

/** Versions as `w`, with the ranks of the newest stable version and prerelease of their package among `from`. */
export function ranked(rule: RuleQuery, feedId: number, from: Test): Test {
  if (!testsOf(rule, feedId).some(({ readsNewest }) => readsNewest)) return sql`(select w.* from ${from})`;
  return sql`(select w.*, min(w.rank) filter (where not w.prerelease) over of_package as newest_stable,
      min(w.rank) filter (where w.prerelease) over of_package as newest_prerelease
    from ${from} window of_package as (partition by w.package_id))`;
}

/** SQL: what the versions of a line share. */
const ofVersions = {
  // the epoch, and the first one or two numbers; a missing second number is 0
  major: sql`substring(w.normalized from '^(?:[0-9]+[:!])?[^0-9]*[0-9]+')`,
  minor: sql`(substring(w.normalized from '^(?:[0-9]+[:!])?[^0-9]*[0-9]+') ||
    coalesce(substring(w.normalized from '^(?:[0-9]+[:!])?[^0-9]*[0-9]+([.][0-9]+)'), '.0'))`,
  suffix: sql`coalesce(substring(w.normalized from '[0-9][^a-z]*([a-z]+)'), '')`,
  tag: sql`coalesce(substring(w.normalized from '[.+]([a-z]+[0-9]+)'), '')`,
};

/**
 * The items, each with its place in its line, among items with the same value of `apart`; null when the rule has no
 * keep-N. A version whose files are in several lines has its best place.
 */
export function placed({ criteria }: RuleQuery, feedId: number, { items, apart = sql`true` }: PlacedItems): Test {
  const { keepVersionsCount, keepVersionsPer = [] } = criteria;
  if (keepVersionsCount === undefined) return sql`(select w.*, null::bigint as place from ${items} w)`;
  const parts: Test[] = [sql`w.package_id`];
  const ofFiles: Test[] = [];
  for (const division of keepVersionsPer) {
    if (division === "wheel") ofFiles.push(sql`substring(f.qualifier from '-([^-]+)[.]whl$')`);
    else if (typeof division === "object")
      ofFiles.push(sql`substring(f.qualifier from ${`(?:^|&)${division.member}=([^&]*)`}::text)`);
    else parts.push(ofVersions[division]);
  }
  if (ofFiles.length === 0)
    return sql`(select w.*, row_number() over (partition by ${sql.join([...parts, apart])} order by w.rank) as place
      from ${items} w)`;
  return sql`(with items as materialized (select * from ${items} w),
    divisions as materialized (select distinct f.version_id, array[${sql.join(ofFiles)}] as division
      from feedctl.files f where f.feed_id = ${feedId}::int)
    select w.*, p.place from items w join (select l.id, min(l.place) as place from (
      select w.id, row_number() over (partition by ${sql.join([...parts, sql`d.division`, apart])} order by w.rank) as place
      from items w left join divisions d on d.version_id = w.id) l group by l.id) p on p.id = w.id)`;
}

interface PlacedItems {
  /** Items as `w`. */
  items: Test;
  apart?: Test;
}
