import { batched, batchesOf } from "../../lib/batches.ts";
import { compareKeys } from "../key.ts";
import type { Key } from "../key.ts";
import type { Attempts } from "./recovery.ts";
import type { BlobInfo, CallOptions, Store } from "../store.ts";

interface ListOptions extends CallOptions {
  onForeign?: ((name: string) => void) | undefined;
}

/**
 * The listing of `store`; when it breaks it is read again and every key up to the last one told is skipped. That is
 * safe only while keys come strictly increasing; otherwise, once a key was told, the error stands.
 */
export function resumingList(
  store: Store,
  prefix: string,
  options: ListOptions,
  attempts: Attempts,
): AsyncGenerator<BlobInfo, void, undefined> {
  return batched(() => resumingBatches(store, prefix, options, attempts));
}

async function* resumingBatches(
  store: Store,
  prefix: string,
  { signal, onForeign }: ListOptions,
  { recover, succeeded }: Attempts,
): AsyncGenerator<readonly BlobInfo[], void, undefined> {
  const foreign = new Set<string>();
  const tellOnce = (name: string) => {
    if (foreign.has(name)) return;
    foreign.add(name);
    onForeign?.(name);
  };
  let told: Key | undefined;
  let ordered = store.features.sortedList;
  for (;;) {
    try {
      let previous: Key | undefined;
      const skipTo = told;
      for await (const blobs of batchesOf(store.list(prefix, { signal, onForeign: tellOnce }))) {
        for (const { key } of blobs) {
          if (previous !== undefined && compareKeys(previous, key) >= 0) ordered = false;
          previous = key;
        }
        const fresh = skipTo === undefined ? blobs : blobs.filter(({ key }) => compareKeys(key, skipTo) > 0);
        if (fresh.length === 0) continue;
        told = fresh.at(-1)?.key;
        succeeded();
        yield fresh;
      }
      succeeded();
      return;
    } catch (error) {
      if (told !== undefined && !ordered) throw error;
      await recover(error, signal);
    }
  }
}
