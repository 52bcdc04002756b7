import { batched, batchesOf } from "../../lib/lists/batches.ts";
import { compareKeys } from "../../lib/key.ts";
import type { Key } from "../../lib/key.ts";
import type { Attempts } from "./recovery.ts";
import type { BlobInfo, ListOptions, Store } from "../store.ts";

/**
 * Lists `store`. When the listing fails it starts again and skips every key up to the last one it yielded. That is safe
 * only while keys are strictly increasing; otherwise an error after the first key is thrown.
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
  options: ListOptions,
  { recover, succeeded }: Attempts,
): AsyncGenerator<readonly BlobInfo[], void, undefined> {
  const { signal, onForeign } = options;
  const foreign = new Set<string>();
  const reportOnce = (name: string, problem?: string) => {
    if (foreign.has(name)) return;
    foreign.add(name);
    onForeign?.(name, problem);
  };
  let last: Key | undefined;
  let ordered = store.features.sortedList;
  for (;;) {
    try {
      let previous: Key | undefined;
      const skipTo = last;
      for await (const blobs of batchesOf(store.list(prefix, { ...options, onForeign: reportOnce }))) {
        for (const { key } of blobs) {
          if (previous !== undefined && compareKeys(previous, key) >= 0) ordered = false;
          previous = key;
        }
        const fresh = skipTo === undefined ? blobs : blobs.filter(({ key }) => compareKeys(key, skipTo) > 0);
        if (fresh.length === 0) continue;
        last = fresh.at(-1)?.key;
        succeeded();
        yield fresh;
      }
      succeeded();
      return;
    } catch (error) {
      if (last !== undefined && !ordered) throw error;
      await recover(error, signal);
    }
  }
}
