import { FeedctlError } from "../../errors.ts";
import { batched, batchesOf } from "../../lib/lists/batches.ts";
import { compareKeys, type Key } from "../../lib/key.ts";
import { sortOnDisk, type SortInput } from "../../lib/lists/sort-on-disk.ts";
import { diskError } from "../disk/index.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, CallOptions, Store } from "../store.ts";

/** Where and how listings are sorted. Tests make the runs small. */
export type SortingOptions = Pick<SortInput<unknown>, "folder" | "run" | "width">;

/** After so many blobs an interruption is noticed. */
const BATCH = 1_000;

/**
 * The same store, whose listings always come in UTF-8 byte order. A listing that the provider does not sort is read to
 * its end and sorted on disk, in a folder below `folder`, before its first blob is yielded. Wrap it in `retrying`, which
 * starts a listing again that failed before its first blob.
 */
export function sorting(store: Store, options: SortingOptions): Store {
  return {
    ...store,
    features: {
      get atomicCreate() {
        return store.features.atomicCreate;
      },
      metadata: store.features.metadata,
      listsAll: store.features.listsAll,
      sortedList: true,
    },
    list: (prefix, call = {}) =>
      batched(() => listInOrder(store, () => store.list(prefix, call), { ...options, signal: call.signal })),
  };
}

async function* listInOrder(
  store: Store,
  open: () => AsyncIterable<BlobInfo>,
  options: SortingOptions & CallOptions,
): AsyncGenerator<readonly BlobInfo[], void, undefined> {
  const batches = batchesOf(open())[Symbol.asyncIterator]();
  try {
    const first = await batches.next();
    if (first.done === true) return;
    const all = resumed(first.value, batches);
    if (store.features.sortedList) return yield* all;
    let last: Key | undefined;
    for await (const sorted of sortOnDisk({ ...options, batches: all, compare: byKey })) {
      for (const { key } of sorted) {
        if (key === last) throw repeated(store, key);
        last = key;
      }
      for (let i = 0; i < sorted.length; i += BATCH) {
        throwIfInterrupted(options.signal);
        yield sorted.slice(i, i + BATCH).map(revived);
      }
    }
  } catch (error) {
    throw diskError(error, "sort a listing in", options.folder);
  } finally {
    await batches.return?.();
  }
}

async function* resumed(
  first: readonly BlobInfo[],
  rest: AsyncIterator<readonly BlobInfo[]>,
): AsyncGenerator<readonly BlobInfo[], void, undefined> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function byKey(a: BlobInfo, b: BlobInfo): number {
  return compareKeys(a.key, b.key);
}

/** Time as it was before the blob was written to a file as JSON. */
function revived(blob: BlobInfo): BlobInfo {
  return { ...blob, modified: new Date(blob.modified) };
}

/** A listing that begins again after some pages may also leave blobs out. */
function repeated({ name }: Store, key: Key): FeedctlError {
  return new FeedctlError("corrupt", `cannot list ${name}: the listing has ${JSON.stringify(key)} twice`, {
    hint: "nothing was deleted; try again when nobody else writes to the store",
  });
}
