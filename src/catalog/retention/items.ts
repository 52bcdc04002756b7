import { sql, type RawBuilder } from "kysely";
import type { Key } from "../../lib/key.ts";
import { plannedColumns, type PlannedVersion } from "./plan.ts";
import { isProtected } from "./like.ts";
import type { Db } from "../schema/core.ts";

/** `changed`: the item is no longer as it was planned. `gone`: how many planned items no longer exist. */
export interface TakenItems {
  items: (PlannedVersion & { changed: boolean })[];
  gone: number;
}

/**
 * In a transaction: removes the next items from a run's plan and returns them. `queries` builds two queries on `t`, the
 * planned items that match `batch`: `lock` locks the rows that they are about, `read` reads those rows.
 */
export async function takeItems(
  db: Db,
  runId: number,
  limit: number,
  queries: (batch: RawBuilder<unknown>) => { lock: RawBuilder<unknown>; read: RawBuilder<TakenItems["items"][number]> },
): Promise<TakenItems> {
  const taken = await sql<{ number: number }>`
    select number from feedctl.retention_items where run_id = ${runId}::bigint order by number limit ${limit}`.execute(
    db,
  );
  const [first, last] = [taken.rows[0], taken.rows.at(-1)];
  if (first === undefined || last === undefined) return { items: [], gone: 0 };
  const batch = sql`t.run_id = ${runId}::bigint and t.number between ${first.number}::bigint and ${last.number}::bigint`;
  const { lock, read } = queries(batch);
  await lock.execute(db);
  const found = await read.execute(db);
  await sql`delete from feedctl.retention_items t where ${batch}`.execute(db);
  return { items: found.rows, gone: taken.rows.length - found.rows.length };
}

/**
 * In a transaction: the next versions of a run's plan, locked. `changed`: since it was planned the version was used,
 * protected, hidden or published again, or its files changed.
 */
export async function takeVersionItems(db: Db, runId: number, limit: number): Promise<TakenItems> {
  return takeItems(db, runId, limit, (batch) => ({
    lock: sql`select v.id from feedctl.versions v join feedctl.retention_items t on t.item_id = v.id
      where ${batch} order by v.id for update of v`,
    read: sql`select ${plannedColumns}, (v.xmin::text <> t.row_version or v.quarantined_at is not null or ${isProtected}
      or (select row(coalesce(sum(f.size), 0), count(*)) <> row(t.bytes, t.files) from feedctl.files f where f.version_id = v.id)) as changed
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
