import { buffer } from "node:stream/consumers";
import { describeFolder } from "../../catalog/assets/folders.ts";
import {
  assetsBelow,
  describeAssets,
  listAssetsAt,
  type AssetRow,
  type Description,
} from "../../catalog/assets/assets.ts";
import { lockRows } from "../../catalog/packages.ts";
import { withdrawWrites } from "../../catalog/pending.ts";
import type { UserMetadata } from "../../catalog/schema/assets.ts";
import { FeedctlError } from "../../errors.ts";
import { contentTypeOf } from "../../lib/content-type.ts";
import { detectType, HEAD, needsBytes } from "../../lib/detect-type.ts";
import { inBatches, mapParallel } from "../../lib/concurrency/parallel.ts";
import { announceBatch } from "../commit/announce.ts";
import { checkMetadata } from "./metadata.ts";
import { newAsset } from "./item.ts";
import { openAssetTarget, type AssetTarget } from "./asset-target.ts";
import { parseFolder } from "./paths.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";
import { findItem, noItem } from "./require-asset.ts";
import { servedAs } from "./served-headers.ts";

export interface DescribeChange {
  /** `auto`: detected with `detectType`. */
  contentType?: string | undefined;
  /** Null: inherited from the folder. Empty: no header. */
  cacheControl?: string | null | undefined;
  /** Returns the new metadata for the old. */
  metadata?: ((old: UserMetadata) => UserMetadata) | undefined;
}

export interface DescribeInput {
  directory: string;
  path: string;
  change: DescribeChange;
  /** For a folder: change every file below it, not the folder. */
  recursive?: boolean;
  /** The name of the recorded run. */
  command: string;
}

export interface Described {
  directory: string;
  path: string;
  folder: boolean;
  /** How many files were changed, those that inherit a header included. */
  files: number;
}

const BATCH = 256;

/**
 * Changes media type, cache header or metadata of a file, in the catalog and on the blob, without sending the content
 * again. A running migration notices the change and updates its copy. The cache header of a folder applies to all files
 * below it that have none of their own.
 */
export async function describeAsset(context: Context, input: DescribeInput): Promise<Described> {
  const { directory, change, recursive = false, command } = input;
  const { db } = await context.catalog();
  await using assets = await openAssetTarget(context, { directory, command });
  const { feed } = assets;
  const path = parseFolder(input.path);
  const found = await findItem(db, feed.id, path);
  if (found === undefined) throw noItem(feed, path);
  let files = 0;
  if ("file" in found) files = await describeRows(context, assets, [found.file], change);
  else {
    if (change.contentType !== undefined && !recursive)
      throw new FeedctlError("usage", `${path === "" ? "the directory" : path} is a folder, which has no media type`, {
        hint: "--recursive changes every file in it",
      });
    const ofFolder = !recursive;
    if (ofFolder) {
      const metadata = change.metadata && checkMetadata(change.metadata(found.folder.metadata));
      const { cacheControl } = change;
      await assets.writer?.write(async (target) =>
        commit(db, [target], async (transaction) => {
          await lockRows(transaction, feed.id, "exclusive");
          await describeFolder(transaction, { feedId: feed.id, path, now: context.now() }, { cacheControl, metadata });
          await target.run.audit(transaction, [{ action: "described", object: `${path}/`, detail: { cacheControl } }]);
        }),
      );
    }
    // reads the rows again: their inherited header has changed
    if (!ofFolder || change.cacheControl !== undefined)
      for await (const rows of inBatches(assetsBelow(db, feed.id, path), BATCH)) {
        const concerned = ofFolder ? rows.filter(({ ownCacheControl }) => ownCacheControl === null) : rows;
        files += await describeRows(context, assets, concerned, ofFolder ? {} : change);
      }
  }
  const described = { directory: feed.name, path, folder: "folder" in found, files };
  await assets.finish(described);
  return described;
}

/** Applies a change to files; returns how many were changed. An empty change only updates the blobs from their rows. */
export async function describeRows(
  context: Context,
  assets: AssetTarget,
  rows: readonly AssetRow[],
  change: DescribeChange,
): Promise<number> {
  if (rows.length === 0 || assets.writer === undefined) return 0;
  return assets.writer.write((target) => describeBatch(context, target, rows, change));
}

async function describeBatch(
  context: Context,
  target: Target,
  rows: readonly AssetRow[],
  change: DescribeChange,
): Promise<number> {
  const { db } = await context.catalog();
  const { feed, store, storeId, run } = target;
  const finds = mapParallel(rows, context.concurrency, async (row) => ({
    row,
    next: changed(row, change.contentType === "auto" ? { ...change, contentType: await typeOf(row) } : change),
  }));
  const wanted = await Array.fromAsync(finds);
  // the announcement keeps other runs from replacing the content meanwhile
  const intents = wanted.map(({ row, next }) => ({
    key: row.key,
    sha256: row.sha256,
    replacement: newAsset({ ...item(row), ...next }, row, row.uploadedBy, null),
  }));
  const ours = await announceBatch(context, target, intents);
  const keys = [...ours];
  if (ours.size < rows.length) {
    await commit(db, [target], (transaction) => withdrawWrites(transaction, { storeId, runId: run.id }, keys));
    const busy = rows.find(({ key }) => !ours.has(key));
    throw new FeedctlError("locked", `another run is writing ${busy?.key}`, { hint: "try again when it is done" });
  }
  const now = await listAssetsAt(db, feed.id, keys);
  const current = wanted.filter(({ row }) => now.get(row.key)?.sha256 === row.sha256);
  const described: Description[] = [];
  for await (const one of mapParallel(current, context.concurrency, describeBlob)) described.push(one);
  await commit(db, [target], async (transaction) => {
    await lockRows(transaction, feed.id, "exclusive");
    await describeAssets(transaction, feed.id, described);
    await withdrawWrites(transaction, { storeId, runId: run.id }, keys);
    await run.audit(
      transaction,
      described.map(({ key, contentType, cacheControl }) => ({
        action: "described",
        object: key,
        detail: { contentType, cacheControl },
      })),
    );
  });
  return described.length;

  /** Reads the first bytes only when the name does not determine the type. */
  async function typeOf({ key, size }: AssetRow): Promise<string> {
    if (!needsBytes(key) || size === 0) return contentTypeOf(key);
    const range = { start: 0, end: Math.min(size, HEAD) };
    return detectType(key, {
      head: await buffer(await store.get(key, { range, signal: context.signal })),
      size,
    });
  }

  /** Updates the blob in stores that keep properties; returns the row's new values. */
  async function describeBlob({
    row,
    next,
  }: {
    row: AssetRow;
    next: ReturnType<typeof changed>;
  }): Promise<Description> {
    const { signal } = context;
    const { contentType, metadata, cacheControl, effective } = next;
    const description = { key: row.key, contentType, cacheControl, metadata };
    if (store.describe === undefined) return { ...description, storeTag: row.storeTag };
    const blob = await store.head(row.key, { signal });
    if (blob === undefined) throw new FeedctlError("not-found", `the blob of ${row.key} is missing in ${store.name}`);
    const { tag } = await store.describe(blob, {
      ifExists: "replace",
      sha256: row.sha256,
      md5: row.md5,
      modified: blob.modified,
      contentType,
      signal,
      ...servedAs({ cacheControl: effective, metadata }),
    });
    return { ...description, storeTag: tag ?? null };
  }
}

function changed(row: AssetRow, { contentType, cacheControl, metadata }: DescribeChange) {
  const own = cacheControl === undefined ? row.ownCacheControl : cacheControl;
  const effective = own === null ? row.inheritedCache : own || null;
  return {
    contentType: contentType ?? row.contentType,
    cacheControl: own,
    effective,
    metadata: metadata === undefined ? row.metadata : checkMetadata(metadata(row.metadata)),
  };
}

function item(row: AssetRow) {
  const { key, size, md5, sha1, sha256, sha512, modifiedAt, createdAt } = row;
  const put = async () => ({ outcome: "unchanged" }) as const;
  return { key, from: key, size, hashes: { md5, sha1, sha256, sha512 }, modifiedAt, createdAt, put };
}
