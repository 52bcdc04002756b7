import type { Unchecked } from "../../catalog/connection/check-keys.ts";
import { listFileHashes, readFiles, type FileRow, type Verified } from "../../catalog/files.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { findWriter } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { isFeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/hash.ts";
import { isKey, type Key } from "../../lib/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { deadRuns } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";

/**
 * `missing-blob`: a row whose blob does not exist. `missing-row`: a blob without a row. `foreign`: a name in the store
 * that is not a valid key. `unchecked`: a blob that could not be read.
 */
export type Finding = "match" | "differ" | "missing-blob" | "missing-row" | "unchecked" | "foreign";

export interface VerifyFinding {
  type: "finding";
  finding: Exclude<Finding, "match">;
  key: string;
  reason: string;
}

/** The store to compare with the catalog. */
export interface Comparison {
  feed: FeedRow;
  storeId: number;
  store: Store;
  /** Whether to read and hash blobs, instead of comparing only the size and the hashes in the listing. */
  read: boolean;
  /** How much an earlier repair has repaired, for the summary. */
  repaired?: number;
}

export interface Examination extends Comparison {
  context: Context;
  db: Db;
}

/** What the listings have at one key. The catalog's rows are not checked yet. */
export type ListedPair = { key: string } & Partial<{ row: Unchecked<FileRow>; blob: BlobInfo }>;

function hasValidKey(pair: ListedPair): pair is { key: Key } & Partial<{ row: FileRow; blob: BlobInfo }> {
  return isKey(pair.key);
}

/** A finding, or the size of a blob that matches its row. `proof` is set when its bytes were read. */
export type ExamineResult = VerifyFinding | { size: number; proof?: Verified };

/** Compares catalog and store at one key. Undefined when the key changed between the two listings. */
export async function examine(examination: Examination, pair: ListedPair): Promise<ExamineResult | undefined> {
  if (!hasValidKey(pair)) return finding("differ", pair.key, "the catalog's key is not a valid key");
  const { key, row, blob } = pair;
  const { context, db, feed, store } = examination;
  try {
    if (row === undefined) return await examineBlob(examination, key);
    if (blob !== undefined) return await examineAgain(examination, row, await examinePair(examination, row, blob));
    // it may have been deleted or stored between the two listings
    if (!(await listFileHashes(db, feed.id, [key])).has(key)) return undefined;
    const now = await store.head(key, { signal: context.signal });
    if (now === undefined) return finding("missing-blob", key, "the store has no such blob");
    return await examineAgain(examination, row, await examinePair(examination, row, now));
  } catch (error) {
    // a blob that could not be read may still be correct
    if (!isFeedctlError(error, "denied", "unavailable", "corrupt", "not-found")) throw error;
    return finding("unchecked", key, error.message);
  }
}

async function examinePair(
  { context, store, read }: Examination,
  row: FileRow,
  blob: BlobInfo,
): Promise<ExamineResult> {
  if (blob.size !== row.size) return finding("differ", row.key, `has ${blob.size} bytes instead of ${row.size}`);
  if (read) {
    const { sha256 } = await hashStream(await store.get(row.key, { signal: context.signal, known: blob }));
    if (sha256 !== row.sha256) return finding("differ", row.key, `hashes to sha256 ${sha256} instead of ${row.sha256}`);
    return { size: row.size, proof: { id: row.id, storeTag: blob.tag ?? null } };
  }
  if (blob.md5 !== undefined && blob.md5 !== row.md5)
    return finding("differ", row.key, `has md5 ${blob.md5} instead of ${row.md5}`);
  if (blob.sha256 !== undefined && blob.sha256 !== row.sha256)
    return finding("differ", row.key, `is marked with sha256 ${blob.sha256} instead of ${row.sha256}`);
  return { size: row.size };
}

/**
 * Checks whether a difference comes from an overwrite that is in progress, was interrupted, or ended between the
 * listings.
 */
async function examineAgain(
  examination: Examination,
  row: FileRow,
  result: ExamineResult,
): Promise<ExamineResult | undefined> {
  if (!("finding" in result)) return result;
  const { context, db, feed, storeId, store } = examination;
  const { key } = row;
  const writer = await findWriter(db, storeId, key);
  if (writer !== undefined) {
    if (!(await isDead(examination, writer))) return undefined;
    const why = `it ${result.reason}; an interrupted import was replacing it; --repair finishes that`;
    return finding("differ", key, why);
  }
  const now = (await readFiles(db, feed.id, [key])).get(key);
  if (now === undefined) return undefined;
  if (now.sha256 === row.sha256) return result;
  const blob = await store.head(key, { signal: context.signal });
  return blob === undefined
    ? finding("missing-blob", key, "the store has no such blob")
    : examinePair(examination, now, blob);
}

/** Reports a blob without a row, unless an import is about to record it or has just done so. */
async function examineBlob(examination: Examination, key: Key): Promise<VerifyFinding | undefined> {
  const { db, feed, storeId } = examination;
  const writer = await findWriter(db, storeId, key);
  if (writer !== undefined) {
    if (!(await isDead(examination, writer))) return undefined;
    return finding("missing-row", key, "was left by an interrupted import; --repair removes it");
  }
  if ((await listFileHashes(db, feed.id, [key])).has(key)) return undefined;
  return finding("missing-row", key, "the catalog has no row for it");
}

async function isDead({ context }: Examination, runId: number): Promise<boolean> {
  return (await deadRuns(await context.catalog(), [runId], 0)).length > 0;
}

export function finding(kind: VerifyFinding["finding"], key: string, reason: string): VerifyFinding {
  return { type: "finding", finding: kind, key, reason };
}
