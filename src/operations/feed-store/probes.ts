import { isFeedctlError } from "../../errors.ts";
import { hashBytes } from "../../lib/bytes/hash.ts";
import { isProbe, PROBES, probeKey, type Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import type { StoreTraits } from "../../stores/traits.ts";
import type { Context } from "../context.ts";
import { memorySource } from "../local-files/memory-source.ts";

/** A probe that is older was left by a killed process: each takes seconds. */
const HOUR = 3600_000;

/** The key of a probe in a folder that no other process uses. */
export function newProbe(context: Pick<Context, "randomBytes">, name?: string): Key {
  return probeKey(context.randomBytes(8), name);
}

/**
 * Deletes the probes that killed processes have left: those that are at least an hour older than a new one, both by the
 * store's own clock. Returns how many. Sends one request when there are none, and does nothing where `lock` would keep the
 * new one. A failure of the store is reported only, because listings leave probes out.
 */
export async function removeOldProbes(context: Context, store: Store, lock?: StoreTraits["lock"]): Promise<number> {
  if (lock?.days !== undefined || lock?.mode === "immutable" || lock?.mode === "legal hold") return 0;
  const { signal } = context;
  let removed = 0;
  try {
    const left = await timesOf(store, PROBES, signal);
    if (left.size === 0) return 0;
    const now = await timeOfStore(context, store);
    for (const [key, modified] of left) {
      if (now - modified < HOUR || !isProbe(key)) continue;
      await store.delete(key, { signal });
      await store.purge?.(key, { signal });
      removed++;
    }
  } catch (error) {
    if (!isFeedctlError(error) || signal.aborted) throw error;
    context.notice(`could not remove old probes below ${PROBES} of ${store.name}: ${error.message}`);
  }
  return removed;
}

/** The store's time, as it lists a new probe. */
export async function timeOfStore(context: Context, store: Store): Promise<number> {
  const { signal } = context;
  const key = newProbe(context, "time");
  const source = memorySource(Buffer.from("feedctl asks what time it is\n"));
  try {
    await store.put(key, source, { ifExists: "replace", replaces: false, ...hashBytes(source.bytes), signal });
    return (await timesOf(store, key, signal)).get(key) ?? 0;
  } finally {
    await store.delete(key);
    await store.purge?.(key);
  }
}

async function timesOf(store: Store, prefix: string, signal: AbortSignal): Promise<Map<Key, number>> {
  const times = new Map<Key, number>();
  for await (const { key, modified } of store.list(prefix, { signal })) times.set(key, modified.getTime());
  return times;
}
