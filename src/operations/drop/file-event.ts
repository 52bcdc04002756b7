import { FeedctlError } from "../../errors.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { printable } from "../../lib/text/printable.ts";
import type { Context } from "../context.ts";
import { isInFeed, unread, type ImportedFile } from "../import/outcome.ts";
import { currentMark, sameMark } from "../local-files/file-mark.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { KnownRejects } from "./known-rejects.ts";
import { countDrop, type DropCounts, type DropFileEvent } from "./outcome.ts";
import { rejectFile } from "./reject.ts";

/** What is needed to report the files of one scan. */
export interface Reporting {
  context: Context;
  feed: FeedRow;
  memory: KnownRejects;
  counts: DropCounts;
  /** Errors of the scan as a whole; errors of single files are results. */
  problems: FeedctlError[];
  /** The directory to which conflicting and invalid files are moved; undefined: they stay. */
  rejectTo: string | undefined;
  dryRun: boolean;
  /** The path relative to the drop path, with `/`. */
  pathOf(path: string): string;
}

/** Counts a result and records a file that stays. Undefined when an earlier scan reported the same. */
export async function eventOf(
  reporting: Reporting,
  file: FoundFile,
  result: ImportedFile,
): Promise<DropFileEvent | undefined> {
  const { memory, counts, feed } = reporting;
  const event: DropFileEvent = { ...result, feed: feed.name, rejectedTo: null };
  if (isInFeed(result)) {
    countDrop(counts, result);
    memory.forget(file);
    return event;
  }
  const mark = await currentMark(file.path).catch(() => file.mark);
  // another process removed the file, or is writing to it
  if (mark === undefined) memory.forget(file);
  else if (!sameMark(mark, file.mark)) counts.unsettled++;
  if (mark === undefined || !sameMark(mark, file.mark)) return undefined;
  const isNews = memory.note(file, result);
  const moved = await moveAside(reporting, file, event);
  if (isNews) countDrop(counts, result);
  else if (moved.rejectedTo === null) counts.waiting++;
  return isNews || moved.rejectedTo !== null ? moved : undefined;
}

/** Counts a file that the feed has and that stays for another one. Undefined when an earlier scan reported the same. */
export function keptEvent(
  { memory, counts, feed }: Reporting,
  file: FoundFile,
  result: ImportedFile,
): DropFileEvent | undefined {
  memory.keep(file, result.warnings.at(-1) ?? "");
  if (result.status !== "existing") {
    countDrop(counts, result);
    return { ...result, feed: feed.name, rejectedTo: null };
  }
  counts.waiting++;
  return undefined;
}

/** Handles unchanged files that earlier scans reported: counts them, and yields those that are moved aside now. */
export async function* knownEvents(reporting: Reporting): AsyncGenerator<DropFileEvent> {
  const { memory, counts, feed } = reporting;
  for (const { file, row } of memory.kept.values()) {
    const { status, reason } = row;
    if (status === "kept") {
      counts.waiting++;
      continue;
    }
    const event = { ...unread(file.path, status, reason), feed: feed.name, rejectedTo: null };
    const moved = await moveAside(reporting, file, event);
    if (moved.rejectedTo === null) counts.waiting++;
    else yield moved;
  }
}

/** Reports files whose names are not valid UTF-8. */
export function* brokenNameEvents(
  { memory, counts, feed }: Reporting,
  files: readonly FoundFile[],
): Generator<DropFileEvent> {
  for (const file of files) {
    const result = unread(file.path, "invalid", "its name is not UTF-8 text; rename it");
    if (memory.note(file, result)) {
      countDrop(counts, result);
      yield { ...result, feed: feed.name, rejectedTo: null };
    } else counts.waiting++;
  }
}

async function moveAside(reporting: Reporting, file: FoundFile, event: DropFileEvent): Promise<DropFileEvent> {
  const { context, feed, memory, counts, problems, rejectTo, dryRun, pathOf } = reporting;
  if (rejectTo === undefined || dryRun || event.status === "failed") return event;
  const about = [`status: ${event.status}`, `feed:   ${feed.name}`, `file:   ${file.path}`];
  const lines = [event.reason ?? "", "", ...about, `time:   ${context.now().toISOString()}`];
  const text = lines.map((line) => `${printable(line)}\n`).join("");
  try {
    const to = await rejectFile(file, { folder: rejectTo, path: pathOf(file.path), text });
    memory.forget(file);
    if (to === undefined) return event;
    counts.rejected++;
    return { ...event, rejectedTo: to };
  } catch (error) {
    const why = `could not move ${file.path} to ${rejectTo}: ${(error as Error).message}`;
    // the saved reason shows the next scan that this was reported
    if (event.reason?.endsWith(why) === true) return event;
    memory.note(file, { ...event, reason: `${event.reason ?? ""}; ${why}` });
    problems.push(new FeedctlError("denied", why, { cause: error }));
    return event;
  }
}
