import { sql } from "kysely";
import { selectedForDeletion } from "./plan.ts";
import type { RuleQuery } from "./rule-query.ts";
import { conditionsOf, every, filtersOf, placed, quotasOf, ranked } from "./rule-sql.ts";
import type { Db } from "../schema/core.ts";
import type { TestName } from "../schema/retention-criteria.ts";

/** How one rule judges one version. */
export interface RuleFinding {
  /** Filters that the version does not pass. */
  unselected: TestName[];
  /** Conditions that the version does not meet. */
  kept: TestName[];
  place: number | null;
  /** The running totals that a quota compared when the version's turn came; null when none did. */
  bytesBefore: number | null;
  countBefore: number | null;
  /** The quota was reached before the version's turn. */
  spared: boolean;
}

/**
 * Returns undefined when an earlier rule has selected the version. To be called in the plan's transaction, before
 * `selectByRule` of the same rule.
 */
export async function explainRule(
  db: Db,
  feedId: number,
  rule: RuleQuery,
  versionId: number,
): Promise<RuleFinding | undefined> {
  const filters = filtersOf(rule, feedId);
  const conditions = conditionsOf(rule, feedId);
  const siblings =
    rule.of !== "versions"
      ? sql`w.id = ${versionId}::bigint`
      : sql`w.package_id = (select o.package_id from retention_work o where o.id = ${versionId}::bigint)`;
  const left = sql`retention_work w where ${siblings}
    and not exists (select from retention_taken t where t.id = w.id)`;
  const unmet = (criteria: typeof filters) =>
    sql`array_remove(array[${sql.join([
      sql`null::text`,
      ...criteria.map(({ name, test }) => sql`case when not coalesce(${test}, false) then ${name}::text end`),
    ])}], null)`;
  const found = await sql<Pick<RuleFinding, "unselected" | "kept" | "place">>`
    select ${unmet(filters)} as unselected, ${unmet(conditions)} as kept, w.place::float8 as place
    from ${placed(rule, feedId, { items: ranked(rule, feedId, left), apart: every(filters) })} w
    where w.id = ${versionId}::bigint`.execute(db);
  const finding = found.rows[0];
  if (finding === undefined) return undefined;
  const quota = await sql<Pick<RuleFinding, "bytesBefore" | "countBefore"> & { over: boolean }>`
    select w.bytes_before::float8 as "bytesBefore", w.count_before::float8 as "countBefore", (${every(quotasOf(rule, feedId))}) as over
    from ${selectedForDeletion(rule, feedId)} w where w.id = ${versionId}::bigint`.execute(db);
  const { over = true, ...before } = quota.rows[0] ?? { bytesBefore: null, countBefore: null };
  return { ...finding, ...before, spared: !over };
}

/** Why no rule may delete the version: the protection that matches it, or the rule that keeps it from all rules. */
export async function findProtection(
  db: Db,
  versionId: number,
): Promise<{ package: string | null; version: string | null; reason: string | null; rule: number | null } | undefined> {
  const found = await sql<{
    package: string | null;
    version: string | null;
    reason: string | null;
    rule: number | null;
  }>`
    select r.package, r.version, r.reason, k.rule from retention_kept k
    left join feedctl.protections r on r.id = k.protection where k.id = ${versionId}::bigint
    order by k.protection nulls last, k.rule limit 1`.execute(db);
  return found.rows[0];
}
