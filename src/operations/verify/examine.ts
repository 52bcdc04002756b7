import type { Unchecked } from "../../catalog/connection/check-keys.ts";
import type { FileRow, Verified } from "../../catalog/files.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { readKeyState, type KeyState } from "../../catalog/key-state.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError, isUnreadableBlob } from "../../errors.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import { isKey, type Key } from "../../lib/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { deadRuns } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";

/**
 * `missing-blob`: a row whose blob does not exist. `missing-row`: a blob without a row. `pending`: a blob that waits for
 * its deletion, which is not a fault. `foreign`: a name in the store that is not a valid key. `unchecked`: a blob that
 * could not be read.
 */
export type Finding = "match" | "differ" | "missing-blob" | "missing-row" | "pending" | "unchecked" | "foreign";

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
  /** Whether a blob without a row accompanies packages: a checksum, an index of a repository. */
  accompanies: (key: Key) => boolean;
  /** How much an earlier repair has repaired, for the summary. */
  repaired?: number;
}

export interface Examination extends Comparison {
  context: Context;
  db: Db;
}

/** What the listings have at one key. The catalog's rows are not checked yet. */
export type ListedPair = { key: string } & Partial<{ row: Unchecked<FileRow>; blob: BlobInfo }>;

type Pair = { key: Key } & Partial<{ row: FileRow; blob: BlobInfo }>;

function hasValidKey(pair: ListedPair): pair is Pair {
  return isKey(pair.key);
}

/**
 * A finding, or the size of a blob that matches its row (`proof` is set when its bytes were read), or a blob that needs
 * no row.
 */
export type ExamineResult = VerifyFinding | { size: number; proof?: Verified } | { companion: true };

/**
 * Compares catalog and store at one key. Undefined when there is neither row nor blob any more, or while a run is
 * changing them. The two listings are of different moments, so a difference is reported only after a second look.
 */
export async function examine(examination: Examination, pair: ListedPair): Promise<ExamineResult | undefined> {
  if (!hasValidKey(pair)) return finding("differ", pair.key, "the catalog's key is not a valid key");
  const result = await compare(examination, pair);
  return "finding" in result ? examineAgain(examination, pair.key) : result;
}

/** How often a key is compared again when its row changed in the meantime. */
const LOOKS = 8;

/**
 * Reads row, announced write and pending delete of the key, then the blob, then the catalog again: a difference counts
 * when no run is changing the key and the catalog did not change while the blob was compared.
 */
async function examineAgain(examination: Examination, key: Key): Promise<ExamineResult | undefined> {
  for (let look = 0; look < LOOKS; look++) {
    const before = await readState(examination, key);
    const interrupted = before.writer !== null && (await isDead(examination, before.writer));
    if (before.writer !== null && !interrupted) return undefined;
    const result = await compareWithStore(examination, key, before.row);
    if (result === undefined || !("finding" in result)) return result;
    if (before.row === undefined && before.deleter !== null) return pendingDelete(examination, key, before);
    const after = await readState(examination, key);
    if (!isSame(before, after)) continue;
    if (interrupted) return ofInterruptedRun(result);
    const accompanies = result.finding === "missing-row" && examination.accompanies(key);
    return accompanies ? { companion: true } : result;
  }
  return finding("unchecked", key, "its row changed again and again while it was compared");
}

async function readState({ db, feed, storeId }: Examination, key: Key): Promise<KeyState> {
  const state = await readKeyState(db, { feedId: feed.id, storeId }, key);
  if (!state.isCurrent)
    throw new FeedctlError("conflict", `feed "${feed.name}" got another store during the verification`, {
      hint: "run it again",
    });
  return state;
}

function isSame(before: KeyState, after: KeyState): boolean {
  return (
    before.row?.id === after.row?.id &&
    before.row?.sha256 === after.row?.sha256 &&
    before.writer === after.writer &&
    before.deleter === after.deleter
  );
}

/** Undefined when there is neither row nor blob. */
async function compareWithStore(
  examination: Examination,
  key: Key,
  row: FileRow | undefined,
): Promise<ExamineResult | undefined> {
  const { context, store } = examination;
  try {
    const blob = await store.head(key, { signal: context.signal });
    if (row === undefined && blob === undefined) return undefined;
    return await compare(examination, { key, ...(row && { row }), ...(blob && { blob }) });
  } catch (error) {
    return unchecked(key, error);
  }
}

async function compare({ context, store, read }: Examination, { key, row, blob }: Pair): Promise<ExamineResult> {
  if (row === undefined) return finding("missing-row", key, "the catalog has no row for it");
  if (blob === undefined) return finding("missing-blob", key, "the store has no such blob");
  if (blob.size !== row.size) return finding("differ", key, `has ${blob.size} bytes instead of ${row.size}`);
  if (read) {
    try {
      const { sha256 } = await hashStream(
        await store.get(key, { signal: context.signal, known: blob, compared: "all" }),
      );
      if (sha256 !== row.sha256) return finding("differ", key, `hashes to sha256 ${sha256} instead of ${row.sha256}`);
      return { size: row.size, proof: { id: row.id, storeTag: blob.tag ?? null } };
    } catch (error) {
      return unchecked(key, error);
    }
  }
  if (blob.md5 !== undefined && blob.md5 !== row.md5)
    return finding("differ", key, `has md5 ${blob.md5} instead of ${row.md5}`);
  if (blob.sha256 !== undefined && blob.sha256 !== row.sha256)
    return finding("differ", key, `is marked with sha256 ${blob.sha256} instead of ${row.sha256}`);
  return { size: row.size };
}

/** A blob that could not be read may still be correct. Throws the error when it is not about the blob. */
function unchecked(key: Key, error: unknown): VerifyFinding {
  if (!isUnreadableBlob(error) && !isFeedctlError(error, "unavailable")) throw error;
  return finding("unchecked", key, error.message);
}

function ofInterruptedRun(result: VerifyFinding): VerifyFinding {
  if (result.finding === "missing-row")
    return { ...result, reason: "was left by an interrupted import; --repair removes it" };
  return {
    ...result,
    finding: "differ",
    reason: `it ${result.reason}; an interrupted import was replacing it; --repair finishes that`,
  };
}

/** Undefined while the run that deleted the row is at work. */
async function pendingDelete(
  examination: Examination,
  key: Key,
  { deleter, reason, nextTry }: KeyState,
): Promise<VerifyFinding | undefined> {
  if (reason !== null)
    return finding("pending", key, `was not deleted: ${reason}; it is tried again after ${nextTry?.toISOString()}`);
  if (deleter !== null && !(await isDead(examination, deleter))) return undefined;
  return finding("pending", key, "waits for its deletion; --repair deletes it");
}

async function isDead({ context }: Examination, runId: number): Promise<boolean> {
  return (await deadRuns(await context.catalog(), [runId], 0)).length > 0;
}

export function finding(kind: VerifyFinding["finding"], key: string, reason: string): VerifyFinding {
  return { type: "finding", finding: kind, key, reason };
}
