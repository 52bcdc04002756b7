import { sql } from "kysely";
import { lockLost } from "./connection/errors.ts";
import type { Db } from "./schema/core.ts";

/**
 * Rejects with `unavailable` unless all these locks are still held. In a transaction they stay held until it ends: the
 * rows are locked, so that nobody can take the locks over. See `connection/session-locks.ts`.
 */
export async function proveLocks(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const held = await sql`
    select id from feedctl.locks where id in (select id::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as p(id))
    for key share`.execute(db);
  if (held.rows.length === new Set(ids).size) return;
  throw lockLost();
}
