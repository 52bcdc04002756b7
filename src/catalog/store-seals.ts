import { sql } from "kysely";
import type { Db, SavedOptions } from "./schema/core.ts";
import type { StoreRow } from "./stores.ts";

/** Whether a store without a seal is from before seals, and has not changed since. */
export async function isListedAsUnsealed(db: Db, id: number): Promise<boolean> {
  const found = await sql`
    select from feedctl.unsealed_stores u join feedctl.stores s on s.id = u.store_id
    where s.id = ${id} and s.seal is null and u.digest =
      encode(sha256(convert_to(jsonb_build_array(s.feed_id, s.type, s.options, s.location)::text, 'UTF8')), 'hex')`.execute(
    db,
  );
  return found.rows.length > 0;
}

/** Whether this database user may seal stores, and this transaction may write. */
export async function maySealStores(db: Db): Promise<boolean> {
  const answer = await sql<{ may: boolean }>`
    select has_table_privilege('feedctl.stores', 'update') and has_table_privilege('feedctl.key_salt', 'insert')
      and has_table_privilege('feedctl.unsealed_stores', 'delete')
      and current_setting('transaction_read_only') = 'off' as may`.execute(db);
  return answer.rows[0]?.may ?? false;
}

/** Saves the seal of a store whose options have just been saved, or removes it. */
export async function saveSeal(db: Db, id: number, seal: string | null): Promise<void> {
  await db.updateTable("stores").set({ seal }).where("id", "=", id).execute();
  await db.deleteFrom("unsealed_stores").where("store_id", "=", id).execute();
}

/** Replaces options and seal, unless the row has changed since `before` was read. Returns whether it did. */
export async function replaceSealed(
  db: Db,
  before: StoreRow,
  after: { options: SavedOptions; seal: string },
): Promise<boolean> {
  const changed = await db
    .updateTable("stores")
    .set({ options: JSON.stringify(after.options), seal: after.seal })
    .where("id", "=", before.id)
    .where("feed_id", "=", before.feed_id)
    .where("type", "=", before.type)
    .where("options", "=", sql<SavedOptions>`${JSON.stringify(before.options)}::jsonb`)
    .where(sql<boolean>`seal is not distinct from ${before.seal}`)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) return false;
  await db.deleteFrom("unsealed_stores").where("store_id", "=", before.id).execute();
  return true;
}

/** Locks and returns up to `count` stores after `id`, in the order of their ids, with the names of their feeds. */
export async function lockStoresAfter(
  db: Db,
  id: number,
  count: number,
): Promise<(StoreRow & { feed_name: string | null })[]> {
  const rows = await db
    .selectFrom("stores")
    .selectAll()
    .where("id", ">", id)
    .orderBy("id")
    .limit(count)
    .forUpdate()
    .execute();
  const feeds =
    rows.length === 0
      ? []
      : await db
          .selectFrom("feeds")
          .select(["id", "name"])
          .where(
            "id",
            "in",
            rows.map((row) => row.feed_id),
          )
          .execute();
  const names = new Map(feeds.map((feed) => [feed.id, feed.name]));
  return rows.map((row) => ({ ...row, feed_name: names.get(row.feed_id) ?? null }));
}
