import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

export interface VersionStatus {
  /** False: hidden from searches, but can be downloaded. */
  listed: boolean;
  /** True: may always be downloaded. False: never. Null: nothing is decided. */
  allowed: boolean | null;
  deprecated: boolean;
  deprecationReason: string | null;
  /** It came from an upstream connector. */
  cached: boolean;
}

/** Changes the status of versions. Returns the ids of those whose status was another one. */
export async function updateStatus(
  db: Db,
  ids: readonly number[],
  change: Partial<VersionStatus>,
): Promise<Set<number>> {
  const { listed, allowed, deprecated, deprecationReason, cached } = change;
  const set = [
    ...(listed === undefined ? [] : [["listed", sql`${listed}::boolean`] as const]),
    ...(allowed === undefined ? [] : [["allowed", sql`${allowed}::boolean`] as const]),
    ...(deprecated === undefined ? [] : [["deprecated", sql`${deprecated}::boolean`] as const]),
    ...(deprecationReason === undefined ? [] : [["deprecation_reason", sql`${deprecationReason}::text`] as const]),
    ...(cached === undefined ? [] : [["cached", sql`${cached}::boolean`] as const]),
  ];
  if (set.length === 0 || ids.length === 0) return new Set();
  const columns = set.map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
  const differs = set.map(([column, value]) => sql`${sql.ref(column)} is distinct from ${value}`);
  const changed = await sql<{ id: number }>`update feedctl.versions set ${sql.join(columns)}
    where id in (select id::bigint from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as d(id))
      and (${sql.join(differs, sql` or `)}) returning id::float8 as id`.execute(db);
  return new Set(changed.rows.map(({ id }) => id));
}
