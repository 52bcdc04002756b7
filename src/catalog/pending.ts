import { sql } from "kysely";
import type { Key } from "../lib/key.ts";
import { lockLost } from "./connection/errors.ts";
import type { NewAsset } from "./assets/assets.ts";
import type { NewFile } from "./packages.ts";
import type { Db } from "./schema/core.ts";

export interface WriteIntent {
  key: Key;
  /** Hex. */
  sha256: string;
  /** The row to record for the new bytes, when the blob of an existing row is about to be overwritten. */
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
 * Records write intents for distinct keys, before their first byte is written. Returns the intents that other runs
 * hold: this run must not write those keys. An intent that this run holds already stays as it is.
 */
export async function announceWrites(
  db: Db,
  { storeId, runId, now }: Writer & { now: Date },
  intents: readonly WriteIntent[],
): Promise<HeldIntent[]> {
  if (intents.length === 0) return [];
  const wanted = sql`jsonb_to_recordset(${JSON.stringify(intents)}::jsonb) as w(key text, sha256 text, replacement jsonb)`;
  for (;;) {
    // always in key order: two runs could deadlock otherwise
    await sql`
      insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at, replacement)
      select ${storeId}::int, w.key, decode(w.sha256, 'hex'), ${runId}::bigint, ${now}::timestamptz, w.replacement
      from ${wanted} order by w.key
      on conflict (store_id, key) do nothing`.execute(db);
    const held = await sql<HeldIntent>`
      select p.key, encode(p.sha256, 'hex') as sha256, p.run_id::float8 as "runId", p.replacement
      from feedctl.pending_writes p join ${wanted} on w.key = p.key
      where p.store_id = ${storeId}`.execute(db);
    // a missing intent was withdrawn by its run between the two statements: announce it again
    if (held.rows.length >= intents.length) return held.rows.filter((intent) => intent.runId !== runId);
  }
}

/** Takes over intents of dead runs. Returns the keys that this run holds now. */
export async function adoptWrites(
  db: Db,
  { storeId, runId }: Writer,
  keys: readonly Key[],
  deadRuns: readonly number[],
): Promise<Key[]> {
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

/**
 * Updates hash and replacement of intents that this run holds. Must not be called for a key under which a dead run may
 * have stored bytes: the intent is the only record of them.
 */
export async function renewWrites(db: Db, { storeId, runId }: Writer, intents: readonly WriteIntent[]): Promise<void> {
  if (intents.length === 0) return;
  await sql`
    update feedctl.pending_writes p set sha256 = decode(w.sha256, 'hex'), replacement = w.replacement
    from jsonb_to_recordset(${JSON.stringify(intents)}::jsonb) as w(key text, sha256 text, replacement jsonb)
    where p.store_id = ${storeId} and p.run_id = ${runId} and p.key = w.key`.execute(db);
}

/**
 * Deletes intents of this run for distinct keys: in the transaction that commits the rows, or once it is certain that
 * nothing was written. Throws `unavailable` when another run has taken over one of them: it may have deleted the blob.
 */
export async function withdrawWrites(db: Db, { storeId, runId }: Writer, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const withdrawn = await sql`
    delete from feedctl.pending_writes p using jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where p.store_id = ${storeId} and p.run_id = ${runId} and p.key = k.key`.execute(db);
  if (withdrawn.numAffectedRows !== BigInt(keys.length)) throw lockLost();
}

/** Intents on a store, oldest first. */
export async function listPendingWrites(db: Db, storeId: number, limit: number): Promise<HeldIntent[]> {
  const rows = await sql<HeldIntent>`
    select key, encode(sha256, 'hex') as sha256, run_id::float8 as "runId", replacement from feedctl.pending_writes
    where store_id = ${storeId} order by created_at, key limit ${limit}`.execute(db);
  return rows.rows;
}

/**
 * Records pending deletes of blobs, in the transaction that deletes their rows. `copiesOnly`: only of blobs that a
 * migration copied to the store. Others existed there before and may belong to another program.
 */
export async function recordDeletes(
  db: Db,
  input: Writer & { now: Date; copiesOnly?: boolean },
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  const { storeId, runId, now, copiesOnly = false } = input;
  await sql`
    insert into feedctl.pending_deletes (store_id, key, run_id, created_at)
    select ${storeId}::int, k.key, ${runId}::bigint, ${now}::timestamptz from jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where not ${copiesOnly}::boolean or exists (
      select from feedctl.proofs p where p.store_id = ${storeId} and p.key = k.key and p.copied_by is not null)
    order by k.key
    on conflict (store_id, key) do nothing`.execute(db);
}

/** Those of `keys` that have a pending delete. */
export async function listPendingDeletesAmong(db: Db, storeId: number, keys: readonly string[]): Promise<Key[]> {
  if (keys.length === 0) return [];
  const rows = await sql<{ key: Key }>`
    select d.key from feedctl.pending_deletes d join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key) on k.key = d.key
    where d.store_id = ${storeId}`.execute(db);
  return rows.rows.map((row) => row.key);
}

/** Those of `keys` whose pending delete the run has recorded. */
export async function listDeletesOfRun(db: Db, { storeId, runId }: Writer, keys: readonly string[]): Promise<Key[]> {
  if (keys.length === 0) return [];
  const rows = await sql<{ key: Key }>`
    select d.key from feedctl.pending_deletes d join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key) on k.key = d.key
    where d.store_id = ${storeId} and d.run_id = ${runId}::bigint`.execute(db);
  return rows.rows.map((row) => row.key);
}

/** Whether a run has recorded a pending delete that is not finished, in any store. */
export async function hasDeletesOfRun(db: Db, runId: number): Promise<boolean> {
  const found = await sql<{ found: boolean }>`
    select exists (select from feedctl.pending_deletes where run_id = ${runId}::bigint) as found`.execute(db);
  return found.rows[0]?.found === true;
}

export interface PendingRange {
  storeId: number;
  feedId: number;
  /** Only keys after this one. */
  after?: Key | "" | undefined;
  /** Also those whose next try is later. */
  all?: boolean | undefined;
  limit: number;
}

/**
 * Pending deletes of a store in the order of their keys, without those that failed and whose next try is later. `due`:
 * no row of the feed has the key. `reclaimed`: a row has the key again, because the
 * package was imported after its deletion, so the pending delete must be dropped and the blob must stay. Keys with a
 * write intent are left out: the run that holds the intent drops the pending delete.
 */
export async function listPendingDeletes(
  db: Db,
  { storeId, feedId, after = "", all = false, limit }: PendingRange,
): Promise<{ due: Key[]; reclaimed: Key[]; last: Key | undefined }> {
  const rows = await sql<{ key: Key; used: boolean }>`
    select d.key, exists (select from feedctl.files f where f.feed_id = ${feedId} and f.key = d.key) as used
    from feedctl.pending_deletes d where d.store_id = ${storeId} and d.key > ${after}
      and (${all}::boolean or d.next_try is null or d.next_try <= pg_catalog.clock_timestamp())
      and not exists (select from feedctl.pending_writes w where w.store_id = d.store_id and w.key = d.key)
    order by d.key limit ${limit}`.execute(db);
  return {
    due: rows.rows.filter((row) => !row.used).map((row) => row.key),
    reclaimed: rows.rows.filter((row) => row.used).map((row) => row.key),
    last: rows.rows.at(-1)?.key,
  };
}

/** Keys of a store that have a write intent or a pending delete. */
export async function listPendingKeys(db: Db, storeId: number): Promise<Key[]> {
  const rows = await sql<{ key: Key }>`
    select key from feedctl.pending_writes where store_id = ${storeId}
    union select key from feedctl.pending_deletes where store_id = ${storeId}`.execute(db);
  return rows.rows.map((row) => row.key);
}

/** Whether a key has a write intent or a pending delete. */
export async function isPending(db: Db, storeId: number, key: Key): Promise<boolean> {
  const found = await sql<{ pending: boolean }>`
    select exists (select from feedctl.pending_writes where store_id = ${storeId} and key = ${key})
      or exists (select from feedctl.pending_deletes where store_id = ${storeId} and key = ${key}) as pending`.execute(
    db,
  );
  return found.rows[0]?.pending === true;
}

/**
 * Records why the blobs of pending deletes were not deleted. Their next try is 5 minutes later by the catalog's clock,
 * then 4 times as long after each further failure, up to a day.
 */
export async function postponeDeletes(
  db: Db,
  storeId: number,
  failures: readonly { key: Key; reason: string }[],
): Promise<void> {
  if (failures.length === 0) return;
  await sql`
    update feedctl.pending_deletes d
    set attempts = d.attempts + 1, reason = f.reason,
      next_try = clock_timestamp() + least(interval '1 day', interval '5 minutes' * power(4, least(d.attempts, 6)))
    from jsonb_to_recordset(${JSON.stringify(failures)}::jsonb) as f(key text, reason text)
    where d.store_id = ${storeId} and d.key = f.key`.execute(db);
}

/** A pending delete, and how its last try failed. */
export interface WaitingDelete {
  key: Key;
  since: Date;
  /** How often it was tried. */
  attempts: number;
  /** Why it failed; null when it was not tried. */
  reason: string | null;
  /** When it is tried again; null when it is due. */
  nextTry: Date | null;
}

/** The pending deletes of a store: how many, and up to `limit` of those that failed, the latest first. */
export interface WaitingDeletes {
  deletes: number;
  failed: WaitingDelete[];
}

export async function readWaitingDeletes(db: Db, storeId: number, limit: number): Promise<WaitingDeletes> {
  const failed = await sql<WaitingDelete>`
    select key, created_at as since, attempts, reason, next_try as "nextTry" from feedctl.pending_deletes
    where store_id = ${storeId} and reason is not null order by next_try desc, key limit ${limit}`.execute(db);
  return { deletes: await countDeletes(db, storeId), failed: failed.rows };
}

export async function forgetDeletes(db: Db, storeId: number, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    delete from feedctl.pending_deletes d using jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where d.store_id = ${storeId} and d.key = k.key`.execute(db);
}

/** How many pending deletes a store has. */
export async function countDeletes(db: Db, storeId: number): Promise<number> {
  const row = await db
    .selectFrom("pending_deletes")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("store_id", "=", storeId)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** For a store that holds no blobs any more. */
export async function forgetAllDeletes(db: Db, storeId: number): Promise<void> {
  await db.deleteFrom("pending_deletes").where("store_id", "=", storeId).execute();
}
