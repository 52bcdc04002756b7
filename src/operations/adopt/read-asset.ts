import type { NewAsset } from "../../catalog/assets/assets.ts";
import { listFiles, type FileRow } from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import { createHead } from "../../lib/collect-head.ts";
import { detectType, HEAD } from "../../lib/detect-type.ts";
import { hashStream } from "../../lib/hash.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { assetPathProblem, HISTORY } from "../assets/paths.ts";
import type { Context } from "../context.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { unadopted, type AdoptedBlob } from "./outcome.ts";

/** What a store's listing has: a blob without a row, another tool's marker of a folder, or a name to be reported. */
export type ListedAsset = { blob: BlobInfo } | { folder: string } | { answer: AdoptedBlob };

/** A file whose bytes were read, and the version of it that was read. */
export interface ReadAsset {
  asset: NewAsset;
  blob: BlobInfo;
}

/** The content types that say nothing: the second is S3's default. */
const PLAIN: readonly (string | undefined)[] = [undefined, "application/octet-stream", "binary/octet-stream"];

/** Lists a store beside the catalog. */
export async function* listUnrecorded(
  { signal }: Context,
  db: Db,
  feedId: number,
  store: Store,
): AsyncGenerator<ListedAsset> {
  const foreign: ListedAsset[] = [];
  const onForeign = (name: string) => {
    const folder = name.replace(/\/$/, "");
    if (folder !== name && assetPathProblem(folder) === undefined) foreign.push({ folder });
    else if (folder !== "") foreign.push({ answer: unadopted(name, "invalid", "its name can be no path", null) });
  };
  const listings = { row: listFiles(db, feedId), blob: store.list("", { signal, onForeign }) };
  const pairs = sideBySide<{ row: FileRow; blob: BlobInfo }>(listings, { row: "the catalog", blob: store.name });
  for await (const { row, blob } of pairs) {
    yield* foreign.splice(0);
    if (blob === undefined) continue;
    const { key, size } = blob;
    if (row !== undefined) yield { answer: unadopted(key, "existing", null, size) };
    else if (key.startsWith(`${HISTORY}/`))
      yield { answer: unadopted(key, "skipped", "is history that feedctl does not keep", size) };
    else yield { blob };
  }
  yield* foreign;
}

/** Reads a file's bytes for its hashes; its content type, headers and metadata are the blob's own. */
export async function readAsset(context: Context, store: Store, listed: BlobInfo): Promise<ReadAsset | AdoptedBlob> {
  const { key } = listed;
  const { signal } = context;
  try {
    const blob = store.features.listsAll ? listed : ((await store.head(key, { signal })) ?? listed);
    const head = createHead(HEAD);
    const { size, ...hashes } = await hashStream(await store.get(key, { signal, known: blob }), head.add);
    // without a type of its own, a file has the one that its name and bytes tell
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
    if (!isFeedctlError(error, "not-found", "corrupt", "denied") || signal.aborted) throw error;
    return unadopted(key, "failed", error.message, listed.size);
  }
}
