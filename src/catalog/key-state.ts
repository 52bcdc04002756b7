import { sql } from "kysely";
import type { Key } from "../lib/key.ts";
import { fileColumns, fileTables, type FileRow } from "./files.ts";
import type { Db } from "./schema/core.ts";

/** What the catalog has about one key of a store, in one snapshot. */
export interface KeyState {
  row: FileRow | undefined;
  /** The run that announced a write of the key, and has not recorded it yet. */
  writer: number | null;
  /** The run that deleted the row of the key; its blob is still to be deleted. */
  deleter: number | null;
  /** Why the last try to delete the blob failed. */
  reason: string | null;
  nextTry: Date | null;
  /** Whether the store is still the feed's current one. */
  isCurrent: boolean;
}

export async function readKeyState(
  db: Db,
  { feedId, storeId }: { feedId: number; storeId: number },
  key: Key,
): Promise<KeyState> {
  const found = await sql<Omit<KeyState, "row"> & { [Name in keyof FileRow]: FileRow[Name] | null }>`
    select f.*, k.key, w.run_id as writer, d.run_id as deleter, d.reason, d.next_try as "nextTry",
      exists (select from feedctl.stores s
        where s.id = ${storeId} and s.feed_id = ${feedId} and s.role = 'current') as "isCurrent"
    from (select ${key}::text as key) k
    left join (select ${fileColumns} from ${fileTables} where f.feed_id = ${feedId} and f.key = ${key}) f on true
    left join feedctl.pending_writes w on w.store_id = ${storeId} and w.key = k.key
    left join feedctl.pending_deletes d on d.store_id = ${storeId} and d.key = k.key`.execute(db);
  const [state] = found.rows;
  if (state === undefined) throw new Error("a left join has no row");
  const { writer, deleter, reason, nextTry, isCurrent, ...row } = state;
  return { row: row.id === null ? undefined : (row as FileRow), writer, deleter, reason, nextTry, isCurrent };
}
