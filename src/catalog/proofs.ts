import { sql } from "kysely";
import { fileColumns, fileTables, type FileRow } from "./files.ts";
import type { Db } from "./schema.ts";

/** While the store shows `tag` for `key`, its bytes have this hash (hex). */
export interface Proof {
  key: string;
  tag: string;
  sha256: string;
}

export interface NewProof extends Proof {
  /** The blob was put there now, rather than found. */
  copied: boolean;
  /** A row of the catalog names it. */
  catalogued: boolean;
}

/** A blob that this migration has put there stays its own when it is proven again. */
export async function saveProofs(
  db: Db,
  storeId: number,
  migrationId: number,
  proofs: readonly NewProof[],
  now: Date,
): Promise<void> {
  if (proofs.length === 0) return;
  await sql`
    insert into feedctl.proofs as old (store_id, key, tag, sha256, proven_at, copied_by, catalogued)
    select ${storeId}::int, p.key, p.tag, decode(p.sha256, 'hex'), ${now}::timestamptz,
      case when p.copied then ${migrationId}::bigint end, p.catalogued
    from jsonb_to_recordset(${JSON.stringify(proofs)}::jsonb)
      as p(key text, tag text, sha256 text, copied boolean, catalogued boolean)
    on conflict (store_id, key) do update set tag = excluded.tag, sha256 = excluded.sha256,
      proven_at = excluded.proven_at, catalogued = excluded.catalogued,
      copied_by = coalesce(excluded.copied_by, case when old.tag = excluded.tag then old.copied_by end)`.execute(db);
}

const PAGE = 2000;

/** All proofs of a store by key, in UTF-8 byte order, in pages; of a migration only what it has copied itself. */
export async function* listProofs(db: Db, storeId: number, copiedBy?: number): AsyncGenerator<Proof> {
  let after = "";
  for (;;) {
    const page = await sql<Proof>`select key, tag, encode(sha256, 'hex') as sha256 from feedctl.proofs
      where store_id = ${storeId} and key > ${after} and (${copiedBy ?? null}::bigint is null or copied_by = ${copiedBy ?? null}::bigint)
      order by key limit ${PAGE}`.execute(db);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.key;
  }
}

/** A row whose blob no proof shows in the store with the row's hash; `tag`: a proof of other bytes there. */
export type UnprovenRow = FileRow & { tag: string | null };

/** Rows of a feed behind `after`, up to and with `upTo`, by key. */
export async function listUnproven(
  db: Db,
  feedId: number,
  storeId: number,
  range: { after: string; upTo: string | null; limit: number },
): Promise<UnprovenRow[]> {
  const rows = await sql<UnprovenRow>`
    select ${fileColumns}, p.tag from ${fileTables}
    left join feedctl.proofs p on p.store_id = ${storeId} and p.key = f.key
    where f.feed_id = ${feedId} and f.key > ${range.after} and (${range.upTo}::text is null or f.key <= ${range.upTo}::text)
      and p.sha256 is distinct from f.sha256
    order by f.key limit ${range.limit}`.execute(db);
  return rows.rows;
}

export async function countUnproven(db: Db, feedId: number, storeId: number): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::float8 as count from feedctl.files f
    left join feedctl.proofs p on p.store_id = ${storeId} and p.key = f.key
    where f.feed_id = ${feedId} and p.sha256 is distinct from f.sha256`.execute(db);
  return found.rows[0]?.count ?? 0;
}

/**
 * Blobs that a migration copied for rows that are gone since, or as the leavings of a dead run (`withdrawn`): recorded as
 * pending deletes. Returns how many.
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

/** After a switch: the tags proven in the new store become the files' own. */
export async function adoptProofs(db: Db, feedId: number, storeId: number, now: Date): Promise<void> {
  await sql`
    update feedctl.files f set store_tag = p.tag, verified_at = ${now}::timestamptz
    from feedctl.proofs p where f.feed_id = ${feedId} and p.store_id = ${storeId} and p.key = f.key and p.sha256 = f.sha256`.execute(
    db,
  );
}

/** Before a switch: what is known of the blobs in the old store stays known, for the day when it is taken back. */
export async function keepOldProofs(db: Db, feedId: number, storeId: number, now: Date): Promise<void> {
  await sql`
    insert into feedctl.proofs (store_id, key, tag, sha256, proven_at, catalogued)
    select ${storeId}::int, f.key, f.store_tag, f.sha256, ${now}::timestamptz, true
    from feedctl.files f where f.feed_id = ${feedId} and f.store_tag is not null order by f.key
    on conflict (store_id, key) do update
      set tag = excluded.tag, sha256 = excluded.sha256, proven_at = excluded.proven_at, catalogued = true`.execute(db);
}

export async function forgetProofs(db: Db, storeId: number, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`delete from feedctl.proofs p using jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb) as k(key)
    where p.store_id = ${storeId} and p.key = k.key`.execute(db);
}
