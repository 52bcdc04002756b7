import { basename } from "node:path/posix";
import { listFiles, type FileRow } from "../../catalog/files.ts";
import { FeedctlError, isFeedctlError, unpackError } from "../../errors.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { Format } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import { inBatches, mapParallel } from "../../lib/parallel.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { adoptAssets } from "./adopt-assets.ts";
import { adoptBatch, chooseBlobs, type ReadBlob } from "./adopt-batch.ts";
import { adopted, unadopted, type AdoptedBlob } from "./outcome.ts";
import type { Context } from "../context.ts";
import { openFeedStore, requireStore } from "../feed-store/open-feed-store.ts";
import { openWriter, settle } from "../commit/feed-writer.ts";
import { fileSource } from "../local-files/file-source.ts";
import { requireActiveFeed } from "../feed-store/find-feed.ts";
import { openLocalBlobs, type LocalBlobs } from "./local-copies.ts";
import { openPackageReader, type PackageReader } from "../import/package-reader.ts";
import { plainName, wasEscaped } from "./proget-escapes.ts";
import { startRun } from "../commit/recorded-run.ts";
import { sideBySide } from "../transfer/merge-listings.ts";

export interface AdoptInput {
  feed: string;
  dryRun?: boolean | undefined;
  /** `file`: a version was published when its blob was last modified. Default: now. */
  publishedFrom?: "file" | "now" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
}

export interface AdoptSummary {
  type: "summary";
  feed: string;
  location: string;
  adopted: number;
  existing: number;
  conflicts: number;
  invalid: number;
  failed: number;
  skipped: number;
  /** Of the invalid ones, how many have a name with a slash in front: ProGet's target path `/` in Azure makes them. */
  leadingSlash: number;
  /** Of the adopted blobs. */
  bytes: number;
}

export type AdoptEvent = AdoptedBlob | AdoptSummary;

const BATCH = 64;

/**
 * Catalogues what lies in the feed's store already, in place: no byte is moved, and a row's key is the blob's own, which
 * need not be the canonical one. What is no package is told and left. Safe to run again.
 */
export async function* adoptFeed(context: Context, input: AdoptInput): AsyncGenerator<AdoptEvent> {
  const { dryRun = false } = input;
  const { db } = await context.catalog();
  const feed = await requireActiveFeed(db, input.feed);
  const packages = feed.type === "asset" ? undefined : await loadFormat(feed.type as FeedType);
  await using run = dryRun ? undefined : await startRun(context, "adopt", feed.id);
  await using writer = run === undefined ? undefined : openWriter(context, feed.name, run, "exclusive");
  if (writer !== undefined) await settle(context, writer);
  const row = await requireStore(db, feed);
  await using store = await openFeedStore(context, db, feed, row);
  await using reader = openPackageReader(context.signal);
  const width = store.localPath === undefined ? context.concurrency : reader.width;
  const summary: AdoptSummary = {
    type: "summary",
    feed: feed.name,
    location: store.name,
    adopted: 0,
    existing: 0,
    conflicts: 0,
    invalid: 0,
    failed: 0,
    skipped: 0,
    leadingSlash: 0,
    bytes: 0,
  };
  const met = new Map<string, string>();
  let escaped = 0;

  if (packages === undefined) {
    for await (const event of adoptAssets(context, { feed, row, store, writer })) {
      count(event);
      if (event.status !== "existing") yield event;
    }
    await run?.finish(summary);
    return yield summary;
  }
  for await (const event of pass(packages, false)) yield count(event);
  // of a file under its name and under ProGet's escaped one the escaped one is the older
  if (escaped > 0) for await (const event of pass(packages, true)) yield count(event);
  await run?.finish(summary);
  yield summary;

  async function* pass(format: Format, second: boolean): AsyncGenerator<AdoptedBlob> {
    const told: AdoptedBlob[] = [];
    const onForeign = (name: string) => {
      // folder markers are nobody's files
      if (second || name === "" || name.endsWith("/")) return;
      if (name.startsWith("/")) summary.leadingSlash++;
      told.push(unadopted(name, "invalid", foreignReason(name), null));
    };
    for await (const batch of inBatches(blobsOf(format, store, onForeign, told, second), BATCH)) {
      yield* told.splice(0);
      await using local = openLocalBlobs(store, context.signal);
      const blobs: ReadBlob[] = [];
      for await (const answer of mapParallel(batch, width, (blob) => read(format, local, blob))) {
        if ("status" in answer) yield answer;
        else blobs.push(answer);
      }
      const inOrder = blobs.toSorted((a, b) => (a.item.key < b.item.key ? -1 : 1));
      yield* await record(inOrder);
    }
    yield* told;
  }

  /** Blobs without a row. */
  async function* blobsOf(
    format: Format,
    from: Store,
    onForeign: (name: string) => void,
    told: AdoptedBlob[],
    second: boolean,
  ) {
    const listings = { row: listFiles(db, feed.id), blob: from.list("", { signal: context.signal, onForeign }) };
    const pairs = sideBySide<{ row: FileRow; blob: BlobInfo }>(listings, { row: "the catalog", blob: from.name });
    for await (const { row: known, blob } of pairs) {
      if (blob === undefined) continue;
      if (wasEscaped(blob.key) !== second) {
        if (!second) escaped++;
      } else if (known !== undefined) {
        summary.existing++;
      } else if (format.isSidecar?.(basename(blob.key)) === true) {
        told.push(unadopted(blob.key, "skipped", "accompanies packages and is none itself", blob.size));
      } else yield blob;
    }
  }

  async function read(format: Format, local: LocalBlobs, blob: BlobInfo): Promise<ReadBlob | AdoptedBlob> {
    const { key, size } = blob;
    try {
      if (format.readsNeighbours) await local.neighbours(key);
      const path = await local.path(blob);
      const item = await readUnderEitherName(format, { path, size }, blob, input, reader);
      return { item: { ...item, key, source: fileSource(path, size) }, blob };
    } catch (error) {
      if (!isFeedctlError(error, "invalid", "not-found", "corrupt", "denied") || context.signal.aborted) throw error;
      return unadopted(key, error.code === "invalid" ? "invalid" : "failed", error.message, size);
    }
  }

  async function record(blobs: readonly ReadBlob[]): Promise<AdoptedBlob[]> {
    if (blobs.length === 0) return [];
    if (writer === undefined) {
      const { wanted, results } = await chooseBlobs(context, feed.id, blobs, met);
      return [...results, ...wanted.map(({ item }) => adopted(item, "adopted"))];
    }
    return writer.write(async (target) => {
      if (target.storeId !== row.id)
        throw new FeedctlError("conflict", `feed "${feed.name}" has got another store meanwhile`, {
          hint: "run the command again",
        });
      return adoptBatch(context, target, blobs, input.publishedFrom);
    });
  }

  function count(blob: AdoptedBlob): AdoptedBlob {
    summary[blob.status === "conflict" ? "conflicts" : blob.status]++;
    if (blob.status === "adopted") summary.bytes += blob.size ?? 0;
    return blob;
  }
}

function foreignReason(name: string): string {
  return name.startsWith("/")
    ? "its name begins with a slash, which no key does; rename it in the store first"
    : "its name can be no key";
}

/** File names are hints; one that ProGet has escaped is tried as it is, and as it was meant. */
async function readUnderEitherName(
  format: Format,
  file: { path: string; size: number },
  blob: BlobInfo,
  { distribution, component }: AdoptInput,
  reader: PackageReader,
) {
  const name = basename(blob.key);
  const place = format.place?.ofKey(blob.key) ?? { distribution, component };
  const readAs = async (hint: string) => {
    const answer = await reader.read({ file: { ...file, name: hint }, path: blob.key, type: format.type, ...place });
    if ("item" in answer) return answer.item;
    throw "problem" in answer ? unpackError(answer.problem) : new Error(`${blob.key} was read as of no type`);
  };
  try {
    return await readAs(name);
  } catch (error) {
    const meant = plainName(name);
    if (!isFeedctlError(error, "invalid") || meant === name) throw error;
    return readAs(meant);
  }
}
