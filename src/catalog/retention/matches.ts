import { sql, type RawBuilder } from "kysely";
import { assetTables, assetPath } from "./assets.ts";
import { criteriaSql, type Test, type TestScope } from "./criteria-sql.ts";
import { anyLike, shownName } from "./like.ts";
import type { RuleQuery } from "./rule-query.ts";
import { isOfKind } from "./rule-sql.ts";
import type { Db } from "../schema/core.ts";

/** Criteria that name packages, paths or versions by a text. */
export type NamingTest = "deletePackageIds" | "keepPackageIds" | "deleteVersions" | "keepVersions" | "versionsRange";

/** A text of a criterion that matches nothing. `index`: its place among the criterion's patterns; 0 for a range. */
export interface Unmatched {
  name: NamingTest;
  index: number;
}

/**
 * Returns the patterns and ranges of a rule that match nothing. A pattern that keeps is tried on the items that the
 * rule's other patterns select. If the rule protects from all rules, it is tried on all items of the feed. A feed without
 * items has no unmatched patterns. `within`:
 * `plan` inside the transaction of a plan.
 */
export async function findUnmatched(
  db: Db,
  feedId: number,
  rule: RuleQuery,
  within: "plan" | "feed",
): Promise<Unmatched[]> {
  const tests = namingTests(rule, { of: rule.of, feedId });
  if (tests.length === 0) return [];
  const items = sql`${within === "plan" ? sql`retention_work` : itemsOf(rule.of, feedId)} w where ${isOfKind(rule)}`;
  const found = await sql<{ any: boolean; found: boolean[] }>`select exists (select from ${items}) as any,
    array[${sql.join(tests.map(({ test }) => sql`exists (select from ${items} and ${test})`))}] as found`.execute(db);
  const row = found.rows[0];
  return row?.any === true ? tests.filter((_, number) => row.found[number] === false) : [];
}

function namingTests({ criteria, protectAcross }: RuleQuery, scope: TestScope): (Unmatched & { test: Test })[] {
  const {
    deletePackageIds = [],
    keepPackageIds = [],
    deleteVersions = [],
    keepVersions = [],
    versionsRange,
  } = criteria;
  const named = (patterns: readonly string[]) => criteriaSql.deletePackageIds.test([...patterns], scope);
  const like = (patterns: readonly string[]) => criteriaSql.deleteVersions.test([...patterns], scope);
  const range = versionsRange && criteriaSql.versionsRange.test(versionsRange, scope);
  const selected = sql.join(
    [
      sql`true`,
      ...(deletePackageIds.length > 0 ? [named(deletePackageIds)] : []),
      ...(deleteVersions.length > 0 ? [like(deleteVersions)] : []),
      ...(range === undefined ? [] : [range]),
    ],
    sql` and `,
  );
  const kept = (test: Test) => (protectAcross ? test : sql`${test} and ${selected}`);
  return [
    ...deletePackageIds.map((each, index) => ({ name: "deletePackageIds" as const, index, test: named([each]) })),
    ...keepPackageIds.map((each, index) => ({ name: "keepPackageIds" as const, index, test: kept(named([each])) })),
    ...deleteVersions.map((each, index) => ({ name: "deleteVersions" as const, index, test: like([each]) })),
    ...keepVersions.map((each, index) => ({ name: "keepVersions" as const, index, test: kept(like([each])) })),
    ...(range === undefined ? [] : [{ name: "versionsRange" as const, index: 0, test: range }]),
  ];
}

/** SQL: the items of a feed with the columns of `retention_work` that names are compared with. */
function itemsOf(of: RuleQuery["of"], feedId: number): RawBuilder<unknown> {
  if (of !== "versions")
    return sql`(select h.file_id is not null as history, lower(${assetPath} collate "C") as name from ${assetTables}
      where f.feed_id = ${feedId}::int and (a.file_id is not null or h.file_id is not null))`;
  return sql`(select v.package_id, v.prerelease, v.sort_key, lower(v.version collate "C") as version,
      lower(v.normalized_version) as normalized
    from feedctl.packages p join feedctl.versions v on v.package_id = p.id
    where p.feed_id = ${feedId}::int and v.quarantined_at is null)`;
}

/** In a plan's transaction: the protections that match none of its items, and how many there are. */
export async function findIdleProtections(
  db: Db,
  feedId: number,
  limit: number,
): Promise<{ package: string; version: string; all: number }[]> {
  const found = await sql<{ package: string; version: string; all: number }>`
    select r.package, r.version, count(*) over ()::float8 as all from feedctl.protections r
    where r.feed_id = ${feedId}::int and exists (select from retention_work)
      and not exists (select from retention_kept k where k.protection = r.id)
    order by lower(r.package collate "C"), r.version limit ${limit}`.execute(db);
  return found.rows;
}

/** What a pattern matches: a package by its name, a version, or a file of an asset directory by its path. */
export interface PatternMatch {
  what: "package" | "version" | "file";
  /** `group/name` of the package, or the path. */
  name: string;
  version: string | null;
  number: number;
}

const PAGE = 2000;

/** In a transaction: the items that a pattern matches, as rules read it, ordered by name and version. */
export async function* listMatches(
  db: Db,
  feed: { id: number; type: string },
  { name, version }: { name: string; version: string },
): AsyncGenerator<PatternMatch> {
  await sql`create temporary table retention_matches
    (number bigint primary key, what text, name text, version text) on commit drop`.execute(db);
  const matches = feed.type === "asset" ? matchingFiles(feed.id, name) : matchingVersions(feed.id, { name, version });
  await sql`insert into retention_matches
    select row_number() over (order by what, name, sort_key), what, name, version from (${matches}) m`.execute(db);
  for (let after = 0; ; after += PAGE) {
    const page = await sql<PatternMatch>`select number::float8 as number, what, name, version from retention_matches
      where number > ${after}::bigint order by number limit ${PAGE}`.execute(db);
    yield* page.rows;
    if (page.rows.length < PAGE) return;
  }
}

function matchingFiles(feedId: number, pattern: string): RawBuilder<unknown> {
  return sql`select distinct 'file' as what, ${assetPath} as name, null::text as version, null::bytea as sort_key
    from ${assetTables} where f.feed_id = ${feedId}::int and (a.file_id is not null or h.file_id is not null)
      and ${anyLike(sql`lower(${assetPath} collate "C")`, [pattern])}`;
}

/** Packages by their name, and versions as written or normalised. */
function matchingVersions(feedId: number, { name, version }: { name: string; version: string }): RawBuilder<unknown> {
  const fullName = sql`case when p.group_name = '' then p.name else p.group_name || '/' || p.name end`;
  const visible = sql`p.feed_id = ${feedId}::int and v.quarantined_at is null`;
  return sql`select distinct 'package' as what, ${fullName} as name, null::text as version, null::bytea as sort_key
    from feedctl.packages p join feedctl.versions v on v.package_id = p.id
    where ${visible} and ${anyLike(shownName, [name])}
    union all
    select 'version', ${fullName}, v.version, v.sort_key
    from feedctl.packages p join feedctl.versions v on v.package_id = p.id
    where ${visible} and (${anyLike(sql`lower(v.version collate "C")`, [version])}
      or ${anyLike(sql`lower(v.normalized_version)`, [version])})`;
}
