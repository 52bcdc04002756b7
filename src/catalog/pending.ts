import { sql } from "kysely";
import type { NewAsset } from "./assets/assets.ts";
import type { NewFile } from "./packages.ts";
import type { Db } from "./schema/core.ts";

export interface WriteIntent {
  key: string;
  /** Hex. */
  sha256: string;
  /** The row for the new bytes, where a blob that has a row is about to be replaced. */
  replacement?: NewFile | NewAsset | null | undefined;
}

/** A run, and the store that it writes to. */
export interface Writer {
  storeId: number;
  runId: number;
}

export interface HeldIntent extends WriteIntent {
  runId: number;
}

/**
 * Announces writes of different keys before the first byte. Returns the keys that some other run has announced; those must not be
 * written by this one. An intent of this run is taken again.
 */
export async function announceWrites(
  db: Db,
  { storeId, runId, now }: Writer & { now: Date },
  intents: readonly WriteIntent[],
): Promise<HeldIntent[]> {
  if (intents.length === 0) return [];
  const wanted = sql`jsonb_to_recordset(${JSON.stringify(intents)}::jsonb) as w(key text, sha256 text, replacement jsonb)`;
  for (;;) {
    // in one order, or two runs could wait for one another
    await sql`
      insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at, replacement)
      select ${storeId}::int, w.key, decode(w.sha256, 'hex'), ${runId}::bigint, ${now}::timestamptz, w.replacement
      from ${wanted} order by w.key
      on conflict (store_id, key) do nothing`.execute(db);
    const held = await sql<HeldIntent>`
      select p.key, encode(p.sha256, 'hex') as sha256, p.run_id::float8 as "runId", p.replacement
      from feedctl.pending_writes p join ${wanted} on w.key = p.key
      where p.store_id = ${storeId}`.execute(db);
    // one that is nobody's was withdrawn by its run between the two statements
    if (held.rows.length >= intents.length) return held.rows.filter((intent) => intent.runId !== runId);
  }
}

/** Takes over the intents of a dead run. */
export async function adoptWrites(
  db: Db,
  { storeId, runId }: Writer,
  keys: readonly string[],
  deadRuns: readonly number[],
): Promise<string[]> {
  if (keys.length === 0 || deadRuns.length === 0) return [];
  const taken = await db
    .updateTable("pending_writes")
    .set({ run_id: runId })
    .where("store_id", "=", storeId)
    .where("key", "in", [...keys])
    .where("run_id", "in", [...deadRuns])
    .returning("key")
    .execute();
  return taken.map((row) => row.key);
}

/** From now on the intents of this run speak of these bytes: what a dead run stored under them is gone. */
export async function renewWrites(db: Db, { storeId, runId }: Writer, intents: readonly WriteIntent[]): Promise<void> {
  if (intents.length === 0) return;
  await sql`
    update feedctl.pending_writes p set sha256 = decode(w.sha256, 'hex'), replacement = w.replacement
    from jsonb_to_recordset(${JSON.stringify(intents)}::jsonb) as w(key text, sha256 text, replacement jsonb)
    where p.store_id = ${storeId} and p.run_id = ${runId} and p.key = w.key`.execute(db);
}

/** In the transaction that commits the rows, or once it is certain that nothing was written. */
export async function withdrawWrites(db: Db, { storeId, runId }: Writer, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    delete from feedctl.pending_writes p using jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where p.store_id = ${storeId} and p.run_id = ${runId} and p.key = k.key`.execute(db);
}

/** Intents on a store, oldest first. */
export async function listPendingWrites(db: Db, storeId: number, limit: number): Promise<HeldIntent[]> {
  const rows = await sql<HeldIntent>`
    select key, encode(sha256, 'hex') as sha256, run_id::float8 as "runId", replacement from feedctl.pending_writes
    where store_id = ${storeId} order by created_at, key limit ${limit}`.execute(db);
  return rows.rows;
}

/** The run that has announced to write this key, if any. */
export async function findWriter(db: Db, storeId: number, key: string): Promise<number | undefined> {
  const row = await db
    .selectFrom("pending_writes")
    .select("run_id")
    .where("store_id", "=", storeId)
    .where("key", "=", key)
    .executeTakeFirst();
  return row?.run_id;
}

/** In the transaction that removes the rows: these blobs may now go. `provenOnly`: those that a migration has proven there. */
export async function recordDeletes(
  db: Db,
  input: Writer & { now: Date; provenOnly?: boolean },
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  const { storeId, runId, now, provenOnly = false } = input;
  await sql`
    insert into feedctl.pending_deletes (store_id, key, run_id, created_at)
    select ${storeId}::int, k.key, ${runId}::bigint, ${now}::timestamptz from jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where not ${provenOnly}::boolean or exists (select from feedctl.proofs p where p.store_id = ${storeId} and p.key = k.key)
    order by k.key
    on conflict (store_id, key) do nothing`.execute(db);
}

/** Those of the keys whose blob is waiting for its deletion. */
export async function listPendingDeletesAmong(db: Db, storeId: number, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return [];
  const rows = await sql<{ key: string }>`
    select d.key from feedctl.pending_deletes d join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key) on k.key = d.key
    where d.store_id = ${storeId}`.execute(db);
  return rows.rows.map((row) => row.key);
}

/**
 * Pending deletes of a store whose key no row of the feed names (a package imported again after its deletion needs its
 * blob); `reclaimed` are those that a row names and that must be forgotten, not obeyed. Keys that somebody has announced
 * to write are left out: that write settles them.
 */
export async function listPendingDeletes(
  db: Db,
  storeId: number,
  feedId: number,
  limit: number,
): Promise<{ due: string[]; reclaimed: string[] }> {
  const rows = await sql<{ key: string; used: boolean }>`
    select d.key, exists (select from feedctl.files f where f.feed_id = ${feedId} and f.key = d.key) as used
    from feedctl.pending_deletes d where d.store_id = ${storeId}
      and not exists (select from feedctl.pending_writes w where w.store_id = d.store_id and w.key = d.key)
    order by d.key limit ${limit}`.execute(db);
  return {
    due: rows.rows.filter((row) => !row.used).map((row) => row.key),
    reclaimed: rows.rows.filter((row) => row.used).map((row) => row.key),
  };
}

/** Keys that a dead run may have left in a store, or that are about to go from it. */
export async function listPendingKeys(db: Db, storeId: number): Promise<string[]> {
  const rows = await sql<{ key: string }>`
    select key from feedctl.pending_writes where store_id = ${storeId}
    union select key from feedctl.pending_deletes where store_id = ${storeId}`.execute(db);
  return rows.rows.map((row) => row.key);
}

/** Whether the catalog still expects this blob to be written or deleted. */
export async function isPending(db: Db, storeId: number, key: string): Promise<boolean> {
  const found = await sql<{ unsettled: boolean }>`
    select exists (select from feedctl.pending_writes where store_id = ${storeId} and key = ${key})
      or exists (select from feedctl.pending_deletes where store_id = ${storeId} and key = ${key}) as unsettled`.execute(
    db,
  );
  return found.rows[0]?.unsettled === true;
}

export async function forgetDeletes(db: Db, storeId: number, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    delete from feedctl.pending_deletes d using jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where d.store_id = ${storeId} and d.key = k.key`.execute(db);
}

/** How many blobs of a store wait for their deletion. */
export async function countDeletes(db: Db, storeId: number): Promise<number> {
  const row = await db
    .selectFrom("pending_deletes")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("store_id", "=", storeId)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** Of a store in which nothing is left. */
export async function forgetAllDeletes(db: Db, storeId: number): Promise<void> {
  await db.deleteFrom("pending_deletes").where("store_id", "=", storeId).execute();
}
