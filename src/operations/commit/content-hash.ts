import { isFeedctlError } from "../../errors.ts";
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
