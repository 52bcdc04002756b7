import { isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import type { DeleteFailure, Store } from "../../stores/store.ts";

/**
 * Deletes blobs and returns those that were not deleted, with the reason for each: a lock, a hold or a missing
 * permission on one blob does not keep the others. Keys that do not exist are ignored. Throws when the store itself
 * fails.
 */
export async function deleteBlobs(store: Store, keys: readonly Key[], signal: AbortSignal): Promise<DeleteFailure[]> {
  if (keys.length === 0) return [];
  const failures = await tryAll(store, keys, signal);
  const outage = failures.find(({ error }) => error.code === "unavailable");
  const doubtful = outage ?? (failures.length === keys.length ? failures[0] : undefined);
  if (doubtful !== undefined) await requireResponse(store, doubtful.error, signal);
  return failures;
}

async function tryAll(store: Store, keys: readonly Key[], signal: AbortSignal): Promise<DeleteFailure[]> {
  if (store.deleteMany !== undefined) {
    try {
      return await store.deleteMany(keys, { signal });
    } catch (error) {
      // the credentials may lack only the permission to delete
      if (!isFeedctlError(error, "denied")) throw error;
      return keys.map((key) => ({ key, error }));
    }
  }
  const failures: DeleteFailure[] = [];
  for (const key of keys) {
    try {
      await store.delete(key, { signal });
    } catch (error) {
      if (!isFeedctlError(error) || error.code === "interrupted") throw error;
      failures.push({ key, error });
      if (error.code === "unavailable") await requireResponse(store, error, signal);
    }
  }
  return failures;
}

/** Throws `error`, of a failed delete, when the store does not list its blobs either: it is not about one blob then. */
async function requireResponse(store: Store, error: Error, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of store.list("", { signal })) return;
  } catch {
    throw error;
  }
}
