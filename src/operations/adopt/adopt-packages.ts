import { createArchiveNotice } from "../transfer/archive-notice.ts";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listFiles } from "../../catalog/files.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { StoreRow } from "../../catalog/stores.ts";
import { accompaniesPackages } from "../../formats/accompanies.ts";
import type { Format } from "../../formats/format.ts";
import { inBatches, mapParallel } from "../../lib/concurrency/parallel.ts";
import { createSpool } from "../../lib/lists/spool.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { FeedWriter } from "../commit/feed-writer.ts";
import type { Context } from "../context.ts";
import { openPackageReader } from "../import/package-reader.ts";
import { fileSource } from "../local-files/file-source.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { adoptBatch, chooseBlobs, type PackageBlob } from "./adopt-batch.ts";
import { openLocalBlobs } from "./local-copies.ts";
import { writeInto } from "./look-again.ts";
import { adoptOutcome, blobOutcome, type AdoptedBlob } from "./outcome.ts";
import { wasEscaped } from "./proget-escapes.ts";
import { readBlob, type BlobReadOptions } from "./read-blob.ts";

export interface AdoptPackages {
  feed: FeedRow;
  row: StoreRow;
  store: Store;
  format: Format;
  /** Undefined: a dry run. */
  writer: FeedWriter | undefined;
  publishedFrom?: "file" | "now" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
}

/** Limits of a batch: blobs to read, and entries of the store's listing. */
const BATCH = { blobs: 64, listed: 4096 };

/** An entry of a store's listing: a blob to read, one for the second pass, or a result to report. */
type ListingEntry = { blob: BlobInfo } | { later: BlobInfo } | { outcome: AdoptedBlob };

/**
 * Catalogues packages that are already in the feed's store. Names that ProGet escaped come in a second pass: when a
 * file exists under its plain and its escaped name, the plain one is newer and must win. What may be a copy of another
 * blob comes last, so that the one at the canonical key wins, then the one with the right name.
 */
export async function* adoptPackages(context: Context, input: AdoptPackages): AsyncGenerator<AdoptedBlob> {
  await using reader = openPackageReader(context.signal);
  const { store, format } = input;
  const { db } = await context.catalog();
  const width = store.localPath === undefined ? context.concurrency : reader.width;
  const record = createRecorder(context, input);
  const name = `feedctl-adopt-${context.randomBytes(8).toString("hex")}`;
  await using copies = createSpool<StoredBlob>(join(tmpdir(), name));
  let escaped = 0;
  yield* pass(listBlobs(context, db, input, "plain"));
  if (escaped > 0) yield* pass(listBlobs(context, db, input, "escaped"));
  for await (const batch of inBatches(copies.read(), BATCH.blobs)) yield* await record(batch.map(restoreBlob));

  async function* pass(listing: AsyncIterable<ListingEntry>): AsyncGenerator<AdoptedBlob> {
    const size = (listed: ListingEntry) => ("blob" in listed ? 1 : 0);
    for await (const listed of inBatches(listing, BATCH.listed, { size, most: BATCH.blobs })) {
      await using local = openLocalBlobs(store, context.signal);
      const reading: BlobReadOptions = { ...input, format, local, reader };
      const blobs: BlobInfo[] = [];
      for (const each of listed) {
        if ("outcome" in each) yield each.outcome;
        else if ("later" in each) escaped++;
        else blobs.push(each.blob);
      }
      const read: PackageBlob[] = [];
      for await (const answer of mapParallel(blobs, width, (blob) => readBlob(context, reading, blob))) {
        if ("status" in answer) yield answer;
        else if (answer.isCopy) await copies.add(storeBlob(answer));
        else read.push(answer);
      }
      yield* await record(read.toSorted((a, b) => (a.item.key < b.item.key ? -1 : 1)));
    }
  }
}

/** A blob that was read, as JSON. */
type StoredBlob = Omit<PackageBlob["item"], "source" | "identity"> & {
  identity: Omit<PackageBlob["item"]["identity"], "sortKey"> & { sortKey: string };
  blob: Omit<BlobInfo, "modified"> & { modified: string };
};

function storeBlob({ item: { path, identity, key, hashes }, blob }: PackageBlob): StoredBlob {
  return {
    path,
    key,
    hashes,
    identity: { ...identity, sortKey: identity.sortKey.toString("hex") },
    blob: { ...blob, modified: blob.modified.toISOString() },
  };
}

function restoreBlob({ blob: stored, identity, ...rest }: StoredBlob): PackageBlob {
  const blob = { ...stored, modified: new Date(stored.modified) };
  const item = { ...rest, identity: { ...identity, sortKey: Buffer.from(identity.sortKey, "hex") } };
  return { item: { ...item, source: fileSource(rest.path, blob.size) }, blob };
}

/** Lists blobs without a row, and results to report. The first pass yields escaped names as `later`. */
async function* listBlobs(
  context: Context,
  db: Db,
  { feed, store, format }: AdoptPackages,
  names: "plain" | "escaped",
): AsyncGenerator<ListingEntry> {
  const { signal } = context;
  const foreign: ListingEntry[] = [];
  const noticeArchived = createArchiveNotice(context, { place: store.name, fate: "fail" });
  const onForeign = (name: string, problem?: string) => {
    // folder markers are not files
    if (names === "plain" && (problem !== undefined || (name !== "" && !name.endsWith("/"))))
      foreign.push({ outcome: blobOutcome(name, "invalid", foreignReason(name, problem), null) });
  };
  const listings = { row: listFiles(db, feed.id), blob: store.list("", { signal, onForeign }) };
  const pairs = sideBySide<{ row: { key: string }; blob: BlobInfo }>(listings, {
    row: "the catalog",
    blob: store.name,
  });
  for await (const { row, blob } of pairs) {
    yield* foreign.splice(0);
    if (blob === undefined) continue;
    const { key, size } = blob;
    const isEscaped = wasEscaped(key);
    if (isEscaped && names === "plain") yield { later: blob };
    else if (!isEscaped && names === "escaped") continue;
    else if (row !== undefined) yield { outcome: blobOutcome(key, "existing", null, size) };
    else if (accompaniesPackages(format, key))
      yield { outcome: blobOutcome(key, "skipped", "it belongs to packages and is not a package", size) };
    else {
      noticeArchived(blob);
      yield { blob };
    }
  }
  yield* foreign;
}

function foreignReason(name: string, problem = "is that of a link or a special file"): string {
  return name.startsWith("/")
    ? "its name begins with a slash, which keys cannot; rename it in the store first"
    : `its name ${problem}`;
}

/**
 * Returns a function that records blobs. In a dry run it only returns the results, and remembers identities across
 * batches.
 */
function createRecorder(context: Context, { feed, row, writer, publishedFrom }: AdoptPackages) {
  const known = new Map<string, string>();
  return async (blobs: readonly PackageBlob[]): Promise<AdoptedBlob[]> => {
    if (blobs.length === 0) return [];
    if (writer !== undefined)
      return writeInto(writer, row.id, (target) => adoptBatch(context, target, blobs, publishedFrom));
    const { wanted, results } = await chooseBlobs(context, feed, blobs, known);
    return [...results, ...wanted.map(({ item }) => adoptOutcome(item, "adopted"))];
  };
}
