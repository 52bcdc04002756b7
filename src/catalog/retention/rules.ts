import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { RetentionCriteria } from "../schema/retention-criteria.ts";
import { assetPath, assetTables } from "./assets.ts";
import { likePattern, shownName } from "./like.ts";
import type { Db } from "../schema/core.ts";
import type { ProtectionsTable, RetentionRulesTable } from "../schema/retention.ts";

export type RetentionRuleRow = Selectable<RetentionRulesTable>;
export type ProtectionRow = Selectable<ProtectionsTable>;

/** A rule without its position. */
export interface NewRule {
  name: string | null;
  enabled: boolean;
  protectAcross: boolean;
  criteria: RetentionCriteria;
}

/** The rules of a feed, in the order in which they run. */
export async function listRules(db: Db, feedId: number): Promise<RetentionRuleRow[]> {
  return db.selectFrom("retention_rules").selectAll().where("feed_id", "=", feedId).orderBy("position").execute();
}

/**
 * Ids of the feeds for which a retention run has work: enabled rules, hidden versions, or writes and deletes of their stores
 * that earlier runs did not finish.
 */
export async function listFeedsToRetain(db: Db): Promise<Set<number>> {
  const rows = await sql<{ id: number }>`select feed_id as id from feedctl.retention_rules where enabled
    union select p.feed_id from feedctl.versions v join feedctl.packages p on p.id = v.package_id
      where v.quarantined_at is not null
    union select s.feed_id from feedctl.stores s join feedctl.pending_deletes d on d.store_id = s.id
    union select s.feed_id from feedctl.stores s join feedctl.pending_writes w on w.store_id = s.id`.execute(db);
  return new Set(rows.rows.map(({ id }) => id));
}

/** Locks the rules of a feed until the transaction ends: concurrent changes could leave gaps in the positions. */
export async function lockRules(db: Db, feedId: number): Promise<void> {
  await db.selectFrom("feeds").select("id").where("id", "=", feedId).forUpdate().execute();
}

/** Replaces all rules of a feed; they get positions in this order. */
export async function saveRules(db: Db, feedId: number, rules: readonly NewRule[]): Promise<void> {
  await db.deleteFrom("retention_rules").where("feed_id", "=", feedId).execute();
  if (rules.length === 0) return;
  await db
    .insertInto("retention_rules")
    .values(
      rules.map((rule, index) => ({
        feed_id: feedId,
        position: index + 1,
        name: rule.name,
        enabled: rule.enabled,
        protect_across_rules: rule.protectAcross,
        criteria: JSON.stringify(rule.criteria),
      })),
    )
    .execute();
}

export async function listProtections(db: Db, feedId: number): Promise<ProtectionRow[]> {
  return db
    .selectFrom("protections")
    .selectAll()
    .where("feed_id", "=", feedId)
    .orderBy(sql`lower(package collate "C")`)
    .orderBy("version")
    .execute();
}

export interface NewProtection {
  package: string;
  version: string;
  reason: string | null;
}

/** Returns false when the protection existed; then `reason`, unless it is null, replaces the old one. */
export async function addProtection(
  db: Db,
  feedId: number,
  protection: NewProtection,
  by: { actor: string; now: Date },
): Promise<boolean> {
  const added = await sql<{ added: boolean }>`
    insert into feedctl.protections as old (feed_id, package, version, reason, created_at, created_by)
    values (${feedId}::int, ${protection.package}::text, ${protection.version}::text, ${protection.reason}::text,
      ${by.now}::timestamptz, ${by.actor}::text)
    on conflict (feed_id, package, version) do update set reason = coalesce(excluded.reason, old.reason)
    returning xmax = 0 as added`.execute(db);
  return added.rows[0]?.added ?? false;
}

/** How many versions the protection matches now, hidden ones included; in an asset directory how many files. */
export async function countProtected(
  db: Db,
  feed: { id: number; type: string },
  protection: Pick<NewProtection, "package" | "version">,
): Promise<number> {
  const name = likePattern(sql`${protection.package}::text`);
  const version = likePattern(sql`${protection.version}::text`);
  const found = await (
    feed.type === "asset"
      ? sql<{ count: number }>`select count(*)::float8 as count from ${assetTables}
          where f.feed_id = ${feed.id}::int and (a.file_id is not null or h.file_id is not null)
            and lower(${assetPath} collate "C") like ${name}`
      : sql<{ count: number }>`select count(*)::float8 as count
          from feedctl.packages p join feedctl.versions v on v.package_id = p.id
          where p.feed_id = ${feed.id}::int and ${shownName} like ${name}
            and (lower(v.version collate "C") like ${version} or lower(v.normalized_version) like ${version})`
  ).execute(db);
  return found.rows[0]?.count ?? 0;
}

/** Returns false when the protection does not exist. */
export async function removeProtection(
  db: Db,
  feedId: number,
  protection: Pick<NewProtection, "package" | "version">,
): Promise<boolean> {
  const removed = await db
    .deleteFrom("protections")
    .where("feed_id", "=", feedId)
    .where(sql<boolean>`lower(package collate "C") = lower(${protection.package}::text collate "C")`)
    .where("version", "=", protection.version)
    .executeTakeFirst();
  return removed.numDeletedRows > 0n;
}
