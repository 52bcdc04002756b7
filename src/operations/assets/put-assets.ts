import type { AssetRow, NewAsset } from "../../catalog/assets/assets.ts";
import { isRefusedBlob, type FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { PutResult, Store } from "../../stores/store.ts";
import { uploadNotes } from "../commit/upload-notes.ts";
import type { Context } from "../context.ts";
import { assetOutcome, newAsset, type AssetAnswer, type AssetItem } from "./item.ts";
import { hasSameBytes, type AssetRows } from "./match-assets.ts";
import { effectiveCache } from "./paths.ts";
import { servedAs } from "./served-headers.ts";

export interface StoredAsset {
  item: AssetItem;
  /** With the tag of the blob that was stored. */
  row: NewAsset;
  result: PutResult;
}

export interface AssetPuts {
  stored: StoredAsset[];
  refused: AssetAnswer[];
  /** Keys whose announcements can be withdrawn: certainly no blob became visible there. */
  withdrawn: string[];
  /** An error that ends the whole run, if any. */
  fatal: unknown;
}

export interface PutsInput {
  /** The current rows at the paths. */
  rows: AssetRows;
  /** Failures to keep the current content, by key: these files are not overwritten. */
  unkept: ReadonlyMap<string, FeedctlError>;
  /** Cache headers of folders, by path. */
  caches: Parameters<typeof effectiveCache>[2];
}

type Answer =
  | StoredAsset
  /** `definite`: certainly no blob became visible. */
  | { item: AssetItem; refusal: FeedctlError; definite: boolean }
  | { fatal: unknown };

/** Stores the blobs in parallel. An error that is not an item's own is fatal: no further puts are started. */
export async function putAssets(
  context: Context,
  store: Store,
  items: readonly AssetItem[],
  { rows, unkept, caches }: PutsInput,
): Promise<AssetPuts> {
  const notes = uploadNotes(context, store.name);
  const puts: AssetPuts = { stored: [], refused: [], withdrawn: [], fatal: undefined };
  for await (const answer of mapParallel(items, context.concurrency, putUnlessFatal)) {
    if ("result" in answer) puts.stored.push(answer);
    else if ("fatal" in answer) puts.fatal ??= answer.fatal;
    else {
      const { item, refusal, definite } = answer;
      if (definite) puts.withdrawn.push(item.key);
      const status = refusal.code === "conflict" || refusal.code === "invalid" ? refusal.code : "failed";
      puts.refused.push({ item, outcome: assetOutcome(item, status, refusal.message) });
    }
  }
  return puts;

  async function putUnlessFatal(item: AssetItem): Promise<Answer> {
    if (puts.fatal !== undefined) return { fatal: puts.fatal };
    const refusal = unkept.get(item.key);
    return refusal === undefined ? putOne(item) : { item, refusal, definite: true };
  }

  async function putOne(item: AssetItem): Promise<Answer> {
    const before = rows.get(item.key);
    const row = rowOf(context, item, before);
    const { key, cacheControl, metadata, contentType, sha256, md5 } = row;
    try {
      const result = await item.put(store, {
        ifExists: before === undefined ? "fail" : "replace",
        ...(before !== undefined && { replaces: true }),
        sha256,
        md5,
        contentType,
        notes,
        signal: context.signal,
        modified: new Date(row.modifiedAt),
        ...servedAs({ cacheControl: effectiveCache(cacheControl, key, caches) ?? null, metadata }),
      });
      return { item, row: { ...row, storeTag: result.tag ?? null }, result };
    } catch (error) {
      const definite = isRefusedBlob(error);
      const fault = context.signal.aborted ? undefined : await item.problem?.(error);
      if (fault !== undefined) return { item, refusal: fault, definite };
      return definite ? { item, refusal: error, definite } : { fatal: error };
    }
  }
}

function rowOf({ actor }: Context, item: AssetItem, before: AssetRow | undefined): NewAsset {
  if (before === undefined || !hasSameBytes(item, before)) return newAsset(item, before, actor, null);
  // a missing blob is stored again with the properties of its row
  const asBefore = { ...item, modifiedAt: before.modifiedAt, detectedType: undefined };
  return newAsset(asBefore, before, before.uploadedBy, null);
}
