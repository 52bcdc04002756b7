import { fileTime } from "../../lib/files/file-time.ts";
import { createHash, type Hash } from "node:crypto";
import { stat } from "node:fs/promises";
import {
  deleteRejectedLog,
  logRecordId,
  listCountedLogs,
  recordUse,
  saveCountedLog,
  saveRejectedLog,
  type CountedLog,
} from "../../catalog/usage.ts";
import { findCountedLogs } from "../../catalog/usage-forget.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { forgetCounted } from "./forget-logs.ts";
import { showUsed } from "./show-used.ts";
import type { LogFormat } from "./formats/names.ts";
import { createLogLines, type LineCounts, type LogLines, type LogSample } from "./log-lines.ts";
import { logPieces, prefixHash, readStart, type LogPiece } from "./read-log.ts";

export interface Log {
  feedId: number;
  file: string;
  format: LogFormat | "auto";
  /** What precedes a file's key in a request's path; empty or without a leading slash. */
  prefix: string;
  /** The greatest share of lines that may not be understood, from 0 to 1. */
  maxUnreadable: number;
  /** The feed's name: what the log gave before is replaced. */
  again?: string | undefined;
}

/** The result for one log. */
export interface CountedFile {
  type: "log";
  file: string;
  /**
   * `known`: it has no lines since it was last counted. `rejected`: too many lines were not understood, so the lines
   * since then were not counted.
   */
  status: "counted" | "known" | "rejected" | "failed";
  /** Lines since the log was last counted. */
  lines: number;
  /** Downloads of files that the feed has. */
  downloads: number;
  /** Versions that retention had hidden as unused, and that are shown again. */
  restored: number;
  /** Files that the feed does not have, and successful reads outside the prefix. */
  foreign: number;
  /** Lines that could not be parsed. */
  unreadable: number;
  /** The first of them. */
  samples: readonly LogSample[];
  /** Times of the oldest and newest line that was counted. */
  from: Date | null;
  until: Date | null;
  reason: string | null;
}

/** Counts the lines that were added since the log was last counted. */
export async function countLog(context: Context, log: Log): Promise<CountedFile> {
  const answer: CountedFile = {
    type: "log",
    file: log.file,
    status: "counted",
    lines: 0,
    downloads: 0,
    restored: 0,
    foreign: 0,
    unreadable: 0,
    samples: [],
    from: null,
    until: null,
    reason: null,
  };
  try {
    await countInto(context, log, answer);
  } catch (error) {
    const reason = fileProblem(error);
    if (reason === undefined) throw error;
    return { ...answer, status: "failed", reason };
  }
  return answer;
}

async function countInto(context: Context, log: Log, answer: CountedFile): Promise<void> {
  const { db } = await context.catalog();
  const start = await readStart(log.file);
  const { head } = start;
  const earlier = await prefixHash(log.file, await listCountedLogs(db, log.feedId, start));
  const replaced = log.again === undefined ? undefined : earlier;
  const done = log.again === undefined ? earlier : undefined;
  const counted = done?.bytes ?? 0;
  const lines = createLogLines(log);
  const saver = createSaver(context, log, { head, done, replaced, answer });
  const hash = createHash("sha256");
  let offset = 0;
  let isRejected = false;
  for await (const piece of logPieces(log.file)) {
    context.signal.throwIfAborted();
    // the first bytes of the piece may have been counted before
    const from = Math.min(Math.max(0, counted - offset), piece.bytes.length);
    lines.skip(piece.bytes.subarray(0, from));
    if (isUnfinished(piece, offset, lines)) continue;
    hash.update(piece.bytes);
    offset += piece.bytes.length;
    if (from < piece.bytes.length) lines.add(piece.bytes, from);
    if (isRejected || !lines.isFull()) continue;
    if (isUnderstood(lines.counts(), log)) await saver.save(lines, { hash: hash.copy(), bytes: offset });
    else {
      isRejected = true;
      lines.stop();
    }
  }
  answer.samples = lines.samples;
  isRejected ||= !isUnderstood(lines.counts(), log);
  if (isRejected) await saver.reject(lines);
  else if (offset > counted) await saver.save(lines, { hash, bytes: offset });
  else {
    answer.status = "known";
    await deleteRejectedLog(db, log.feedId, { name: log.file, head });
  }
}

/**
 * Whether the server is still writing the line, so that the next run counts it. A log that consists of one line without
 * an end is complete.
 */
function isUnfinished({ isOpen, bytes }: LogPiece, offset: number, lines: LogLines): boolean {
  return isOpen && (offset > 0 || bytes[0] === 0x23) && !lines.canRead(bytes);
}

function isUnderstood({ lines, unreadable }: { lines: number; unreadable: number }, { maxUnreadable }: Log): boolean {
  return unreadable <= lines * maxUnreadable;
}

/** What a log gave before this run; undefined when it was not counted. */
type Done = Awaited<ReturnType<typeof listCountedLogs>>[number] | undefined;

/** Records the segments of one log. */
function createSaver(
  context: Context,
  log: Log,
  { head, done, replaced, answer }: { head: string; done: Done; replaced: Done; answer: CountedFile },
) {
  let before = done?.sha256;
  let toForget = replaced?.sha256;
  let sum: LineCounts = done ?? { lines: 0, unreadable: 0, first: null, last: null };
  return {
    async save(lines: LogLines, { hash, bytes }: { hash: Hash; bytes: number }): Promise<void> {
      const now = context.now();
      const segment = lines.take(now);
      const total = add(sum, segment);
      const sha256 = hash.digest("hex");
      const { db } = await context.catalog();
      const recorded = await commit(db, [], async (transaction) => {
        if (toForget !== undefined)
          for (const old of await findCountedLogs(transaction, log.feedId, { sha256: toForget }))
            await forgetCounted(transaction, log.again ?? "", log.file, old);
        const id = await logRecordId(transaction, log.feedId, before);
        const found = await recordUse(transaction, { feedId: log.feedId, importId: id }, segment.uses);
        const restored = await showUsed(context, transaction, log.feedId, found.hidden);
        // when no file of the feed was found, prefix or format may be wrong: the log is read again next time
        const matched = found.known > 0 || before !== undefined;
        const saved: CountedLog = { ...total, head, sha256, bytes, name: log.file, prefix: log.prefix, matched };
        if (!(await saveCountedLog(transaction, log.feedId, saved, { id, before, now })))
          throw new FeedctlError("locked", "another run is counting this log", { hint: "try again when it is done" });
        await deleteRejectedLog(transaction, log.feedId, { name: log.file, head });
        return { ...found, restored, matched };
      });
      toForget = undefined;
      sum = total;
      if (recorded.matched) before = sha256;
      answer.lines += segment.lines;
      answer.unreadable += segment.unreadable;
      answer.downloads += recorded.downloads;
      answer.restored += recorded.restored;
      answer.foreign += segment.foreign + segment.uses.length - recorded.known;
      const { first, last } = add({ lines: 0, unreadable: 0, first: answer.from, last: answer.until }, segment);
      answer.from = first;
      answer.until = last;
    },

    /** Records that the rest of the log is missing from the known use. */
    async reject(lines: LogLines): Promise<void> {
      const { lines: count, unreadable, last } = lines.counts();
      answer.status = "rejected";
      answer.lines += count;
      answer.unreadable += unreadable;
      const now = context.now();
      const written = Math.max(fileTime((await stat(log.file)).mtimeMs), last?.getTime() ?? 0);
      await saveRejectedLog((await context.catalog()).db, log.feedId, {
        name: log.file,
        head,
        lines: count,
        unreadable,
        last: new Date(Math.min(written, now.getTime())),
        seenAt: now,
      });
    },
  };
}

function add(one: LineCounts, other: LineCounts): LineCounts {
  const times = (name: "first" | "last") => [one[name], other[name]].flatMap((time) => time?.getTime() ?? []);
  const [firsts, lasts] = [times("first"), times("last")];
  return {
    lines: one.lines + other.lines,
    unreadable: one.unreadable + other.unreadable,
    first: firsts.length === 0 ? null : new Date(Math.min(...firsts)),
    last: lasts.length === 0 ? null : new Date(Math.max(...lasts)),
  };
}

/** Why this log could not be counted; undefined when the error is not about the log. */
function fileProblem(error: unknown): string | undefined {
  if (isFeedctlError(error, "locked", "invalid"))
    return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
  if (!(error instanceof Error) || isFeedctlError(error) || error.name === "AbortError") return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file";
  return typeof code === "string" && /^(E[A-Z]+|Z_[A-Z_]+|ZSTD_\w+|ERR_INVALID_.*)$/.test(code)
    ? `could not read it: ${error.message}`
    : undefined;
}
