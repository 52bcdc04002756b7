import { listFiles, findFiles, markVerified, readFiles, type FileRow, type Verified } from "../../catalog/files.ts";
import { findWriter } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { isFeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/hash.ts";
import { mapParallel } from "../../lib/parallel.ts";
import { isKey, parseKey } from "../../stores/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { openFeedStore, requireStore } from "../feed-store/open-feed-store.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { deadRuns, startRun } from "../commit/recorded-run.ts";
import { settlePending } from "../commit/settle.ts";
import { sideBySide } from "../transfer/merge-listings.ts";

export interface VerifyInput {
  feed: string;
  /** Read every blob and compare its hash, instead of size and what the listing knows. */
  read?: boolean | undefined;
  /** First finish what interrupted runs left: blobs without rows, pending deletes. */
  repair?: boolean | undefined;
}

/** `missing-blob`: a row without its blob. `missing-row`: a blob that no row names. `foreign`: a name that can be no blob. */
export type Finding = "match" | "differ" | "missing-blob" | "missing-row" | "unchecked" | "foreign";

export interface VerifyFinding {
  type: "finding";
  finding: Exclude<Finding, "match">;
  key: string;
  reason: string;
}

export interface VerifySummary {
  type: "summary";
  feed: string;
  location: string;
  /** Whether blobs were read. */
  read: boolean;
  match: number;
  differ: number;
  missingBlob: number;
  missingRow: number;
  unchecked: number;
  /** Names in the store that can be no blob of feedctl: told, not counted as a fault. */
  foreign: number;
  /** With `repair`: interrupted overwrites that were finished, and what was cleared away: blobs without rows, pending deletes, remains of broken uploads. */
  repaired: number;
  bytes: number;
}

export type VerifyEvent = VerifyFinding | VerifySummary;

export function isSound(summary: VerifySummary): boolean {
  return summary.differ + summary.missingBlob + summary.missingRow + summary.unchecked === 0;
}

/** Proves that catalog and store agree, in both directions. Reads only, unless told to repair. */
export async function* verifyFeed(context: Context, input: VerifyInput): AsyncGenerator<VerifyEvent> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, input.feed);
  const row = await requireStore(db, feed);
  await using store = await openFeedStore(context, db, feed, row);
  let repaired = 0;
  if (input.repair) {
    await using run = await startRun(context, "verify --repair", feed.id);
    const settled = await settlePending(context, { feed, storeId: row.id, store, run }, { wait: context.lockWait });
    // a day: nothing that is still being written is that old
    const swept =
      (await store.sweep?.(new Date(context.now().getTime() - 86_400_000), { signal: context.signal })) ?? 0;
    repaired = settled.abandoned + settled.deleted + settled.replaced + swept;
    await run.finish(settled);
  }
  yield* compareCatalog(context, db, { feed, storeId: row.id, store, read: input.read ?? false, repaired });
}

export interface Comparison {
  feed: FeedRow;
  storeId: number;
  store: Store;
  read: boolean;
  repaired?: number;
}

type Examined = VerifyFinding | { size: number; proof?: Verified };

/** The comparison itself, also for those who need a verification before they go on. */
export async function* compareCatalog(context: Context, db: Db, what: Comparison): AsyncGenerator<VerifyEvent> {
  const { feed, storeId, store, read } = what;
  const summary: VerifySummary = {
    type: "summary",
    feed: feed.name,
    location: store.name,
    read,
    match: 0,
    differ: 0,
    missingBlob: 0,
    missingRow: 0,
    unchecked: 0,
    foreign: 0,
    repaired: what.repaired ?? 0,
    bytes: 0,
  };
  const foreign: string[] = [];
  const pairs = sideBySide<{ row: FileRow; blob: BlobInfo }>(
    {
      row: listFiles(db, feed.id),
      blob: store.list("", { signal: context.signal, onForeign: (name) => foreign.push(name) }),
    },
    { row: "the catalog", blob: store.name },
  );
  let proven: Verified[] = [];
  const flush = async () => {
    const batch = proven;
    proven = [];
    await markVerified(db, batch, context.now());
  };
  for await (const result of mapParallel(pairs, context.concurrency, (pair) => examine(pair))) {
    for (const name of foreign.splice(0)) {
      summary.foreign++;
      yield { type: "finding", finding: "foreign", key: name, reason: "is no name that feedctl gives to a blob" };
    }
    if (result === undefined) continue;
    if ("finding" in result) {
      const field = {
        differ: "differ",
        "missing-blob": "missingBlob",
        "missing-row": "missingRow",
        unchecked: "unchecked",
        foreign: "foreign",
      } as const;
      summary[field[result.finding]]++;
      yield result;
      continue;
    }
    summary.match++;
    summary.bytes += result.size;
    if (result.proof !== undefined) proven.push(result.proof);
    if (proven.length >= 1000) await flush();
  }
  for (const name of foreign) {
    summary.foreign++;
    yield { type: "finding", finding: "foreign", key: name, reason: "is no name that feedctl gives to a blob" };
  }
  await flush();
  yield summary;

  async function examine({
    key,
    row,
    blob,
  }: {
    key: string;
    row?: FileRow;
    blob?: BlobInfo;
  }): Promise<Examined | undefined> {
    try {
      if (row === undefined) return await examineBlob(key);
      if (!isKey(key)) return finding("differ", key, "the catalog holds a key that no store can have");
      if (blob === undefined) {
        // it may have been deleted or stored between the two listings
        const still = await findFiles(db, feed.id, [key]);
        if (!still.has(key)) return undefined;
        const now = await store.head(key, { signal: context.signal });
        return now === undefined
          ? finding("missing-blob", key, "the store has no such blob")
          : await examineAgain(row, await examinePair(row, now));
      }
      return await examineAgain(row, await examinePair(row, blob));
    } catch (error) {
      // a blob that cannot be read is not proven, which is another thing than being wrong
      if (!isFeedctlError(error, "denied", "unavailable", "corrupt", "not-found")) throw error;
      return finding("unchecked", key, error.message);
    }
  }

  async function examinePair(row: FileRow, blob: BlobInfo): Promise<Examined> {
    if (blob.size !== row.size) return finding("differ", row.key, `has ${blob.size} bytes instead of ${row.size}`);
    if (read) {
      const { sha256 } = await hashStream(await store.get(parseKey(row.key), { signal: context.signal, known: blob }));
      if (sha256 !== row.sha256)
        return finding("differ", row.key, `hashes to sha256 ${sha256} instead of ${row.sha256}`);
      return { size: row.size, proof: { id: row.id, storeTag: blob.tag ?? null } };
    }
    if (blob.md5 !== undefined && blob.md5 !== row.md5)
      return finding("differ", row.key, `has md5 ${blob.md5} instead of ${row.md5}`);
    if (blob.sha256 !== undefined && blob.sha256 !== row.sha256)
      return finding("differ", row.key, `is marked with sha256 ${blob.sha256} instead of ${row.sha256}`);
    return { size: row.size };
  }

  /** What differs may be an overwrite that goes on, went by between the two listings, or was interrupted. */
  async function examineAgain(row: FileRow, result: Examined) {
    if (!("finding" in result)) return result;
    const { key } = row;
    const writer = await findWriter(db, storeId, key);
    if (writer !== undefined) {
      const dead = await deadRuns(await context.catalog(), [writer], 0);
      if (dead.length === 0) return undefined;
      return finding(
        "differ",
        key,
        `an interrupted import was replacing it: it ${result.reason}; --repair finishes that`,
      );
    }
    const now = (await readFiles(db, feed.id, [key])).get(key);
    if (now === undefined) return undefined;
    if (now.sha256 === row.sha256 || !isKey(key)) return result;
    const blob = await store.head(key, { signal: context.signal });
    return blob === undefined ? finding("missing-blob", key, "the store has no such blob") : examinePair(now, blob);
  }

  /** A blob without a row is a fault, unless an import is about to record it or just did. */
  async function examineBlob(key: string) {
    const writer = await findWriter(db, storeId, key);
    if (writer !== undefined) {
      const dead = await deadRuns(await context.catalog(), [writer], 0);
      return dead.length === 0
        ? undefined
        : finding("missing-row", key, "was left by an interrupted import; --repair removes it");
    }
    if ((await findFiles(db, feed.id, [key])).has(key)) return undefined;
    return finding("missing-row", key, "no row of the catalog names it");
  }
}

function finding(kind: VerifyFinding["finding"], key: string, reason: string): VerifyFinding {
  return { type: "finding", finding: kind, key, reason };
}
