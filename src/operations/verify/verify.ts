import { marksFolder } from "../../stores/key.ts";
import { createArchiveNotice } from "../transfer/archive-notice.ts";
import type { Unchecked } from "../../catalog/connection/check-keys.ts";
import { listFiles, markVerified, type FileRow, type Verified } from "../../catalog/files.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { accompaniesPackages } from "../../formats/accompanies.ts";
import { loadFormat } from "../../formats/index.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { clockProblem } from "../right-clock.ts";
import { openProvenStore, requireStore } from "../feed-store/open-feed-store.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { removeOldProbes } from "../feed-store/probes.ts";
import { traitsOf } from "../feed-store/store-traits.ts";
import { startRun } from "../commit/recorded-run.ts";
import { finishPending, reportUndeleted } from "../commit/settle.ts";
import { discardOwnUploads, type UploadsPlace } from "../commit/unfinished.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import { examine, finding, type Comparison, type Examination, type VerifyFinding } from "./examine.ts";

export type { VerifyFinding } from "./examine.ts";

export interface VerifyInput {
  feed: string;
  /** Read every blob and compare its SHA-256, instead of only the size and the hashes in the listing. */
  read?: boolean | undefined;
  /** First finish the work of interrupted runs: remove blobs without rows, carry out pending deletes. */
  repair?: boolean | undefined;
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
  /** Blobs that accompany packages and need no row: checksums, indexes of a repository. */
  companions: number;
  unchecked: number;
  /** Blobs without a row that wait for their deletion: reported, but not counted as a fault. */
  pending: number;
  /** Names in the store that are not valid keys: reported, but not counted as a fault. */
  foreign: number;
  /**
   * With `repair`: how many overwrites were finished, and blobs without rows, pending deletes, incomplete uploads
   * and probes of killed processes removed.
   */
  repaired: number;
  bytes: number;
}

export type VerifyEvent = VerifyFinding | VerifySummary;

export function isSound(summary: VerifySummary): boolean {
  return summary.differ + summary.missingBlob + summary.missingRow + summary.unchecked === 0;
}

/** Checks that every row has its blob and every blob its row. Changes nothing without `repair`. */
export async function* verifyFeed(context: Context, input: VerifyInput): AsyncGenerator<VerifyEvent> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, input.feed);
  const row = await requireStore(db, feed);
  await using store = await openProvenStore(context, db, feed, { row, intent: input.repair ? "write" : "read" });
  let repaired = 0;
  if (input.repair) {
    await using run = await startRun(context, "verify --repair", feed.id);
    const target = { feed, storeId: row.id, store, run };
    // before announcements are withdrawn, which show whose an upload is
    const discarded = await discardUploads(context, db, target);
    const finished = await finishPending(context, target, { wait: context.lockWait, all: true });
    reportUndeleted(context, feed.name, finished, "all");
    const swept = discarded + (await removeOldProbes(context, store, traitsOf(row)?.lock));
    const { deleted, abandoned, replaced, undeleted } = finished;
    repaired = abandoned + deleted + replaced + swept;
    await run.finish({ deleted, abandoned, replaced, undeleted });
  }
  yield* compareCatalog(context, db, { feed, storeId: row.id, store, read: input.read ?? false, repaired });
}

const DAY = 86_400_000;

/** Discards our incomplete uploads that are older than a day, which nobody continues. Returns how many. */
async function discardUploads(context: Context, db: Db, place: UploadsPlace): Promise<number> {
  const wrongClock = await clockProblem(context);
  if (wrongClock === undefined) return discardOwnUploads(context, db, place, new Date(context.now().getTime() - DAY));
  context.notice(`incomplete uploads were not removed: ${wrongClock.message}`, { failed: true });
  return 0;
}

/**
 * Compares catalog and store; also the verification that other operations require. Yields findings, then the summary.
 */
export async function* compareCatalog(
  context: Context,
  db: Db,
  what: Omit<Comparison, "accompanies">,
): AsyncGenerator<VerifyEvent> {
  const { feed, store, read } = what;
  const examination: Examination = { context, db, ...what, accompanies: await companionsOf(feed) };
  const summary: VerifySummary = {
    type: "summary",
    feed: feed.name,
    location: store.name,
    read,
    match: 0,
    differ: 0,
    missingBlob: 0,
    missingRow: 0,
    companions: 0,
    unchecked: 0,
    pending: 0,
    foreign: 0,
    repaired: what.repaired ?? 0,
    bytes: 0,
  };
  const foreign: string[] = [];
  const onForeign = (name: string, problem?: string) => void (marksFolder(name, problem) || foreign.push(name));
  const pairs = sideBySide<{ row: Unchecked<FileRow>; blob: BlobInfo }>(
    {
      row: listFiles(db, feed.id),
      blob: store.list("", { signal: context.signal, onForeign }),
    },
    { row: "the catalog", blob: store.name },
  );
  let proven: Verified[] = [];
  const flush = async () => {
    const batch = proven;
    proven = [];
    await markVerified(db, batch, context.now());
  };
  const noticeArchived = createArchiveNotice(context, { place: store.name, fate: "cannot be checked" });
  const examineOne: typeof examine = (how, pair) => {
    if (read && pair.row !== undefined && pair.blob !== undefined) noticeArchived(pair.blob);
    return examine(how, pair);
  };
  for await (const result of mapParallel(pairs, context.concurrency, (pair) => examineOne(examination, pair))) {
    yield* reportForeign();
    if (result === undefined) continue;
    if ("finding" in result) {
      summary[counters[result.finding]]++;
      yield result;
      continue;
    }
    if ("companion" in result) {
      summary.companions++;
      continue;
    }
    summary.match++;
    summary.bytes += result.size;
    if (result.proof !== undefined) proven.push(result.proof);
    if (proven.length >= 1000) await flush();
  }
  yield* reportForeign();
  await flush();
  yield summary;

  function* reportForeign(): Generator<VerifyFinding> {
    for (const name of foreign.splice(0)) {
      summary.foreign++;
      yield finding("foreign", name, "its name is not a valid key");
    }
  }
}

async function companionsOf({ type }: FeedRow): Promise<Comparison["accompanies"]> {
  if (type === "asset") return () => false;
  const format = await loadFormat(type);
  return (key) => accompaniesPackages(format, key);
}

/** The member of the summary that counts each kind of finding. */
const counters = {
  differ: "differ",
  "missing-blob": "missingBlob",
  "missing-row": "missingRow",
  unchecked: "unchecked",
  pending: "pending",
  foreign: "foreign",
} as const satisfies Record<VerifyFinding["finding"], keyof VerifySummary>;
