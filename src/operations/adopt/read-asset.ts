import { createArchiveNotice } from "../transfer/archive-notice.ts";
import type { NewAsset } from "../../catalog/assets/assets.ts";
import { listFiles } from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isUnreadableBlob } from "../../errors.ts";
import { createHead } from "../../lib/bytes/collect-head.ts";
import { detectType, HEAD } from "../../lib/detect-type.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { assetPathProblem, HISTORY } from "../assets/paths.ts";
import type { Context } from "../context.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { blobOutcome, type AdoptedBlob } from "./outcome.ts";

/** An entry of a store's listing: a blob without a row, another tool's folder marker, or a result to report. */
export type AssetListingEntry = { blob: BlobInfo } | { folder: string } | { outcome: AdoptedBlob };

/** A blob that was read as an asset. `blob` is the state in which it was read. */
export interface AssetBlob {
  asset: NewAsset;
  blob: BlobInfo;
}

/** Content types that mean "unknown". `binary/octet-stream` is S3's default. */
const PLAIN: readonly (string | undefined)[] = [undefined, "application/octet-stream", "binary/octet-stream"];

/** Lists a store and yields what has no row, and results to report. */
export async function* listUnrecorded(
  context: Context,
  db: Db,
  feedId: number,
  store: Store,
): AsyncGenerator<AssetListingEntry> {
  const { signal } = context;
  const foreign: AssetListingEntry[] = [];
  const noticeArchived = createArchiveNotice(context, { place: store.name, fate: "fail" });
  const onForeign = (name: string, problem?: string) => {
    const folder = name.replace(/\/$/, "");
    const isMarker = problem === undefined && folder !== name;
    if (isMarker && assetPathProblem(folder) === undefined) foreign.push({ folder });
    else if (!isMarker || folder !== "")
      foreign.push({ outcome: blobOutcome(name, "invalid", `its name ${problem ?? "is not a valid path"}`, null) });
  };
  const listings = { row: listFiles(db, feedId), blob: store.list("", { signal, onForeign }) };
  const pairs = sideBySide<{ row: { key: string }; blob: BlobInfo }>(listings, {
    row: "the catalog",
    blob: store.name,
  });
  for await (const { row, blob } of pairs) {
    yield* foreign.splice(0);
    if (blob === undefined) continue;
    const { key, size } = blob;
    if (row !== undefined) yield { outcome: blobOutcome(key, "existing", null, size) };
    else if (key.startsWith(`${HISTORY}/`))
      yield { outcome: blobOutcome(key, "skipped", "it is another server's history", size) };
    else {
      noticeArchived(blob);
      yield { blob };
    }
  }
  yield* foreign;
}

/**
 * Reads a file for its hashes. Content type, headers and metadata come from the blob. Returns a result instead when the
 * file could not be read.
 */
export async function readAsset(context: Context, store: Store, listed: BlobInfo): Promise<AssetBlob | AdoptedBlob> {
  const { key } = listed;
  const { signal } = context;
  try {
    const blob = store.features.listsAll ? listed : ((await store.head(key, { signal })) ?? listed);
    const head = createHead(HEAD);
    const { size, ...hashes } = await hashStream(await store.get(key, { signal, known: blob }), head.add);
    // the type is detected only when the blob's own means "unknown"
    const isPlain = PLAIN.includes(blob.contentType);
    const metadata = Object.entries(blob.metadata ?? {}).map(
      ([name, value]) => [name, { value, header: true }] as const,
    );
    const asset: NewAsset = {
      asset: true,
      key,
      size,
      ...hashes,
      contentType: isPlain ? await detectType(key, { head: head.bytes(), size }) : (blob.contentType as string),
      storeTag: blob.tag ?? null,
      modifiedAt: blob.modified.toISOString(),
      uploadedBy: context.actor,
      cacheControl: blob.cacheControl ?? null,
      metadata: Object.fromEntries(metadata),
    };
    return { asset, blob: listed };
  } catch (error) {
    if (!isUnreadableBlob(error) || signal.aborted) throw error;
    return blobOutcome(key, "failed", error.message, listed.size);
  }
}
