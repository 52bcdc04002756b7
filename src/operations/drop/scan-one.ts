import { relative, sep } from "node:path";
import {
  forgetDropFolders,
  readDropFiles,
  removeDropFiles,
  saveDropFiles,
  saveDropScans,
} from "../../catalog/drops.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { dropCandidates } from "./settled-files.ts";
import { cleanUpAfterImport } from "./clean-up.ts";
import { openEmptiedFolders, type EmptiedFolders } from "./emptied-folders.ts";
import { createKnownRejects, type KnownRejects } from "./known-rejects.ts";
import { brokenNameEvents, eventOf, keptEvent, knownEvents, type Reporting } from "./file-event.ts";
import { zeroDropCounts, type DropCounts, type DropFileEvent } from "./outcome.ts";
import { intakeOf } from "./intake.ts";
import { openDropPath } from "./check-path.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { isInFeed } from "../import/outcome.ts";
import { refuseDropOverlap, type OccupiedPlace } from "../feed-store/occupied-places.ts";

export interface DropOptions {
  overwrite: boolean;
  /** Milliseconds for which a file must not change. */
  settle: number;
  /** Read files again that earlier scans could not import. */
  again: boolean;
  dryRun: boolean;
  rejectTo: string | undefined;
  occupied: readonly OccupiedPlace[];
}

export interface DropScanResult {
  counts: DropCounts;
  /** Why the scan failed, wholly or in part. */
  error?: FeedctlError | undefined;
}

/**
 * Imports the files of one drop path into its feed. Errors of the scan are saved for `drop status` and returned. Throws
 * `locked` when another scan of the drop path is running, and rejects when the user aborts or the catalog fails.
 */
export async function* scanDropPath(
  context: Context,
  feed: FeedRow & { drop_path: string },
  options: DropOptions,
): AsyncGenerator<DropFileEvent, DropScanResult> {
  const { dryRun } = options;
  const catalog = await context.catalog();
  const lock = dryRun ? undefined : await catalog.lock({ kind: "drop", id: feed.id, mode: "exclusive" });
  await using _held = lock;
  if (lock === undefined && !dryRun)
    throw new FeedctlError("locked", `another scan of the drop path of feed "${feed.name}" is running`, {
      hint: "scan again when it is done",
    });
  const root = feed.drop_path;
  const counts = zeroDropCounts();
  const found: ScanFindings = { problems: [], complete: false, listed: false };
  try {
    yield* importFiles({ context, feed, options, counts, found, lock });
    // single files may vanish without an error, but not the drop path
    await (await openDropPath(root)).close();
    found.listed = true;
    found.complete = found.problems.length === 0;
  } catch (error) {
    // "locked" means that a cut-over freezes the feed for a moment, not that the drop path has a problem
    if (context.signal.aborted || !isFeedctlError(error) || error.code === "locked") throw error;
    found.problems.unshift(error);
  } finally {
    if (lock !== undefined) await saveScan(context, { feed, lock }, counts, found);
  }
  return { counts, error: found.problems[0] };
}

/** What a scan found, also when it failed half-way. */
interface ScanFindings {
  problems: FeedctlError[];
  /** Whether the drop path was listed completely. */
  complete: boolean;
  /** Whether the drop path was there until the end. */
  listed: boolean;
  /** Undefined in a dry run. */
  emptied?: EmptiedFolders | undefined;
  memory?: KnownRejects;
}

interface Scan {
  context: Context;
  feed: FeedRow & { drop_path: string };
  options: DropOptions;
  counts: DropCounts;
  found: ScanFindings;
  /** Undefined in a dry run. */
  lock: Holder | undefined;
}

async function* importFiles({ context, feed, options, counts, found, lock }: Scan): AsyncGenerator<DropFileEvent> {
  const { db } = await context.catalog();
  const { overwrite, dryRun, again, settle, rejectTo } = options;
  const { drop_path: root } = feed;
  const pathOf = (path: string) => relative(root, path).replaceAll(sep, "/");
  // first, because among thousands of feeds the comparison with all their places costs most
  await (await openDropPath(root)).close();
  const intake = await intakeOf(feed);
  refuseDropOverlap(feed, root, options.occupied);
  const memory = createKnownRejects(await readDropFiles(db, feed.id), {
    pathOf: (file) => pathOf(file.path),
    now: context.now(),
    again,
    overwrite,
    readsNeighbours: intake.readsNeighbours,
  });
  found.memory = memory;
  const { problems } = found;
  const onProblem = (error: unknown) => {
    if (!isFeedctlError(error)) throw error;
    problems.push(error);
  };
  const sidecars: FoundFile[] = [];
  const broken: FoundFile[] = [];
  const onBrokenName = (file: FoundFile) => void broken.push(file);
  const candidates = dropCandidates(context, { root, intake, onProblem, onBrokenName }, memory, {
    settle,
    onFolder: (folder) => sidecars.push(...folder.sidecars),
    onUnsettled: (count) => (counts.unsettled += count),
  });
  const reporting: Reporting = { context, feed, memory, counts, problems, rejectTo, dryRun, pathOf };
  const emptied = lock && (await openEmptiedFolders(context, { feed, root, lock }));
  found.emptied = emptied;
  const imported = new Set<string>();
  try {
    const first = await candidates.next();
    if (first.done !== true) {
      // a scan without files is not recorded as a run
      const about = { feed, command: "drop scan", dryRun, overwrite, pathOf };
      await using open = await intake.open(context, about);
      const files = startingWith(first.value, candidates);
      for await (const each of open.importFiles(emptied?.noting(files) ?? files)) {
        const { found: file, result, isKept = false } = each;
        if (file === undefined) throw new Error(`${result.file} is not a file of the drop path`);
        if (isInFeed(result) && !isKept) imported.add(file.path);
        const event = isKept ? keptEvent(reporting, file, result) : await eventOf(reporting, file, result);
        if (event !== undefined) yield event;
      }
      await open.finish({ type: "summary", feed: feed.name, ...counts });
    }
  } finally {
    if (emptied !== undefined) {
      const left = await emptied.left(sidecars);
      for (const path of left.imported) imported.add(path);
      await cleanUpAfterImport(root, { imported, folders: left.folders, sidecars });
    }
  }
  yield* knownEvents(reporting);
  yield* brokenNameEvents(reporting, broken);
}

async function* startingWith<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

/** Saves the results that the next scan and `drop status` need. */
async function saveScan(
  context: Context,
  { feed, lock }: { feed: FeedRow; lock: Holder },
  counts: DropCounts,
  found: ScanFindings,
): Promise<void> {
  const { db } = await context.catalog();
  const { memory, complete, problems, emptied, listed } = found;
  const all = memory?.waiting().toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const failed = all?.find(({ status }) => status === "failed");
  const why = failed === undefined ? null : `${failed.path}: ${failed.reason}`;
  await commit(db, [lock], async (transaction) => {
    const { save, remove } = memory?.changes(complete) ?? { save: [], remove: [] };
    await saveDropFiles(transaction, feed.id, save);
    await removeDropFiles(transaction, feed.id, remove);
    if (listed && emptied?.hasNotes() === true) await forgetDropFolders(transaction, feed.id);
    const imported = counts.imported + counts.restored;
    const problem = problems[0]?.message ?? why;
    await saveDropScans(transaction, [{ feedId: feed.id, scannedAt: context.now(), imported, problem }]);
  });
}
