import { compareKeys } from "./key.ts";
import type { Key } from "./key.ts";
import type { Recover } from "./retry.ts";
import type { BlobInfo, CallOptions, Store } from "./store.ts";

interface ListOptions extends CallOptions {
  onForeign?: ((name: string) => void) | undefined;
}

/**
 * The listing of `store`; when it breaks it is read again and every key up to the last one told is skipped. That is
 * safe only while keys come strictly increasing; otherwise, once a key was told, the error stands.
 */
export async function* resumingList(
  store: Store,
  prefix: string,
  { signal, onForeign }: ListOptions,
  { recover, succeeded }: { recover: Recover; succeeded: () => void },
): AsyncGenerator<BlobInfo, void, undefined> {
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
      for await (const blob of store.list(prefix, { signal, onForeign: tellOnce })) {
        if (previous !== undefined && compareKeys(previous, blob.key) >= 0) ordered = false;
        previous = blob.key;
        if (skipTo !== undefined && compareKeys(blob.key, skipTo) <= 0) continue;
        told = blob.key;
        succeeded();
        yield blob;
      }
      return;
    } catch (error) {
      if (told !== undefined && !ordered) throw error;
      await recover(error, signal);
    }
  }
}
