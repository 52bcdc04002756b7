import { batched, batchesOf } from "../../lib/lists/batches.ts";
import { sameTag } from "../../stores/same-tag.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { sideBySide } from "../transfer/merge-listings.ts";

interface Entry {
  source: BlobInfo;
  target: BlobInfo;
  journal: JournalEntry;
}

/** The entries of the two listings and of the journal at one key. */
export type ListedPair = { key: string } & Partial<Entry>;

export interface PairsInput {
  source: Store;
  target: Store;
  journal: Journal;
  /** Key prefix that is ignored on both sides: the trash. */
  hidden: string | undefined;
  signal: AbortSignal;
  /** As the `onForeign` of a listing. */
  onForeign(name: string, end: "source" | "target", problem: string | undefined): void;
}

/**
 * Joins both listings and the journal by key. Completes only when all were read to their end, in order; else throws.
 */
export function listPairs({
  source,
  target,
  journal,
  hidden,
  signal,
  onForeign,
}: PairsInput): AsyncGenerator<ListedPair> {
  const names = { source: source.name, target: target.name, journal: "the journal" };
  const listing = (store: Store, end: "source" | "target") => {
    const blobs = store.list("", {
      signal,
      anyName: true,
      onForeign: (name, problem) => onForeign(name, end, problem),
    });
    return hidden === undefined ? blobs : withoutPrefix(blobs, hidden);
  };
  return sideBySide<Record<string, { key: string }> & Entry>(
    { source: listing(source, "source"), target: listing(target, "target"), journal: journal.read() },
    names,
  ) as AsyncGenerator<ListedPair>;
}

/** Whether an earlier run proved both to be equal, and neither tag has changed since. */
export function isProven({ source, target, journal }: ListedPair): boolean {
  return journal !== undefined && sameTag(journal.source, source?.tag) && sameTag(journal.target, target?.tag);
}

function withoutPrefix(blobs: AsyncIterable<BlobInfo>, prefix: string): AsyncGenerator<BlobInfo> {
  return batched(async function* () {
    for await (const batch of batchesOf(blobs)) yield batch.filter(({ key }) => !key.startsWith(prefix));
  });
}
