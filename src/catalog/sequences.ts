import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

/** A sequence that gives the ids of a table. */
export interface Sequence {
  table: string;
  /** The last id that it gave; 0: none. */
  last: number;
  /** The highest id of a row; 0: no rows. */
  highest: number;
}

/**
 * The sequences that lag behind the rows of their tables. A copy of a catalog can have them: logical replication and
 * `pg_dump --data-only` of single tables copy rows and no sequences. Every insert then fails until the sequence has
 * passed the rows. https://www.postgresql.org/docs/current/logical-replication-restrictions.html
 */
export async function listLaggingSequences(db: Db): Promise<Sequence[]> {
  const tables = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'feedctl'::regnamespace and a.attname = 'id' and a.attidentity <> '' order by c.relname`.execute(
    db,
  );
  if (tables.rows.length === 0) return [];
  const states = tables.rows.map(({ name }) => {
    const sequence = sql.table(`feedctl.${name}_id_seq`);
    return sql`select ${name}::text as "table", (case when is_called then last_value else 0 end)::float8 as last,
      coalesce((select max(id) from ${sql.table(`feedctl.${name}`)}), 0)::float8 as highest from ${sequence}`;
  });
  const found = await sql<Sequence>`select * from (${sql.join(states, sql` union all `)}) s
    where s.last < s.highest order by s."table"`.execute(db);
  return found.rows;
}

/** Moves a sequence past the rows of its table, never back. */
export async function moveSequence(db: Db, { table, highest }: Sequence): Promise<void> {
  const name = `feedctl.${table}_id_seq`;
  await sql`select setval(${name}::regclass, greatest(${highest}::bigint, last_value)) from ${sql.table(name)}`.execute(
    db,
  );
}
