import { sql } from "kysely";
import type { Key } from "../../lib/key.ts";
import { unchecked, type Unchecked } from "../connection/check-keys.ts";
import { described, fileColumns, fileTables, type FileRow } from "../files.ts";
import type { Writer } from "../pending.ts";
import type { Db } from "../schema/core.ts";

/** As long as the store reports `tag` for `key`, the blob has this SHA-256 (hex). */
export interface Proof {
  key: Key;
  tag: string;
  sha256: string;
  /** Fingerprint of the properties that the blob carries, as in `FileRow`; null: not known. */
  described: string | null;
}

export interface SavedProof extends Proof {
  /** The migration that copied the blob; null: the blob existed before. */
  copiedBy: number | null;
  /** The tag was kept when the feed left the store. The blob was not read since, and may have changed behind it. */
  unread: boolean;
}

export interface NewProof extends Proof {
  /** This migration copied the blob, now or earlier; false: the blob existed before. */
  copied: boolean;
  /** A row of the catalog has this key. */
  catalogued: boolean;
}

/**
 * Records write intents before blobs are copied to keys that do not exist in the target. A blob with this hash that is
 * found there later is the migration's own copy, even if the process dies before it saves the proof.
 */
export async function announceCopies(
  db: Db,
  { storeId, runId, now }: Writer & { now: Date },
  copies: readonly Pick<Proof, "key" | "sha256">[],
): Promise<void> {
  if (copies.length === 0) return;
  const known = JSON.stringify(copies.map(({ key, sha256 }) => ({ key, sha256 })));
  await sql`
    insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at)
    select ${storeId}::int, c.key, decode(c.sha256, 'hex'), ${runId}::bigint, ${now}::timestamptz
    from jsonb_to_recordset(${known}::jsonb) as c(key text, sha256 text) order by c.key
    on conflict (store_id, key) do update
      set sha256 = excluded.sha256, run_id = excluded.run_id, replacement = null`.execute(db);
}

/**
 * SHA-256 (hex) of the write intents that a migration has for these keys, by key. Saving the proof removes the intent.
 */
export async function listAnnouncedCopies(
  db: Db,
  storeId: number,
  keys: readonly string[],
): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const found = await sql<Pick<Proof, "key" | "sha256">>`
    select w.key, encode(w.sha256, 'hex') as sha256 from feedctl.pending_writes w
    join jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key) on k.key = w.key
    where w.store_id = ${storeId}`.execute(db);
  return new Map(found.rows.map(({ key, sha256 }) => [key, sha256]));
}

/**
 * Saves proofs and removes the write intents of their keys. A blob that this migration copied, or announced to copy, is
 * its own copy, and remains so when it is proven again. What follows an @ in a disk's tag does not make it another blob.
 */
export async function saveProofs(
  db: Db,
  { storeId, migrationId, now }: { storeId: number; migrationId: number; now: Date },
  proofs: readonly NewProof[],
): Promise<void> {
  if (proofs.length === 0) return;
  await sql`
    with p as (
      select * from jsonb_to_recordset(${JSON.stringify(proofs)}::jsonb)
        as given(key text, tag text, sha256 text, copied boolean, catalogued boolean, described text)
    ), announced as (
      delete from feedctl.pending_writes w using p where w.store_id = ${storeId} and w.key = p.key
      returning w.key, encode(w.sha256, 'hex') as sha256
    )
    insert into feedctl.proofs as old (store_id, key, tag, sha256, proven_at, copied_by, catalogued, described)
    select ${storeId}::int, p.key, p.tag, decode(p.sha256, 'hex'), ${now}::timestamptz,
      case when p.copied or a.key is not null then ${migrationId}::bigint end, p.catalogued, p.described
    from p left join announced a on a.key = p.key and a.sha256 = p.sha256 order by p.key
    on conflict (store_id, key) do update set tag = excluded.tag, sha256 = excluded.sha256,
      proven_at = excluded.proven_at, catalogued = excluded.catalogued, described = excluded.described, unread = false,
      copied_by = coalesce(excluded.copied_by, case when split_part(old.tag, '@', 1) = split_part(excluded.tag, '@', 1) then old.copied_by end)`.execute(
    db,
  );
}

const PAGE = 2000;

/**
 * The proofs of a store by key, in UTF-8 byte order, in pages. `copiedBy`: only of blobs that this migration copied.
 */
export async function* listProofs(db: Db, storeId: number, copiedBy?: number): AsyncGenerator<SavedProof> {
  let after = "";
  for (;;) {
    const page = await sql<SavedProof>`select key, tag, encode(sha256, 'hex') as sha256, described,
        copied_by::float8 as "copiedBy", unread from feedctl.proofs
      where store_id = ${storeId} and key > ${after} and (${copiedBy ?? null}::bigint is null or copied_by = ${copiedBy ?? null}::bigint)
      order by key limit ${PAGE}`.execute(db);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.key;
  }
}

/** A file for which no proof shows that the blob in the store has its hash and its properties. */
export type UnprovenRow = FileRow & {
  /** Tag of the proof for this key, which has another hash or other properties; null: no proof exists. */
  tag: string | null;
  /** Whether that proof has the file's hash; null: no proof exists. */
  sameBytes: boolean | null;
  copiedBy: number | null;
  /** As in `SavedProof`; null: no proof exists. */
  unread: boolean | null;
};

const isProven = sql`(p.unread is not true and p.sha256 is not distinct from f.sha256 and (a.file_id is null or p.described is not distinct from ${described}))`;

/**
 * Unproven files of a feed by key: those after `after`, up to and including `upTo` (null: to the end). Keys are not
 * checked: a row with an invalid one is a failure of that row.
 */
export async function listUnproven(
  db: Db,
  feedId: number,
  storeId: number,
  range: { after: string; upTo: string | null; limit: number },
): Promise<Unchecked<UnprovenRow>[]> {
  const rows = await sql<Unchecked<UnprovenRow>>`
    select ${fileColumns}, p.tag, p.sha256 = f.sha256 as "sameBytes", p.copied_by::float8 as "copiedBy", p.unread from ${fileTables}
    left join feedctl.proofs p on p.store_id = ${storeId} and p.key = f.key
    where f.feed_id = ${feedId} and f.key > ${range.after} and (${range.upTo}::text is null or f.key <= ${range.upTo}::text)
      and not ${isProven}
    order by f.key limit ${range.limit}`.execute(unchecked(db));
  return rows.rows;
}

export async function countUnproven(db: Db, feedId: number, storeId: number): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::float8 as count from feedctl.files f
    left join feedctl.assets a on a.file_id = f.id
    left join feedctl.proofs p on p.store_id = ${storeId} and p.key = f.key
    where f.feed_id = ${feedId} and not ${isProven}`.execute(db);
  return found.rows[0]?.count ?? 0;
}

/**
 * Records pending deletes for blobs that a migration copied although they are not needed: their rows were deleted
 * meanwhile, or a dead run had left them in the source (`withdrawn`). Returns how many.
 */
export async function recordStale(
  db: Db,
  input: {
    feedId: number;
    storeId: number;
    migrationId: number;
    runId: number;
    withdrawn: readonly string[];
    now: Date;
  },
): Promise<number> {
  const { feedId, storeId, migrationId, runId, withdrawn, now } = input;
  const done = await sql`
    insert into feedctl.pending_deletes (store_id, key, run_id, created_at)
    select p.store_id, p.key, ${runId}::bigint, ${now}::timestamptz from feedctl.proofs p
    where p.store_id = ${storeId} and p.copied_by = ${migrationId}
      and (p.catalogued or p.key in (select jsonb_array_elements_text(${JSON.stringify(withdrawn)}::jsonb)))
      and not exists (select from feedctl.files f where f.feed_id = ${feedId} and f.key = p.key)
    order by p.key on conflict (store_id, key) do nothing`.execute(db);
  return Number(done.numAffectedRows ?? 0n);
}

/** After a switch: copies the tags proven in the new store to the file rows. */
export async function adoptProofs(db: Db, feedId: number, storeId: number, now: Date): Promise<void> {
  await sql`
    update feedctl.files f set store_tag = p.tag, verified_at = ${now}::timestamptz
    from feedctl.proofs p where f.feed_id = ${feedId} and p.store_id = ${storeId} and p.key = f.key and p.sha256 = f.sha256`.execute(
    db,
  );
}

/**
 * Before a switch: saves the tags of the blobs in the old store as unread proofs. They show a rollback which blobs are the
 * feed's own.
 */
export async function keepOldProofs(db: Db, feedId: number, storeId: number, now: Date): Promise<void> {
  await sql`
    insert into feedctl.proofs (store_id, key, tag, sha256, proven_at, catalogued, described, unread)
    select ${storeId}::int, f.key, f.store_tag, f.sha256, ${now}::timestamptz, true, ${described}, true
    from feedctl.files f left join feedctl.assets a on a.file_id = f.id
    where f.feed_id = ${feedId} and f.store_tag is not null order by f.key
    on conflict (store_id, key) do update set tag = excluded.tag, sha256 = excluded.sha256,
      proven_at = excluded.proven_at, catalogued = true, described = excluded.described, unread = true`.execute(db);
}

/** Whether a migration has copied blobs to a store, or announced it. */
export async function hasCopies(db: Db, storeId: number): Promise<boolean> {
  const found = await sql<{ has: boolean }>`
    select exists (select from feedctl.proofs where store_id = ${storeId})
      or exists (select from feedctl.pending_writes where store_id = ${storeId}) as has`.execute(db);
  return found.rows[0]?.has === true;
}

/** Deletes all write intents of a store, once no run can fulfil them any more. */
export async function forgetAnnounced(db: Db, storeId: number): Promise<void> {
  await db.deleteFrom("pending_writes").where("store_id", "=", storeId).execute();
}

/** Deletes the proofs and write intents of copies that were deleted. */
export async function forgetCopies(db: Db, storeId: number, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    with gone as (select key from jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)), announced as (
      delete from feedctl.pending_writes w using gone where w.store_id = ${storeId} and w.key = gone.key
    )
    delete from feedctl.proofs p using gone where p.store_id = ${storeId} and p.key = gone.key`.execute(db);
}
