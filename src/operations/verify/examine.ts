import { listFileHashes, readFiles, type FileRow, type Verified } from "../../catalog/files.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { findWriter } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/hash.ts";
import { isKey, parseKey } from "../../stores/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { deadRuns } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";

/** `missing-blob`: a row without its blob. `missing-row`: a blob that no row names. `foreign`: a name that can be no blob. */
export type Finding = "match" | "differ" | "missing-blob" | "missing-row" | "unchecked" | "foreign";

export interface VerifyFinding {
  type: "finding";
  finding: Exclude<Finding, "match">;
  key: string;
  reason: string;
}

/** What is compared with the catalog. */
export interface Comparison {
  feed: FeedRow;
  storeId: number;
  store: Store;
  /** Whether blobs are read, instead of comparing size and what the listing knows. */
  read: boolean;
  repaired?: number;
}

export interface Examination extends Comparison {
  context: Context;
  db: Db;
}

/** A finding, or the size of a blob that matches its row. */
export type Examined = VerifyFinding | { size: number; proof?: Verified };

/** What catalog and store have at one key. Undefined: it changed in between, and is no fault. */
export async function examine(
  looking: Examination,
  { key, row, blob }: { key: string; row?: FileRow; blob?: BlobInfo },
): Promise<Examined | undefined> {
  const { context, db, feed, store } = looking;
  try {
    if (row === undefined) return await examineBlob(looking, key);
    if (!isKey(key)) return finding("differ", key, "the catalog holds a key that no store can have");
    if (blob !== undefined) return await examineAgain(looking, row, await examinePair(looking, row, blob));
    // it may have been deleted or stored between the two listings
    if (!(await listFileHashes(db, feed.id, [key])).has(key)) return undefined;
    const now = await store.head(key, { signal: context.signal });
    if (now === undefined) return finding("missing-blob", key, "the store has no such blob");
    return await examineAgain(looking, row, await examinePair(looking, row, now));
  } catch (error) {
    // a blob that cannot be read is not proven, which is another thing than being wrong
    if (!isFeedctlError(error, "denied", "unavailable", "corrupt", "not-found")) throw error;
    return finding("unchecked", key, error.message);
  }
}

async function examinePair({ context, store, read }: Examination, row: FileRow, blob: BlobInfo): Promise<Examined> {
  if (blob.size !== row.size) return finding("differ", row.key, `has ${blob.size} bytes instead of ${row.size}`);
  if (read) {
    const { sha256 } = await hashStream(await store.get(parseKey(row.key), { signal: context.signal, known: blob }));
    if (sha256 !== row.sha256) return finding("differ", row.key, `hashes to sha256 ${sha256} instead of ${row.sha256}`);
    return { size: row.size, proof: { id: row.id, storeTag: blob.tag ?? null } };
  }
  if (blob.md5 !== undefined && blob.md5 !== row.md5)
    return finding("differ", row.key, `has md5 ${blob.md5} instead of ${row.md5}`);
  if (blob.sha256 !== undefined && blob.sha256 !== row.sha256)
    return finding("differ", row.key, `is marked with sha256 ${blob.sha256} instead of ${row.sha256}`);
  return { size: row.size };
}

/** What differs may be an overwrite that goes on, went by between the two listings, or was interrupted. */
async function examineAgain(looking: Examination, row: FileRow, result: Examined): Promise<Examined | undefined> {
  if (!("finding" in result)) return result;
  const { context, db, feed, storeId, store } = looking;
  const { key } = row;
  const writer = await findWriter(db, storeId, key);
  if (writer !== undefined) {
    if (!(await isDead(looking, writer))) return undefined;
    const why = `an interrupted import was replacing it: it ${result.reason}; --repair finishes that`;
    return finding("differ", key, why);
  }
  const now = (await readFiles(db, feed.id, [key])).get(key);
  if (now === undefined) return undefined;
  if (now.sha256 === row.sha256 || !isKey(key)) return result;
  const blob = await store.head(key, { signal: context.signal });
  return blob === undefined
    ? finding("missing-blob", key, "the store has no such blob")
    : examinePair(looking, now, blob);
}

/** A blob without a row is a fault, unless an import is about to record it or just did. */
async function examineBlob(looking: Examination, key: string): Promise<VerifyFinding | undefined> {
  const { db, feed, storeId } = looking;
  const writer = await findWriter(db, storeId, key);
  if (writer !== undefined) {
    if (!(await isDead(looking, writer))) return undefined;
    return finding("missing-row", key, "was left by an interrupted import; --repair removes it");
  }
  if ((await listFileHashes(db, feed.id, [key])).has(key)) return undefined;
  return finding("missing-row", key, "no row of the catalog names it");
}

async function isDead({ context }: Examination, runId: number): Promise<boolean> {
  return (await deadRuns(await context.catalog(), [runId], 0)).length > 0;
}

export function finding(kind: VerifyFinding["finding"], key: string, reason: string): VerifyFinding {
  return { type: "finding", finding: kind, key, reason };
}
