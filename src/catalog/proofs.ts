import { sql } from "kysely";
import type { Db } from "./schema.ts";

/** While the store shows `tag` for `key`, its bytes have this hash (hex). */
export interface Proof {
  key: string;
  tag: string;
  sha256: string;
}

export async function saveProofs(db: Db, storeId: number, proofs: readonly Proof[], now: Date): Promise<void> {
  if (proofs.length === 0) return;
  await sql`
    insert into feedctl.proofs (store_id, key, tag, sha256, proven_at)
    select ${storeId}::int, p.key, p.tag, decode(p.sha256, 'hex'), ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(proofs)}::jsonb) as p(key text, tag text, sha256 text)
    on conflict (store_id, key) do update set tag = excluded.tag, sha256 = excluded.sha256, proven_at = excluded.proven_at`.execute(
    db,
  );
}

const PAGE = 2000;

/** All proofs of a store by key, in UTF-8 byte order, in pages. */
export async function* listProofs(db: Db, storeId: number): AsyncGenerator<Proof> {
  let after = "";
  for (;;) {
    const page = await sql<Proof>`select key, tag, encode(sha256, 'hex') as sha256 from feedctl.proofs
      where store_id = ${storeId} and key > ${after} order by key limit ${PAGE}`.execute(db);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || page.rows.length < PAGE) return;
    after = last.key;
  }
}

/** After a switch: the tags proven in the new store become the files' own. */
export async function adoptProofs(db: Db, feedId: number, storeId: number, now: Date): Promise<void> {
  await sql`
    update feedctl.files f set store_tag = p.tag, verified_at = ${now}::timestamptz
    from feedctl.proofs p where f.feed_id = ${feedId} and p.store_id = ${storeId} and p.key = f.key and p.sha256 = f.sha256`.execute(
    db,
  );
}
