import { sql, type RawBuilder } from "kysely";
import type { Key } from "../../lib/key.ts";
import { keptSum, plannedColumns, type PlannedVersion } from "./plan.ts";
import { isProtected } from "./like.ts";
import type { Db } from "../schema/core.ts";

/** `changed`: the item is no longer as it was planned. `gone`: how many planned items no longer exist. */
export interface TakenItems<Item = PlannedVersion> {
  items: (Item & { changed: boolean })[];
  gone: number;
}

/** What a plan does with an item: see the table. */
export type ItemStep = "delete" | "free" | "restore";

/**
 * In a transaction: removes the next items of a step from a run's plan and returns them; those that changed stay in it as
 * `left`. `queries` builds two queries on `t`, the planned items that match `batch`: `lock` locks the rows that they are
 * about, `read` reads those rows, with the item's number.
 */
export async function takeItems<Item extends { number: number }>(
  db: Db,
  runId: number,
  { step, limit }: { step: ItemStep; limit: number },
  queries: (batch: RawBuilder<unknown>) => {
    lock: RawBuilder<unknown>;
    read: RawBuilder<TakenItems<Item>["items"][number]>;
  },
): Promise<TakenItems<Item>> {
  const taken = await sql<{ number: number }>`
    select number from feedctl.retention_items where run_id = ${runId}::bigint and step = ${step}::text
    order by number limit ${limit}`.execute(db);
  const [first, last] = [taken.rows[0], taken.rows.at(-1)];
  if (first === undefined || last === undefined) return { items: [], gone: 0 };
  const batch = sql`t.run_id = ${runId}::bigint and t.step = ${step}::text
    and t.number between ${first.number}::bigint and ${last.number}::bigint`;
  const { lock, read } = queries(batch);
  await lock.execute(db);
  const found = await read.execute(db);
  // a version that need not be shown again, because it is visible, is one that the plan keeps
  const left = step === "restore" ? [] : found.rows.filter(({ changed }) => changed).map(({ number }) => number);
  await sql`update feedctl.retention_items t set step = 'left' where ${batch} and number in
    (select number::bigint from jsonb_array_elements_text(${JSON.stringify(left)}::jsonb) as l(number))`.execute(db);
  await sql`delete from feedctl.retention_items t where ${batch}`.execute(db);
  return { items: found.rows, gone: taken.rows.length - found.rows.length };
}

/** How many items of a run's plan were not yet deleted. */
export async function countItems(db: Db, runId: number): Promise<number> {
  const rows = await sql<{ count: number }>`select count(*)::float8 as count from feedctl.retention_items
    where run_id = ${runId}::bigint and step in ('delete', 'free')`.execute(db);
  return rows.rows[0]?.count ?? 0;
}

/**
 * SQL on `retention_items t` and `versions v`: versions of the package that the plan keeps have changed, for example the
 * newest one was deleted. Versions added since are ignored: with them no rule selects less.
 */
export const keptChanged = sql`(t.kept_sum is distinct from
  (select coalesce(${keptSum}, 0) from feedctl.versions v where v.package_id = p.id and v.id <= t.seen_to
    and v.quarantined_at is null and not exists (select from feedctl.retention_items o
      where o.run_id = t.run_id and o.item_id = v.id and o.step in ('delete', 'left'))))`;

/** SQL on `retention_items t` and `versions v`: the files of the version have changed. */
export const filesChanged = sql`(select row(coalesce(sum(f.size), 0), count(*)) <> row(t.bytes, t.files)
  from feedctl.files f where f.version_id = v.id)`;

/**
 * In a transaction: the next versions of a run's plan, locked. `changed`: since it was planned the version was used,
 * protected, hidden or published again, or its files or what the plan keeps of its package changed.
 */
export async function takeVersionItems(db: Db, runId: number, limit: number): Promise<TakenItems> {
  return takeItems(db, runId, { step: "delete", limit }, (batch) => ({
    lock: sql`select v.id from feedctl.versions v join feedctl.retention_items t on t.item_id = v.id
      where ${batch} order by v.id for update of v`,
    read: sql`select ${plannedColumns}, (v.xmin::text <> t.row_version or v.quarantined_at is not null or ${isProtected}
      or ${filesChanged} or ${keptChanged}) as changed
      from feedctl.retention_items t join feedctl.versions v on v.id = t.item_id join feedctl.packages p on p.id = v.package_id
      where ${batch} order by t.number`,
  }));
}

/** Deletes what interrupted runs left of their plans for this feed. No retention run of the feed may be active. */
export async function forgetItems(db: Db, feedId: number): Promise<void> {
  await sql`delete from feedctl.retention_items i using feedctl.runs r
    where r.id = i.run_id and r.feed_id = ${feedId}::int`.execute(db);
}

/** Deletes the file rows of versions. The caller records pending deletes of the keys in the same transaction. */
export async function deleteVersionFileRows(
  db: Db,
  versionIds: readonly number[],
): Promise<{ itemId: number; key: Key }[]> {
  if (versionIds.length === 0) return [];
  const taken = await sql<{ itemId: number; key: Key }>`delete from feedctl.files where version_id in
    (select id::bigint from jsonb_array_elements_text(${JSON.stringify(versionIds)}::jsonb) as d(id))
    returning version_id::float8 as "itemId", key`.execute(db);
  return taken.rows;
}
