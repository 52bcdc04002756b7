import { basename } from "node:path/posix";
import { listFiles, type FileRow } from "../../catalog/files.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { StoreRow } from "../../catalog/stores.ts";
import type { Format } from "../../formats/format.ts";
import { inBatches, mapParallel } from "../../lib/parallel.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { FeedWriter } from "../commit/feed-writer.ts";
import type { Context } from "../context.ts";
import { openPackageReader } from "../import/package-reader.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { adoptBatch, chooseBlobs, type ReadBlob } from "./adopt-batch.ts";
import { openLocalBlobs } from "./local-copies.ts";
import { writeInto } from "./look-again.ts";
import { adopted, unadopted, type AdoptedBlob } from "./outcome.ts";
import { wasEscaped } from "./proget-escapes.ts";
import { readBlob, type BlobReading } from "./read-blob.ts";

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

/** How many blobs are read before they are recorded, of how many that the store lists. */
const BATCH = { blobs: 64, listed: 4096 };

/** What a store's listing has: a blob to be read, one for the second pass, or a name to be reported. */
type Listed = { blob: BlobInfo } | { later: BlobInfo } | { answer: AdoptedBlob };

/**
 * Catalogues packages that are in the feed's store already. Names that ProGet escaped come in a second pass: of a file
 * under its name and under its escaped one, the escaped one is the older.
 */
export async function* adoptPackages(context: Context, input: AdoptPackages): AsyncGenerator<AdoptedBlob> {
  await using reader = openPackageReader(context.signal);
  const { store, format } = input;
  const { db } = await context.catalog();
  const width = store.localPath === undefined ? context.concurrency : reader.width;
  const record = createRecorder(context, input);
  let escaped = 0;
  yield* pass(listBlobs(context, db, input, "plain"));
  if (escaped > 0) yield* pass(listBlobs(context, db, input, "escaped"));

  async function* pass(listing: AsyncIterable<Listed>): AsyncGenerator<AdoptedBlob> {
    const size = (listed: Listed) => ("blob" in listed ? 1 : 0);
    for await (const listed of inBatches(listing, BATCH.listed, { size, most: BATCH.blobs })) {
      await using local = openLocalBlobs(store, context.signal);
      const reading: BlobReading = { ...input, format, local, reader };
      const blobs: BlobInfo[] = [];
      for (const each of listed) {
        if ("answer" in each) yield each.answer;
        else if ("later" in each) escaped++;
        else blobs.push(each.blob);
      }
      const read: ReadBlob[] = [];
      for await (const answer of mapParallel(blobs, width, (blob) => readBlob(context, reading, blob))) {
        if ("status" in answer) yield answer;
        else read.push(answer);
      }
      yield* await record(read.toSorted((a, b) => (a.item.key < b.item.key ? -1 : 1)));
    }
  }
}

/** Blobs without a row, and names to be reported. In the first pass `later` stands for a name that ProGet escaped. */
async function* listBlobs(
  { signal }: Context,
  db: Db,
  { feed, store, format }: AdoptPackages,
  names: "plain" | "escaped",
): AsyncGenerator<Listed> {
  const foreign: Listed[] = [];
  const onForeign = (name: string) => {
    // folder markers are nobody's files
    if (names === "plain" && name !== "" && !name.endsWith("/"))
      foreign.push({ answer: unadopted(name, "invalid", foreignReason(name), null) });
  };
  const listings = { row: listFiles(db, feed.id), blob: store.list("", { signal, onForeign }) };
  const pairs = sideBySide<{ row: FileRow; blob: BlobInfo }>(listings, { row: "the catalog", blob: store.name });
  for await (const { row, blob } of pairs) {
    yield* foreign.splice(0);
    if (blob === undefined) continue;
    const { key, size } = blob;
    const isEscaped = wasEscaped(key);
    if (isEscaped && names === "plain") yield { later: blob };
    else if (!isEscaped && names === "escaped") continue;
    else if (row !== undefined) yield { answer: unadopted(key, "existing", null, size) };
    else if (format.isSidecar?.(basename(key)) === true)
      yield { answer: unadopted(key, "skipped", "accompanies packages and is none itself", size) };
    else yield { blob };
  }
  yield* foreign;
}

function foreignReason(name: string): string {
  return name.startsWith("/")
    ? "its name begins with a slash, which no key does; rename it in the store first"
    : "its name can be no key";
}

/** Records read blobs; in a dry run tells what would be recorded, and remembers it for the next batches. */
function createRecorder(context: Context, { feed, row, writer, publishedFrom }: AdoptPackages) {
  const met = new Map<string, string>();
  return async (blobs: readonly ReadBlob[]): Promise<AdoptedBlob[]> => {
    if (blobs.length === 0) return [];
    if (writer !== undefined)
      return writeInto(writer, row.id, (target) => adoptBatch(context, target, blobs, publishedFrom));
    const { wanted, results } = await chooseBlobs(context, feed.id, blobs, met);
    return [...results, ...wanted.map(({ item }) => adopted(item, "adopted"))];
  };
}
