import { sql, type RawBuilder } from "kysely";
import type { Db } from "../schema/core.ts";
import { likePattern, shownName } from "./like.ts";
import type { RuleQuery } from "./rule-query.ts";
import { conditionsOf, every, filtersOf, isOfKind, keepsOf, placed, quotasOf, ranked } from "./rule-sql.ts";

/**
 * The database computes a plan in temporary tables of one transaction: `retention_work` holds the feed's versions,
 * `retention_kept` those that no rule may delete, `retention_taken` those that rules have selected so far. Hidden
 * versions are among them while the rules are applied: see `setHiddenApart`.
 * `rank` orders the versions of a package; the newest has 1. `newer` is the same for equal versions.
 */
export async function prepareVersions(db: Db, feedId: number): Promise<void> {
  await beginPlan(db);
  await sql`create temporary table retention_work on commit drop as
    select v.id, v.package_id, v.cached, v.prerelease, v.listed, v.deprecated, v.downloads, v.published_at,
      coalesce(v.last_used_at, v.published_at) as used_at, lower(v.version collate "C") as version,
      lower(v.normalized_version) as normalized, v.sort_key, v.xmin::text as row_version,
      v.quarantined_at is not null as hidden, coalesce(s.bytes, 0)::bigint as bytes, coalesce(s.files, 0)::int as files,
      row_number() over (partition by v.package_id order by v.sort_key desc, v.published_at desc, v.id desc) as rank,
      rank() over (partition by v.package_id order by v.sort_key desc) as newer
    from feedctl.packages p join feedctl.versions v on v.package_id = p.id
    left join (select version_id, sum(size) as bytes, count(*) as files from feedctl.files
      where feed_id = ${sql.lit(feedId)} group by version_id) s on s.version_id = v.id
    where p.feed_id = ${sql.lit(feedId)}`.execute(db);
  await sql`analyze retention_work`.execute(db);
}

/** Creates the temporary tables other than `retention_work`. */
export async function beginPlan(db: Db): Promise<void> {
  // sorts and aggregates of a million rows in memory rather than in files
  await sql`set local work_mem = '64MB'`.execute(db);
  await sql`set local jit = off`.execute(db);
  await sql`create temporary table retention_kept (id bigint, protection bigint, rule int) on commit drop`.execute(db);
  await sql`create temporary table retention_taken (number bigint primary key, id bigint not null, rule int not null,
    bytes bigint not null, files int not null, place bigint, bytes_before numeric, count_before bigint) on commit drop`.execute(
    db,
  );
}

/**
 * Exempts the versions that tags or `package protect` name from all rules. Names without a wildcard get a query of
 * their own: there may be thousands, and equality can use a hash join.
 */
export async function keepProtectedVersions(db: Db, feedId: number): Promise<void> {
  await sql`insert into retention_kept (id) select w.id from retention_work w
    where exists (select from feedctl.dist_tags t where t.version_id = w.id)`.execute(db);
  for (const wild of [false, true]) {
    const named = wild
      ? sql`position('*' in r.package) > 0 and ${shownName} like ${likePattern(sql`r.package`)}`
      : sql`position('*' in r.package) = 0 and ${shownName} = lower(r.package collate "C")`;
    await sql`insert into retention_kept (id, protection)
      select w.id, r.id from feedctl.protections r join feedctl.packages p on p.feed_id = r.feed_id and ${named}
      join retention_work w on w.package_id = p.id
      where r.feed_id = ${feedId}::int
        and (w.version like ${likePattern(sql`r.version`)} or w.normalized like ${likePattern(sql`r.version`)})`.execute(
      db,
    );
  }
}

/** Exempts from all rules what a rule with `protectAcross` keeps in the whole feed. */
export async function keepAcross(db: Db, feedId: number, rule: RuleQuery): Promise<void> {
  const keeps = keepsOf(rule, feedId);
  if (keeps.length === 0) return;
  const items = ranked(rule, feedId, sql`retention_work w`);
  await sql`insert into retention_kept (id, rule)
    select w.id, ${rule.position}::int from ${placed(rule, feedId, { items, apart: every(filtersOf(rule, feedId)) })} w
    where ${isOfKind(rule)} and (${sql.join(keeps, sql` or `)})`.execute(db);
}

/** Time of the newest known use of a version of the feed; null when none is known. */
export async function newestVersionUse(db: Db, feedId: number): Promise<Date | null> {
  const found = await sql<{ at: Date | null }>`select max(v.last_used_at) as at from feedctl.packages p
    join feedctl.versions v on v.package_id = p.id where p.feed_id = ${feedId}::int`.execute(db);
  return found.rows[0]?.at ?? null;
}

/** How many items of a plan have a publish date after `now`, and the latest one. */
export async function countFuture(db: Db, now: Date): Promise<{ count: number; latest: Date | null }> {
  const found = await sql<{ count: number; latest: Date | null }>`
    select count(*)::int as count, max(published_at) as latest from retention_work
    where published_at > ${now}::timestamptz`.execute(db);
  return found.rows[0] ?? { count: 0, latest: null };
}

export async function analyzeKept(db: Db): Promise<void> {
  await sql`analyze retention_kept`.execute(db);
}

/**
 * Selects what the rule deletes of what earlier rules left. `taken`: how many those selected. Returns how many this one
 * did.
 */
export async function selectByRule(db: Db, feedId: number, rule: RuleQuery, taken: number): Promise<number> {
  const quotas = quotasOf(rule, feedId);
  const hasQuota = quotas.length > 0;
  const ofAssets = rule.of !== "versions";
  const done = await sql`
    insert into retention_taken (number, id, rule, bytes, files, place, bytes_before, count_before)
    select ${taken}::bigint + row_number() over (order by ${hasQuota ? quotaOrder(rule) : ofAssets ? assetOrder : shownOrder}),
      w.id, ${rule.position}::int, w.bytes, w.files, w.place, w.bytes_before, w.count_before
    from ${selectedForDeletion(rule, feedId)} w
    ${hasQuota || ofAssets ? sql`` : sql`join feedctl.packages p on p.id = w.package_id`}
    where ${every(quotas)}`.execute(db);
  await sql`analyze retention_taken`.execute(db);
  return Number(done.numAffectedRows ?? 0n);
}

const shownOrder = sql`p.group_name, p.name_key, w.rank desc`;
/** By path, and earlier content of one file oldest first. */
const assetOrder = sql`w.path, w.id`;

/**
 * The order in which a quota deletes. Versions: cached ones first, then prereleases, then older versions, then the
 * least recently used, then those recorded first. Assets: the least recently used first.
 */
function quotaOrder({ of }: RuleQuery) {
  return of === "versions"
    ? sql`w.cached desc, w.prerelease desc, w.newer desc, w.used_at, w.id`
    : sql`w.used_at, w.id`;
}

/** The items that the rule may delete, each with the totals that a quota compares when its turn comes. */
export function selectedForDeletion(rule: RuleQuery, feedId: number) {
  const left = sql`retention_work w where ${isOfKind(rule)} and not exists (select from retention_taken t where t.id = w.id)`;
  const items = sql`(select w.* from ${ranked(rule, feedId, left)} w where ${every(filtersOf(rule, feedId))})`;
  const matching = sql`(select w.* from ${placed(rule, feedId, { items })} w where ${every(conditionsOf(rule, feedId))}
    and not exists (select from retention_kept k where k.id = w.id))`;
  if (quotasOf(rule, feedId).length === 0)
    return sql`(select w.*, null::numeric as bytes_before, null::bigint as count_before from ${matching} w)`;
  const before = sql`over (order by ${quotaOrder(rule)} rows between unbounded preceding and 1 preceding)`;
  const of = (aggregate: ReturnType<typeof sql>) =>
    rule.criteria.sizeExclusive
      ? sql`${aggregate} over ()`
      : rule.of !== "versions"
        ? sql`(select coalesce(${aggregate}, 0) from ${left})`
        : sql`((select coalesce(${aggregate}, 0) from retention_work w) - (select coalesce(${aggregate}, 0) from retention_taken w))`;
  return sql`(select w.*,
      ${of(sql`sum(w.bytes)`)} - coalesce(sum(w.bytes) ${before}, 0) as bytes_before,
      ${of(sql`count(*)`)} - count(*) ${before} as count_before
    from ${matching} w)`;
}

export interface PlanTotals {
  versions: number;
  files: number;
  bytes: number;
}

export interface PlanSums {
  /** All visible versions of the feed. */
  feed: PlanTotals;
  /** Versions that no rule may delete. */
  protected: number;
  rules: (PlanTotals & { rule: number })[];
}

export async function sumPlan(db: Db): Promise<PlanSums> {
  const feed = await sql<PlanTotals & { protected: number }>`select count(*)::float8 as versions,
    coalesce(sum(files), 0)::float8 as files, coalesce(sum(bytes), 0)::float8 as bytes,
    (select count(distinct id) from retention_kept)::float8 as protected from retention_work`.execute(db);
  const rules = await sql<PlanTotals & { rule: number }>`select t.rule, count(*)::float8 as versions,
    sum(t.files)::float8 as files, sum(t.bytes)::float8 as bytes
    from retention_taken t group by t.rule order by t.rule`.execute(db);
  const { protected: kept, ...totals } = feed.rows[0] ?? { versions: 0, files: 0, bytes: 0, protected: 0 };
  return { feed: totals, protected: kept, rules: rules.rows };
}

/** A version, or a file of an asset directory, that a rule selected, with the values that the reason shows. */
export interface PlannedVersion {
  number: number;
  id: number;
  /** For an asset: its folder. */
  group: string;
  /** For an asset: its name in the folder. */
  name: string;
  /** Empty for a current asset; for earlier content its number. */
  version: string;
  /** Path of an asset; null for a version. */
  path: string | null;
  /** Why earlier content was kept; null for a current asset and for a version. */
  kept: "overwritten" | "deleted" | null;
  normalizedVersion: string;
  /** Position of the rule. */
  rule: number;
  place: number | null;
  bytesBefore: number | null;
  countBefore: number | null;
  bytes: number;
  files: number;
  /** For an asset: when it was uploaded; for earlier content: when it was overwritten or deleted. */
  publishedAt: Date;
  lastUsedAt: Date | null;
  downloads: number;
}

/** Columns of `t`, a selected version, joined with `versions v` and `packages p`. */
export const plannedColumns = sql`t.number::float8 as number, v.id::float8 as id, p.group_name as "group", p.name, v.version,
  null::text as path, null::text as kept, v.normalized_version as "normalizedVersion", t.rule, t.place::float8 as place, t.bytes_before::float8 as "bytesBefore",
  t.count_before::float8 as "countBefore", t.bytes::float8 as bytes, t.files, v.published_at as "publishedAt",
  v.last_used_at as "lastUsedAt", v.downloads::float8 as downloads`;

const PAGE = 2000;

/** The plan in the order of its rules, in pages. `columns` may use `t`, a selected item, and `tables`, joined to it. */
export async function* listPlan(
  db: Db,
  columns: RawBuilder<unknown>,
  tables: RawBuilder<unknown>,
): AsyncGenerator<PlannedVersion> {
  let after = 0;
  for (;;) {
    // limited before the join: otherwise every page would read the whole feed
    const page = await sql<PlannedVersion>`select ${columns}
      from (select * from retention_taken where number > ${after}::bigint order by number limit ${PAGE}) t
      join ${tables} order by t.number`.execute(db);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.number;
  }
}

export function listVersionPlan(db: Db): AsyncGenerator<PlannedVersion> {
  return listPlan(
    db,
    plannedColumns,
    sql`feedctl.versions v on v.id = t.id join feedctl.packages p on p.id = v.package_id`,
  );
}

/** SQL: a checksum of the versions `v`, which changes when one of them is deleted, hidden, unlisted or deprecated. */
export const keptSum = sql`sum(hashtextextended(v.id || '/' || v.listed || '/' || v.deprecated, 0))`;

/** Saves the plan for a run, which carries it out in transactions of its own. */
export async function savePlan(db: Db, runId: number, feedType: string): Promise<void> {
  await sql`insert into feedctl.retention_items
      (run_id, number, item_id, rule, place, bytes_before, count_before, row_version, bytes, files, step)
    select ${runId}::bigint, t.number, t.id, t.rule, t.place, t.bytes_before, t.count_before, w.row_version, w.bytes, w.files, 'delete'
    from retention_taken t join retention_work w on w.id = t.id
    union all
    select ${runId}::bigint, (select coalesce(max(number), 0) from retention_taken) + row_number() over (order by h.id), h.id,
      h.rule, h.place, h.bytes_before, h.count_before, h.row_version, h.bytes, h.files, h.step
    from retention_hidden h where h.step <> 'wait'`.execute(db);
  if (feedType === "asset") return;
  await sql`with kept as (select v.package_id, ${keptSum} as sum from feedctl.versions v
      where v.id in (select w.id from retention_work w where not exists (select from retention_taken t where t.id = w.id)
        union all select h.id from retention_hidden h where h.step = 'restore')
      group by v.package_id)
    update feedctl.retention_items t set kept_sum = coalesce(k.sum, 0), seen_to = (select max(id) from feedctl.versions)
    from feedctl.versions v left join kept k on k.package_id = v.package_id
    where t.run_id = ${runId}::bigint and v.id = t.item_id`.execute(db);
}
