// Uploads that crashed writers have begun and nobody will complete.
import { listFileHashes } from "../../catalog/files.ts";
import { listPendingKeys } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import type { ListUnfinishedOptions, UnfinishedUpload } from "../../stores/unfinished.ts";
import type { Context } from "../context.ts";
import { uploadNotes } from "./upload-notes.ts";

export interface UploadsPlace {
  feed: { id: number };
  storeId: number;
  store: Store;
}

export interface FoundUpload extends UnfinishedUpload {
  isOurs: boolean;
}

const BATCH = 1_000;

/**
 * The unfinished uploads in a feed's store, with the catalog's word where their form does not show whose they are: an
 * upload is ours if its key is announced, recorded, or noted by this machine. Yields nothing where the provider lists none.
 */
export async function* listUnfinished(
  context: Context,
  db: Db,
  place: UploadsPlace,
  { sizes = false }: Pick<ListUnfinishedOptions, "sizes"> = {},
): AsyncGenerator<FoundUpload> {
  const { feed, storeId, store } = place;
  const announced = new Set<string>(await listPendingKeys(db, storeId));
  const notes = uploadNotes(context, store.name);
  async function* decided(uploads: readonly UnfinishedUpload[]): AsyncGenerator<FoundUpload> {
    const unknown = uploads.filter(({ isOurs, name }) => isOurs === undefined && !announced.has(name));
    const recorded = await listFileHashes(
      db,
      feed.id,
      unknown.map(({ name }) => name),
    );
    for (const upload of uploads) {
      const { name } = upload;
      const isKnown = async () =>
        announced.has(name) || recorded.has(name) || (await notes.load(name as Key)) !== undefined;
      yield { ...upload, isOurs: upload.isOurs ?? (await isKnown()) };
    }
  }
  let batch: UnfinishedUpload[] = [];
  for await (const upload of store.unfinished?.list({ sizes, signal: context.signal }) ?? []) {
    batch.push(upload);
    if (batch.length < BATCH) continue;
    yield* decided(batch);
    batch = [];
  }
  yield* decided(batch);
}

/** Discards our uploads that are older than `before`. Returns how many. */
export async function discardOwnUploads(context: Context, db: Db, place: UploadsPlace, before: Date): Promise<number> {
  const { unfinished } = place.store;
  if (unfinished === undefined || unfinished.expire) return 0;
  let count = 0;
  for await (const upload of listUnfinished(context, db, place)) {
    if (!upload.isOurs || upload.since === undefined || upload.since >= before) continue;
    await unfinished.discard(upload, { signal: context.signal });
    count++;
  }
  return count;
}

/**
 * Discards the uploads of keys that a dead run announced. Call it before the announcements are withdrawn: afterwards nothing
 * shows that these uploads are feedctl's. Uploads that this machine can resume stay. Errors are ignored, because no reader
 * sees an unfinished upload.
 */
export async function discardUploadsOf(context: Context, store: Store, keys: ReadonlySet<string>): Promise<void> {
  const { unfinished } = store;
  if (keys.size === 0 || unfinished === undefined || unfinished.expire) return;
  const notes = uploadNotes(context, store.name);
  try {
    for await (const upload of unfinished.list({ signal: context.signal })) {
      if (upload.isOurs !== undefined || !keys.has(upload.name)) continue;
      if ((await notes.load(upload.name as Key)) === undefined)
        await unfinished.discard(upload, { signal: context.signal });
    }
  } catch (error) {
    if (!isFeedctlError(error) || isFeedctlError(error, "interrupted")) throw error;
  }
}
