import type { KyselyPlugin } from "kysely";
import { FeedctlError } from "../../errors.ts";
import { keyProblem, type Key } from "../../lib/key.ts";
import type { Db } from "../schema/core.ts";

/**
 * Checks the column `key` of every result, so that a row whose key was tampered with never becomes a path on a disk.
 * A query rejects with `invalid` when one of its rows has another text there. Columns of other names are not checked:
 * only `key` may have the type `Key`.
 */
export const checkKeys: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  async transformResult({ result }) {
    const [first] = result.rows;
    if (first !== undefined && "key" in first) for (const { key } of result.rows) requireKey(key as string);
    return result;
  },
};

/** Throws `invalid` with the reason when `text` is not a key. For keys inside a JSON column. */
export function requireKey(text: string): asserts text is Key {
  const problem = keyProblem(text);
  if (problem !== undefined) throw new FeedctlError("invalid", `the key ${JSON.stringify(text)} ${problem}`);
}

/** A row as `unchecked` reads it. */
export type Unchecked<Row extends { key: Key }> = Omit<Row, "key"> & { key: string };

/** For a listing whose caller reports a row with an invalid key and continues with the others. */
export function unchecked(db: Db): Db {
  return db.withoutPlugins();
}
