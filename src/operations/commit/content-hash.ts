import { isFeedctlError, isUnreadableBlob, type FeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";

/** Reads a stored blob and returns its SHA-256 in hex; undefined when it does not exist. */
export async function contentHash(store: Store, key: Key, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await hashStream(await store.get(key, { signal }))).sha256;
  } catch (error) {
    if (isFeedctlError(error, "not-found")) return undefined;
    throw error;
  }
}

/** Like `contentHash`, and returns the error of a blob that alone cannot be read: the others must not wait for it. */
export async function tryContentHash(
  store: Store,
  key: Key,
  signal: AbortSignal,
): Promise<string | undefined | FeedctlError> {
  return contentHash(store, key, signal).catch((error: unknown) => {
    if (!isUnreadableBlob(error)) throw error;
    return error;
  });
}
