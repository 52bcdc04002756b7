import { proveLocks } from "../../catalog/locks.ts";
import type { Db } from "../../catalog/schema/core.ts";

/** Something that holds locks: a lock itself, several, a run, or the target of a write. */
export interface Holder {
  /** Ids of the locks, as in `CatalogLock`. */
  readonly proofs: readonly string[];
  /** Proves, in the transaction, what is held besides locks. */
  alsoProve?: ((transaction: Db) => Promise<void>) | undefined;
}

/**
 * Runs `work` in a transaction that proves that all these locks are still held and keeps them until it ends. Every
 * change that relies on a lock is made in here: a lock that was asked for earlier may have been lost since.
 *
 * Blobs are deleted in here as well, so that nobody can take over the lock, import the package again, and lose its blob
 * to a deletion that is still on its way.
 */
export async function commit<T>(db: Db, holders: readonly Holder[], work: (transaction: Db) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (transaction) => {
    await prove(transaction, holders);
    return work(transaction);
  });
}

/** Proves in a transaction, until whose end they stay so, that all these locks are still held. */
export async function prove(transaction: Db, holders: readonly Holder[]): Promise<void> {
  await proveLocks(
    transaction,
    holders.flatMap(({ proofs }) => proofs),
  );
  for (const holder of holders) await holder.alsoProve?.(transaction);
}

/** As `commit`; with `dryRun` it returns what would be committed, but rolls back. */
export async function commitUnless<T>(
  dryRun: boolean,
  db: Db,
  holders: readonly Holder[],
  work: (transaction: Db) => Promise<T>,
): Promise<T> {
  let result: { value: T } | undefined;
  const rolledBack = new Error("rolled back: a dry run");
  try {
    return await commit(db, holders, async (transaction) => {
      result = { value: await work(transaction) };
      if (dryRun) throw rolledBack;
      return result.value;
    });
  } catch (error) {
    if (error !== rolledBack || result === undefined) throw error;
    return result.value;
  }
}
